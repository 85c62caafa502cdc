"""What a refresh must not give: for a changed token, for another service, to an older token, after the end."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.limits import until_token_expires
from conformance.target.renewal_forged import ELSEWHERE


@check(
    "refresh.integrity",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2-integrity", "RFC6749-10.4", "ASVS-v5.0.0-9.1.1", "CWE-345", "CWE-347"],
    requests=30,
    logins=2,
)
async def changed_refresh_token_is_refused(target: Target) -> None:
    """A signed refresh token whose content was changed, or whose signature was taken away, gives nothing.

    Such a token names its user, its family and its end in words that anybody can read. Where they are believed without
    their signature, whoever holds one refresh token of his own writes himself those of everybody else, for ever.

    Remedy: verify the signature, with the one algorithm that you sign with, before a word of the token is read; the
    routine that reads access tokens does it right.
    """
    await target.expect_forged_renewals_refused()


@check(
    "refresh.resource-no-widen",
    needs=[Capability.AUTHORIZE, Capability.REFRESH],
    sources=["RFC9700-4.14.2-scope", "RFC8707-2.2", "CWE-269"],
)
async def refreshing_reaches_no_other_service(target: Target) -> None:
    """A refresh that asks for another service than the grant was for gives no token that is meant for it.

    A refresh token that leaked from one service's client would open every other service that trusts the same server.
    A server that does not know the parameter and ignores it gives nothing away.

    Remedy: compare `resource` with those of the grant, and refuse what is not among them with `invalid_target`.
    """
    alice = await target.own_login("alice")
    for name in ("resource", "audience"):
        party = await target.granted(alice)
        await target.audience(party)
        answer = await target.renewed_for(party, name, ELSEWHERE)
        if answer.granted:
            await target.expect_not_for(target.holder(alice, answer), ELSEWHERE, f"{name}={ELSEWHERE}")
        else:
            target.demand_refusal(answer, "a refusal or a token")
    await target.expect_renews(await target.granted(alice))


@check(
    "refresh.old-access-honest",
    needs=[Capability.REFRESH],
    sources=["RFC6749-7", "CWE-613"],
    waits=until_token_expires,
    requests=14,
)
async def refreshing_does_not_prolong_an_older_token(target: Target) -> None:
    """An access token ends when it was said to, however often its session is refreshed meanwhile.

    A copied access token is bad for its few minutes. Where the server keeps one expiry for the whole session and moves
    it with each refresh, the victim's own client keeps the thief's copy alive.

    Remedy: store the expiry with each token, or inside it, and never with the session alone.
    """
    await target.expect_not_prolonged(await target.own_login("alice"))


@check(
    "refresh.race.tokens-revocable",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2", "ASVS-v5.0.0-7.4.1", "CWE-362", "CWE-613"],
    logins=5,
    requests=60,
    exclusive=True,
)
async def tokens_of_a_race_end_with_their_grant(target: Target) -> None:
    """Every token that came out of refreshes at the same moment is dead once the user takes the grant back.

    Tokens that are issued side by side may be written over each other's record. The one that is lost from the record
    still works, and no list and no logout knows of it.

    Remedy: give each token the id of its grant, and ask whether that lives at every use.
    """
    for _ in range(target.ROUNDS):
        browser = await target.own_login("alice")
        party = await target.granted(browser) if target.has(Capability.AUTHORIZE) else browser
        winners = await target.raced_renewals(party)
        event = await target.end_the_grant(browser, party, winners)
        await target.expect_none_live(winners, event)
    target.note = f"nothing left in {target.ROUNDS} rounds of {target.calls} refreshes; a pass is not a proof"
