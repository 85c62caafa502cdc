"""The sequence that nobody listed."""

from conformance.attacks.lives import Life, lives
from conformance.registry import check, given
from conformance.target.facade import Target


@check(
    "lifecycle.model",
    needs=[],
    sources=["ASVS-v5.0.0-7.4.1", "ASVS-v5.0.0-7.2.4", "ASVS-v5.0.0-7.2.1", "CWE-613", "CWE-384"],
    exclusive=True,
    newcomers=True,
    # Where logouts end nothing, the first lives show it.
    logins=lambda system: 25 if system.logout_in_vain else 80,
    requests=lambda system: (0.4 if system.logout_in_vain else 2) * len(lives().fitted(system.capabilities).acts),
)
@given(examples=10, life=lives)
async def whatever_happens_the_dead_stay_dead(target: Target, life: Life) -> None:
    """Whatever happens, in whatever order, what ended stays ended, and what lives is its own user's.

    Each attack of the catalogue is a sequence that somebody thought of. Here a model of sessions leads lives that
    nobody did, each act of which is dealt or drawn: logins over planted, dead and foreign sessions, thefts, logouts,
    refreshes, replays, revocations, new passwords, disabling, hours that pass. After each step everything that must be
    dead is tried. What each answer owes to cookies, caches and secrets is judged on the way; what the check of that
    rule does not see itself is told here, and graded as there.

    Remedy: let the end of a session be one state in one place that nothing leaves, and read it at every use.
    """
    await target.expect_life_as_modelled(life)
