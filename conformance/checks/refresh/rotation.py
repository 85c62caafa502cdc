"""Rotation, and what the presentation of a spent refresh token brings about (RFC 9700 section 4.14.2).

What is asked here is asked of clients that can keep no secret (section 2.2.2), and so are the races and the grace of a
retry; others prove with a secret who they are.
"""

from conformance.attacks.schedules import Script, depths, scripts
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target
from conformance.target.limits import past_grace


@check(
    "refresh.rotation",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "ASVS-v5.0.0-10.4.5", "PICKPROOF-T6", "RFC9700-2.2.2", "CWE-294"],
)
async def each_refresh_gives_another_token(target: Target) -> None:
    """Each refresh of a client that cannot keep a secret replaces the refresh token.

    Such a client, a browser's script or an app, cannot prove that a refresh token is its own. Rotation is what is
    left: a copy and the original cannot both be used for long without one of them being a spent one.

    Remedy: issue a new refresh token at each refresh and remember the old one as spent. Declaring policy.rotation =
    false is honest, and still a failure where tokens are not bound to a key of the client.
    """
    alice = await target.public_login("alice")
    successor = await target.refreshed(alice)
    await target.expect_another_token(alice, successor)


@check(
    "refresh.reuse-rejected",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "ASVS-v5.0.0-10.4.5", "PICKPROOF-T6", "CWE-294"],
    waits=past_grace,
)
async def spent_token_is_refused(target: Target) -> None:
    """A refresh token that was used before is refused, once its declared grace is over.

    Rotation only helps if the old token dies: otherwise each copy ever made stays a key.

    Remedy: mark the token as spent in the same statement that finds it unspent, and refuse it from then on.
    """
    alice = await target.public_login("alice")
    await target.rotated(alice)
    await target.past_grace()
    await target.expect_no_renewal(alice.stolen("a thief with alice's spent refresh token"), "with a spent one")


@check(
    "refresh.reuse-revokes-active",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "ASVS-v5.0.0-10.4.5", "PICKPROOF-T6", "CWE-613"],
    waits=past_grace,
)
async def reuse_ends_the_live_token(target: Target) -> None:
    """When a spent refresh token is presented, the live one of its family dies.

    Somebody holds a copy. Whether the thief came first or second, nobody can tell; who holds the live token may be
    he. A server that only refuses the spent one lets a thief who was quicker stay for as long as he likes.

    Remedy: keep spent tokens with their family, and end the whole family when one of them comes back.
    """
    alice = await target.public_login("alice")
    successor = await target.rotated(alice)
    await target.replay(alice)
    await target.expect_no_renewal(successor, "after the replay", target.declared_lenient)


@check(
    "refresh.reuse-revokes-access",
    needs=[Capability.REFRESH],
    sources=["OAUTH21-4.3.1", "CWE-613"],
    waits=past_grace,
)
async def reuse_ends_access_tokens(target: Target) -> None:
    """When a spent refresh token is presented, the access tokens of its family die too.

    The thief who was quicker holds an access token as well. Until it expires, ending the refresh tokens alone does
    not stop him.

    Remedy: put the family's id into the access token, and ask at each request whether the family lives.
    """
    alice = await target.public_login("alice")
    successor = await target.rotated(alice)
    await target.past_grace()
    await target.expect_accepted(successor)
    await target.present(alice.stolen("a thief with alice's spent refresh token"))
    await target.expect_access_ended(successor, "the replay")


@check(
    "refresh.reuse-any-depth",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "ASVS-v5.0.0-10.4.5", "CWE-613"],
    waits=past_grace,
    logins=6,
    requests=14,
)
@given(examples=6, depth=depths)
async def any_ancestor_ends_the_family(target: Target, depth: int) -> None:
    """A spent refresh token ends its family however many refreshes ago it was spent.

    A thief may sit on his copy for a while. A server that remembers only the token before the live one sees an
    unknown value, and does nothing.

    Remedy: keep every spent token of a family for as long as the family may live.
    """
    first, *_, last = await target.chain(await target.public_login("alice"), depth)
    await target.replay(first)
    await target.expect_no_renewal(last, f"after a replay from {depth} refreshes before", target.declared_lenient)


@check(
    "refresh.revoked-stays-revoked",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "ASVS-v5.0.0-7.4.1", "CWE-613"],
    waits=past_grace,
    logins=10,
    requests=24,
)
@given(examples=6, script=scripts)
async def dead_family_stays_dead(target: Target, script: Script) -> None:
    """Once a family is dead none of its tokens works again, whatever is tried and in whatever order.

    One path back, however odd, and a thief who was thrown out returns without a password.

    Remedy: let the end of a family be a state that nothing leaves, and read it at every use.
    """
    family = await target.chain(await target.own_login("alice"), 3)
    without_access = await target.kill(family)
    given_since = await target.play(script, family)
    await target.expect_still_dead([*reversed(family), *given_since], without_access, f"after {script}")


@check(
    "refresh.family-isolation",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "PICKPROOF-S5", "CWE-645"],
    waits=past_grace,
    exclusive=True,
    logins=3,
)
async def replay_ends_one_family_alone(target: Target) -> None:
    """A replay ends its own family: the user's other sessions and other users go on.

    The counterpart of the checks before: whoever holds one spent token must not be able to sign people out everywhere.

    Remedy: end the tokens that descend from the same login, by the family's id and not by the user's.
    """
    target.need_side_by_side()
    alice, elsewhere = await target.own_login("alice"), await target.own_login("alice")
    bob = await target.own_login("bob") if target.has(Capability.SECOND_ACCOUNT) else None
    await target.rotated(alice)
    await target.replay(alice)
    await target.expect_renewal(elsewhere.stolen("alice on another device"), "after a replay at the first")
    if bob:
        await target.expect_renewal(bob, "after a replay at alice's")
