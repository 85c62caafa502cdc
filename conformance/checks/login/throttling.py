"""Guessing at an account: slowed down for the guesser, however he asks, and not for the owner.

All of these run on the account with the role throttle alone, which may be locked afterwards.
"""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

THROTTLE = [Capability.THROTTLE_ACCOUNT]


@check(
    "login.throttle.account",
    needs=THROTTLE,
    sources=["ASVS-v5.0.0-6.3.1", "NIST-SP800-63B-4-3.2.2", "WSTG-ATHN-03", "NIST-SP800-63B-4-3.2.2-a", "CWE-307"],
    logins=2,
)
async def guessing_is_slowed_down(target: Target) -> None:
    """After as many failures as declared, a hundred at most, an account cannot be guessed at any longer.

    It runs on the account with the role throttle alone, which may be locked afterwards.

    Remedy: Count failures for each account name, existing or not, and delay or refuse after a few.
    """
    await target.expect_throttled()


@check(
    "login.throttle.evade",
    needs=THROTTLE,
    sources=["ASVS-v5.0.0-6.3.1", "ASVS-v5.0.0-4.1.3", "ASVS-v5.0.0-15.3.4", "WSTG-ATHN-03", "CWE-307", "CWE-348"],
    logins=2,
)
async def throttling_is_not_evaded(target: Target) -> None:
    """No header and no other spelling of the name gets a guesser past the throttling.

    X-Forwarded-For says what its sender likes, and a name in capitals may be the same account with a count of its own.

    Remedy: Count by the account itself and by the address of the connection; believe a forwarded address only from
    your own proxy.
    """
    siege = await target.throttled_siege()
    if siege.quiet:
        target.not_applicable("the target asks for a pause (Retry-After), and the kit keeps it: no guess goes out then")
    for what, before, tried in siege.evaded:
        actual = f"a guess {what} is answered as the first was"
        shown = [before.exchange, tried.exchange]
        target.violation("while an account is throttled, each guess is", actual, shown)


@check(
    "login.throttle.no-dos",
    needs=THROTTLE,
    sources=["ASVS-v5.0.0-6.3.1", "CSS-authentication", "CWE-645"],
    logins=2,
)
async def guesses_do_not_end_the_owners_session(target: Target) -> None:
    """Whoever is signed in stays so while somebody else guesses at the account.

    If failures end sessions, any stranger who knows a name keeps its owner out, for as long as he likes.

    Remedy: Throttle logins; leave sessions that live alone.
    """
    await target.expect_owner_stays()


@check(
    "login.throttle.success-resets",
    needs=THROTTLE,
    sources=["NIST-SP800-63B-4-3.2.2-b", "CWE-307"],
    logins=3,
)
async def success_forgets_failures(target: Target) -> None:
    """A successful login clears the failures before it.

    Users who mistype now and then would otherwise be locked out in the end, though they always got in.

    Remedy: Reset the count of an account at each success.
    """
    siege = await target.siege()
    if siege.forgave is None:
        target.not_applicable("declare `policy.throttle_failures`, 30 at most")
    if not siege.forgave.accepted:
        most = (target.policy.throttle_failures or 1) - 1
        actual = f"after {most} failures, a success and {most} more, it is {siege.forgave}"
        target.violation("the right password is accepted", actual, [siege.forgave.exchange])


@check(
    "login.enum.lockout",
    needs=THROTTLE,
    sources=["ASVS-v5.0.0-6.3.8", "WSTG-ATHN-03", "CSS-authentication", "CWE-204"],
    logins=2,
)
async def throttling_does_not_tell_who_has_an_account(target: Target) -> None:
    """A name that nobody has is throttled after as many failures as one that somebody has.

    A lock is a property of accounts that exist: whoever sees it knows that there is one.

    Remedy: Count failures by the name as typed, whether it exists or not.
    """
    await target.expect_unknown_names_throttled()
