"""Refreshes under way at the same time."""

from conformance.attacks.schedules import Schedule, schedules
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target
from conformance.target.limits import past_grace
from conformance.target.renewal_races import HEAD_STARTS, ROUNDS


@check(
    "refresh.race.double-spend",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "ASVS-v5.0.0-15.4.2", "CWE-362", "CWE-367"],
    waits=lambda system: ROUNDS * past_grace(system),
    logins=4,
    requests=58,
)
async def refresh_token_is_spent_once(target: Target) -> None:
    """Of many requests that present one refresh token at the same moment, at most one leaves a live successor.

    The thief and the owner need not take turns. A server that looks first and writes later answers both, and one
    login has become two families, neither of which ever sees a replay.

    Answers are not counted: several callers may be given one shared successor. Distinct refresh tokens that work
    afterwards are. Within a declared grace all of them must belong to one family.

    Remedy: spend the token with one conditional update, and issue a successor only where that changed a row.
    """
    await target.rotated(await target.public_login("alice"))
    for _ in range(ROUNDS):
        alice = await target.public_login("alice")
        await target.refreshes_against_each_other(alice, target.calls)
    target.note = f"{ROUNDS} rounds of {target.calls} calls, never more than one family; a pass is not a proof"


@check(
    "refresh.race.no-fork",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "CWE-362"],
    waits=past_grace,
    logins=6,
    requests=12,
)
@given(examples=6, schedule=schedules)
async def no_schedule_forks_a_family(target: Target, schedule: Schedule) -> None:
    """Whatever tokens of a family are presented at the same moment, no more of it lives than in any order one by one.

    A replay ends the family. A server that ends what it saw when it began to look misses the successor that was
    issued meanwhile.

    Remedy: end the family by its own row, read at every use, so that a successor inserted meanwhile is dead.
    """
    family = await target.chain(await target.public_login("alice"), schedule.depth)
    await target.past_grace()
    renewals = await target.present_at_once([family[-1 - back] for back in schedule.back])
    await target.expect_no_fork(renewals, target.most_live(schedule), str(schedule))


@check(
    "refresh.race.vs-logout",
    needs=[Capability.REFRESH, Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1", "CWE-362"],
    logins=12,
    requests=60,
)
async def refresh_under_way_does_not_survive_logout(target: Target) -> None:
    """When a refresh is under way while its session logs out, nothing of the session is left.

    A successor born during the logout is a session that its user believes to have ended, and that nobody sees.

    Remedy: end the family by its own row and never write it back; a successor that is inserted later finds it ended.
    """
    decided = 0
    for head_start in HEAD_STARTS:
        alice = await target.own_login("alice")
        decided += await target.expect_logout_to_win(alice, head_start)
    if not decided:
        target.inconclusive("no logout that a refresh overlapped was answered with success")
    target.note = f"{decided} rounds, nothing left in any; a pass is not a proof"
