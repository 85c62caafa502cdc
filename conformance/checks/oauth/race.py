"""Codes under fire: many redemptions at one moment."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

CODE = [Capability.AUTHORIZE]


@check(
    "oauth.race.code-double-redeem",
    needs=CODE,
    sources=["RFC6749-4.1.2", "RFC9700-4.2.4", "ASVS-v5.0.0-10.4.2", "ASVS-v5.0.0-15.4.2", "CWE-367"],
    requests=57,
)
async def code_is_redeemed_once_in_a_race(target: Target) -> None:
    """Of many redemptions of one code that arrive together, one succeeds at the most.

    Between looking the code up and deleting it lies a gap, and an attacker who has the code uses it.

    Remedy: spend the code with one conditional update, and issue tokens only when it changed a row.
    """
    alice, client = await target.own_login("alice"), target.client()
    for _ in range(target.ROUNDS):
        answers = await target.redeem_together(await target.code(alice, client))
        target.demand_one_winner(answers)
    await target.granted(alice, client)
    target.note = f"one success at the most in {target.ROUNDS} rounds of {target.AT_ONCE} redemptions each"


@check(
    "oauth.race.code-losers-revoke",
    needs=CODE,
    sources=["ASVS-v5.0.0-10.4.2", "RFC6749-4.1.2-reuse", "RFC9700-4.2.4-reuse", "CWE-362"],
    requests=20,
)
async def losers_of_a_race_end_the_winner(target: Target) -> None:
    """After such a race the winner's tokens are dead: the losers were uses of a spent code.

    Two redemptions of one code mean that somebody stole it, and nobody knows whether the thief was first: ending
    what was issued is the only safe answer.

    Remedy: let the use of a spent code end its grant even while the first redemption is still being answered.
    """
    alice, client = await target.own_login("alice"), target.client()
    answers = await target.redeem_together(await target.code(alice, client))
    winner = target.winner(alice, answers)
    await target.expect_ended(winner, "a race for its code", target.declared_stateless)
