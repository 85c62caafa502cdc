"""What becomes of a client that never got the answer: a declared grace, and its bounds."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.limits import past_grace


@check(
    "refresh.grace-bounded",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "ASVS-v5.0.0-10.4.5", "CWE-613"],
    waits=past_grace,
)
async def grace_is_short_and_leads_nowhere_else(target: Target) -> None:
    """A declared grace ends when it was declared to, and what it gives belongs to the same family.

    A retry inside the grace may get an answer. It must not lengthen the grace, or a thief keeps a spent token alive by
    using it, and what it gives must die with the family.

    Remedy: count the grace from the first use of the token, and issue what a retry gets into the family of the first.
    """
    grace = target.policy.grace_seconds or target.not_applicable("no grace is declared")
    alice = await target.public_login("alice")
    spent_at = target.clock.now()
    successor = await target.rotated(alice)
    retried = await target.retry(alice)
    await target.clock.until(spent_at + 0.75 * grace)
    again = await target.retry(alice)
    await target.past_grace_since(spent_at)
    await target.expect_no_renewal(alice.stolen("a thief with the spent token"), "once the grace is over")
    for party in (successor, *retried, *again):
        await target.expect_no_renewal(party, "after a replay past the grace", target.declared_lenient)


@check(
    "refresh.lost-response",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "CWE-367"],
)
async def lost_answer_leaves_one_live_token(target: Target) -> None:
    """A client that never got its new refresh token and asks again never causes two live ones.

    The answer to a refresh is lost on the way, and the client presents the same token again. Within a declared grace
    it gets tokens, without one it is refused; in neither case may the first answer and the second both stay alive.

    Remedy: answer the retry with the same successor, or end the first one when the second is issued.
    """
    alice = await target.public_login("alice")
    lost = await target.rotated(alice)
    retried = await target.retry(alice)
    await target.expect_one_live([lost, *retried], "a retry after a lost answer")
    target.told_of_retry(retried)
