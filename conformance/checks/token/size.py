"""What a token weighs, and what it says of its own life."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.limits import declared_life, remaining_life

TOLERANCE = 2.0
"""Seconds that the two statements may differ: both are rounded, and the answer travels."""


@check(
    "token.size.budget",
    sources=["PICKPROOF-T8"],
)
async def token_keeps_to_its_budget(target: Target) -> None:
    """The token keeps to its budget of bytes: the declared one, else 4096.

    It travels with every request. A cookie beyond 4096 bytes is dropped by browsers, a header beyond 8 KiB is refused
    by common servers, and a token that lists every right of a user grows with the user until that happens.

    Remedy: put a reference to roles into the token, not the roles; declare the budget as policy.credential_bytes.
    """
    target.need_token()
    for weight in await target.weights():
        if weight.bytes > weight.budget:
            kind = "declared" if weight.declared else "the default"
            target.violation(f"at most {weight.budget} bytes ({kind})", str(weight), weight.shown)
        target.note = str(weight)


@check(
    "token.life.expires-in",
    needs=[Capability.JWT],
    sources=["RFC6749-5.1-expires-in"],
)
async def expires_in_tells_the_truth(target: Target) -> None:
    """The expires_in of a login and the exp of its token name the same moment.

    A client that believes the longer one sends dead tokens; a user that believes the shorter one feels safe too soon.

    Remedy: compute both from one value.
    """
    alice = await target.own_login("alice")
    promised, issued, left = alice.lifetime, declared_life(alice), remaining_life(alice)
    if promised is None or issued is None or left is None:
        target.not_applicable("the login says no expires_in, or the token no exp")
    if min(abs(promised - issued), abs(promised - left)) > TOLERANCE:
        target.violation(f"the token lives {promised:.0f} s, as expires_in says", f"{issued:.0f} s", alice.history)
    target.note = f"both say {promised:.0f} s"
