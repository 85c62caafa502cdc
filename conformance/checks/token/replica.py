"""One token, several servers."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.stateless.replica",
    needs=[Capability.SECOND_REPLICA],
    sources=["PICKPROOF-T1"],
    logins=2,
)
async def token_works_on_every_replica(target: Target) -> None:
    """A token issued by one replica is accepted by the others, in both directions.

    That is what a token without server state is for. Where each process makes a key when it starts, users are signed
    out whenever the load balancer, a restart or a deployment moves them.

    Remedy: give all replicas the same signing key, or the same published key set, from configuration.
    """
    target.need_token()
    alice = await target.own_login("alice")
    for replica in target.replicas:
        there = await target.login_at(replica)
        await target.expect_served(target.at(replica, alice), "the token is accepted where it was not issued")
        await target.expect_served(target.at("", there), "the replica's token is accepted at the first server")
