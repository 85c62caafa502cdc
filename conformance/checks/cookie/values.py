"""Where else the value of the session cookie stands, and what a script can use in its place."""

from urllib.parse import unquote

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.ids import SHORTEST


@check(
    "cookie.attr.value-elsewhere",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.3.4", "WSTG-SESS-02", "CWE-1004", "CWE-200"],
)
async def session_value_stands_in_its_cookie_alone(target: Target) -> None:
    """The value of the session cookie stands in no other header and in no cookie that scripts can read.

    HttpOnly hides the cookie from injected script; a copy in X-Session-Id, or in a second cookie without HttpOnly,
    gives it away all the same. Addresses and bodies are judged by transport.url and transport.body.

    Remedy: Give the value to the client by one Set-Cookie with HttpOnly, and nowhere else.
    """
    tour = await target.tour()
    hidden = {cookie.name for _, cookie in tour.cookies() if cookie.httponly}
    for name, value in (pair for pair in tour.secrets if len(pair[1]) >= SHORTEST):
        for exchange in tour.whole:
            headers = exchange.answer.headers if exchange.answer else ()
            places = [(f"the header {k}", v) for k, v in headers if k.lower() not in ("set-cookie", "location")]
            readable = (c for e, c in tour.cookies((exchange,)) if c.name not in hidden and c.name != name)
            places += [(f"the cookie {c.name}, without HttpOnly,", c.value) for c in readable]
            for place, text in places:
                if value in text or unquote(value) in unquote(text):
                    expected = f"the value of {name} stands in its cookie alone"
                    target.violation(expected, f"{place} holds it: {exchange.purpose}", [exchange])


@check(
    "cookie.attr.script-readable-twin",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.3.4", "CSS-session-management", "WSTG-SESS-06", "CWE-1004"],
)
async def what_scripts_can_read_logs_nobody_in(target: Target) -> None:
    """Nothing that a script can read stands in for the session cookie: no other cookie, no form token.

    A second cookie for the script's own calls that the server takes as a bearer token, or in the place of the
    session, is the session without HttpOnly.

    Remedy: Let the HttpOnly cookie alone authenticate; give scripts values that mean nothing without it.
    """
    alice = await target.shared_login("alice")
    secrets = target.readable_secrets(alice)
    own = {alice.secret(carrier) for carrier in target.cookies}
    secrets = {what: value for what, value in secrets.items() if value not in own}
    if not secrets:
        target.not_applicable("scripts can read nothing of the login that is long enough for a secret")
    await target.expect_all_refused(target.with_readable(alice, secrets))
