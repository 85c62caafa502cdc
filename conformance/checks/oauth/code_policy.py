"""What becomes of a code when something else happens between its issue and its redemption."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.oauth_messages import new_verifier

CODE = [Capability.AUTHORIZE]


@check("oauth.code.failed-first-attempt", needs=CODE, sources=["RFC7636-4.6", "RFC9700-2.1.1", "CWE-307"])
async def failed_attempts_do_not_wear_a_code_out(target: Target) -> None:
    """After a wrong verifier, the next wrong one and none at all are refused like the first.

    A server that checks the verifier once, and remembers only that it did, lets the second try of a thief through.
    Whether the right verifier still works afterwards is the server's choice, and noted.

    Remedy: keep the challenge with the code until the code is spent, and compare at every attempt.
    """
    target.need_pkce()
    code = await target.code(await target.shared_login("alice"))
    for verifier in (new_verifier(), new_verifier(), None):
        answer = await target.redeem(code, code_verifier=verifier)
        target.demand_refusal(answer, "no wrong verifier gives a token, however often one is tried")
    lives = (await target.redeem(code)).granted
    target.note = f"after failed attempts the right verifier {'still works' if lives else 'is refused, too'}"
    if not lives:
        await target.granted(code.browser, code.client)


@check(
    "oauth.code.foreign-client-no-burn",
    needs=[*CODE, Capability.SECOND_CLIENT],
    sources=["OAUTH21-7.5.3", "CWE-645"],
)
async def foreign_attempt_spoils_nothing(target: Target) -> None:
    """A code that another client tried in vain still works for its own.

    Otherwise whoever sees codes go by, in a log or a referrer, keeps a client from ever logging anybody in.

    Remedy: verify the client before the code is marked as spent.
    """
    code = await target.code(await target.shared_login("alice"), target.client("web"))
    thief = target.other_client(code.client)
    target.demand_refusal(await target.redeem(code, client=thief), f"{thief} cannot redeem a code of {code.client}")
    await target.expect_still_redeemed(code, f"a failed attempt of {thief}")


@check(
    "oauth.code.user-switch",
    needs=[*CODE, Capability.SECOND_ACCOUNT],
    sources=["RFC6749-1.3.1", "PICKPROOF-T4", "CWE-384"],
    logins=2,
)
async def code_stays_with_its_user(target: Target) -> None:
    """When another user logs in in the same browser, a code of the first one does not become the other's.

    On a shared computer the first user's application would act in the account of whoever comes next.

    Remedy: store the user with the code, and never look at the browser's session when it is redeemed.
    """
    alice = await target.own_login("alice")
    code = await target.code(alice)
    bob = await target.next_in_browser(alice, "bob")
    answer = await target.redeem(code)
    if answer.granted:
        await target.expect_not_of(target.holder(alice, answer), bob)
    await target.expect_accepted(await target.shared_login("alice"))


@check("oauth.code.transparent-content", needs=CODE, sources=["RFC7636-4.4", "CWE-200"])
async def code_shows_nothing(target: Target) -> None:
    """A code, decoded as a token or as base64, shows neither challenge nor verifier nor any secret.

    Codes pass through histories, logs and referrers. Where they carry the challenge readably, whoever finds one knows
    what to break.

    Remedy: make codes random, or encrypt what they carry.
    """
    target.expect_opaque(await target.code(await target.shared_login("alice")))


@check(
    "oauth.code.after-logout",
    needs=[*CODE, Capability.LOGOUT],
    sources=["RFC9700-4.14.2-event", "CWE-613"],
    logins=2,
)
async def code_does_not_outlive_the_logout(target: Target) -> None:
    """Where a logout ends tokens, a code that was issued before gives none that work after it.

    A user who logs out while an application is still starting believes that all is closed.

    Remedy: bind codes to the session that they were issued in, and look at redemption whether it lives.
    """
    if not await target.ends_at_logout():
        target.not_applicable("tokens outlive a logout here, so a code may, too")
    alice = await target.own_login("alice")
    code = await target.code(alice)
    await target.expect_logged_out(alice)
    await target.expect_unusable(await target.redeem(code), alice, "a code from before the logout opens nothing")
