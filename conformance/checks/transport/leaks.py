"""A session cookie's value stands in the cookie and nowhere else, and answers are not for keeping."""

from conformance.attacks.origins import foreign_origins
from conformance.model import Capability
from conformance.registry import check
from conformance.target.answer_rules import in_addresses, in_body, storable
from conformance.target.facade import Target


@check(
    "transport.url.never-in-url",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-14.2.1", "WSTG-SESS-04", "NIST-SP800-63B-4-5.1-6", "RFC6750-5.3-url", "CWE-598"],
)
async def session_never_stands_in_an_address(target: Target) -> None:
    """The session's value stands in no address: no redirect, no link, no form.

    Addresses end in logs, histories, bookmarks and Referer headers.

    Remedy: Carry the session in the cookie alone; switch URL rewriting of sessions off.
    """
    tour = await target.tour()
    target.expect_sound((e, flaw) for e in tour.whole for flaw in in_addresses(e, tour.secrets))


@check(
    "transport.body.never-in-body",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.3.4", "CWE-200"],
)
async def session_never_stands_in_a_body(target: Target) -> None:
    """The value of a session cookie stands in no answer's body, where script could read it.

    HttpOnly keeps the id from injected script only as long as no page hands it over.

    Remedy: Give the value to the client by Set-Cookie alone.
    """
    tour = await target.tour()
    target.expect_sound((e, flaw) for e in tour.inside for flaw in in_body(e, tour.secrets))


@check(
    "transport.cache.no-store-auth",
    needs=[Capability.COOKIE],
    sources=[
        "ASVS-v5.0.0-14.3.2",
        "ASVS-v5.0.0-14.2.2",
        "CSS-session-management",
        "ASVS-v5.0.0-14.2.5",
        "WSTG-ATHN-06",
        "CWE-525",
    ],
)
async def answers_to_users_are_not_stored(target: Target) -> None:
    """Answers to signed-in users, and those that set the session, say Cache-Control: no-store.

    Otherwise the next person at the computer, or the next user behind the proxy, may get them.

    Remedy: Send Cache-Control: no-store with every answer that depends on the session.
    """
    tour = await target.tour()
    # From the end: a page that names the user tells more than the one with the form of the login.
    target.expect_sound((e, flaw) for e in reversed(tour.signed_in) if (flaw := storable(e)))


@check(
    "transport.cors.credentials",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.4.2", "WSTG-CLNT-07", "CWE-346"],
)
async def foreign_origins_cannot_read_with_credentials(target: Target) -> None:
    """No foreign origin is allowed to read answers that the user's cookies bring about.

    Any page that a user visits could read, in their name, whatever the API answers.

    Remedy: Allow named origins only, compared exactly; never reflect the Origin header, and never allow null.
    """
    alice = await target.shared_login("alice")
    await target.expect_accepted(alice)
    for origin in foreign_origins(target.system.description.origin):
        answer = (await alice.visit(target.identity_route, f"a page of {origin} reads as alice", Origin=origin)).answer
        allowed = answer.header("access-control-allow-origin") if answer else None
        trusted = (answer.header("access-control-allow-credentials") or "").lower() == "true" if answer else False
        if trusted and allowed in (origin, "null"):
            target.violation(f"{origin} may not read with credentials", f"Access-Control-Allow-Origin: {allowed}")
