"""Probes of what odd requests find: whether a server misbehaves as a fault's summary says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import httpx

from reference_impl import Reference
from reference_impl.oauth_clients import SECRETS
from reference_impl.oauth_faults_after import JWT_BEARER
from tests.oauth_probes_back import for_itself, tells
from tests.oauth_probes_front import coded
from tests.reference_oauth import (
    EVERYTHING,
    ORIGIN,
    VERIFIER,
    Browser,
    Probe,
    Tokens,
    claims,
    front,
    logged_in,
    s256,
    send,
    took,
)

METADATA = "/.well-known/oauth-authorization-server"
REDEEM = {"grant_type": "authorization_code", "code_verifier": VERIFIER}
PATTERN = "http://127.0.0.1.attacker.example/callback"


def refused(probe: Probe) -> Probe:
    """Whether what must work does not."""

    async def other(reference: Reference) -> bool:
        return not await probe(reference)

    return other


def shown(test: Callable[[httpx.Response], bool], client: str = "web", **changes: str | None) -> Probe:
    """Whether what a request with these changes leads a user to passes a test."""

    async def probe(reference: Reference) -> bool:
        return test(await (await logged_in(reference)).ask(client, **changes))

    return probe


def decided(test: Callable[[httpx.Response], bool], **changes: str | None) -> Probe:
    """Whether the answer to a consent passes a test."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        page = await browser.ask(**changes)
        return page.status_code == 200 and test(await browser.decide(page))

    return probe


def told(test: Callable[[dict[str, Any]], bool], **headers: str) -> Probe:
    """Whether the metadata passes a test."""

    async def probe(reference: Reference) -> bool:
        return test((await Browser(reference).bare.get(METADATA, headers=headers)).json())

    return probe


def redeems(client: str = "web", auth: tuple[str, str] | None = None, **fields: str) -> Probe:
    """Whether a code of a client gives a token with these credentials and fields."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        data = {**REDEEM, "code": await browser.allow(client), **fields}
        return took(await browser.bare.post("/token", data=data, auth=auth))

    return probe


def asks(test: Callable[[httpx.Response], bool], client: str | None, **fields: str) -> Probe:
    """Whether the answer to a token request without a user passes a test."""

    async def probe(reference: Reference) -> bool:
        return test(await send(Browser(reference).bare, "/token", fields, client))

    return probe


def later(test: Callable[[Browser, Tokens], Any]) -> Probe:
    """Whether something is wrong after a whole flow."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        return bool(await test(browser, await browser.tokens()))

    return probe


async def query_lost(reference: Reference) -> bool:
    browser = await logged_in(reference)
    uri = "http://127.0.0.1/callback?from=a%20b&empty="
    answer = await browser.decide(await browser.ask("native", "profile", redirect_uri=uri))
    return "from" not in front(answer)


async def errors_first(reference: Reference) -> bool:
    return "error" in front(await Browser(reference).ask(response_type="x"))


async def cors(reference: Reference) -> bool:
    answer = await Browser(reference).http.get("/authorize", headers={"Origin": "https://attacker.example"})
    return "access-control-allow-origin" in answer.headers


async def loads(reference: Reference) -> bool:
    return "cdn.reference.example" in (await Browser(reference).http.get("/login")).text


async def quietly_narrowed(reference: Reference) -> bool:
    browser = await logged_in(reference)
    answer = await browser.redeem(await browser.allow("native", "profile notes.write"), "native")
    return took(answer) and answer.json()["scope"] is None


async def wears_out(reference: Reference) -> bool:
    browser = await logged_in(reference)
    code = await browser.allow()
    answers = [await browser.redeem(code, code_verifier="w" * 43) for _ in range(2)]
    return took(answers[1])


async def burnt(reference: Reference) -> bool:
    browser = await logged_in(reference)
    code = await browser.allow()
    await send(browser.bare, "/token", {**REDEEM, "code": code}, "spa")
    return not took(await browser.redeem(code))


async def bobs_now(reference: Reference) -> bool:
    browser = await logged_in(reference)
    code = await browser.allow()
    await browser.login("bob")
    answer = await browser.redeem(code)
    return took(answer) and (await Tokens(browser.bare, "web", answer).api()).json()["name"] == "bob"


async def content_told(reference: Reference) -> bool:
    return "." in await (await logged_in(reference)).allow()


async def code_after_logout(reference: Reference) -> bool:
    browser = await logged_in(reference)
    code = await browser.allow()
    await browser.logout()
    answer = await browser.redeem(code)
    return took(answer) and await Tokens(browser.bare, "web", answer).works()


async def prefix_fits(reference: Reference) -> bool:
    browser = await logged_in(reference)
    return took(await browser.redeem(await browser.allow(code_challenge=s256(VERIFIER)[:20])))


async def undecoded(reference: Reference) -> bool:
    credentials = ("api", quote_plus(SECRETS["api"]))
    answer = await Browser(reference).bare.post("/introspect", data={"token": "x"}, auth=credentials)
    return answer.status_code == 401


async def by_json(reference: Reference) -> bool:
    browser = await logged_in(reference)
    fields = {**REDEEM, "code": await browser.allow("spa"), "client_id": "spa"}
    return took(await browser.bare.post("/token", json=fields))


async def told_apart(reference: Reference) -> bool:
    browser = await logged_in(reference)
    code = await browser.allow()
    await browser.redeem(code)
    return (await browser.redeem(code)).json() != (await browser.redeem("made-up")).json()


async def hinted(browser: Browser, tokens: Tokens) -> bool:
    fields = {"token": tokens.refresh, "token_type_hint": "access_token"}
    await send(browser.bare, "/revoke", fields, "web")
    return took((await tokens.refreshed()).answer)


async def hint_refused(browser: Browser, tokens: Tokens) -> bool:
    fields = {"token": tokens.refresh, "token_type_hint": "x"}
    return (await send(browser.bare, "/revoke", fields, "web")).status_code == 400


async def revoked_by_get(browser: Browser, tokens: Tokens) -> bool:
    await browser.bare.get("/revoke", params={"token": tokens.refresh}, auth=("web", SECRETS["web"]))
    return not await tokens.works()


async def heir_lives(_browser: Browser, tokens: Tokens) -> bool:
    heir = await tokens.refreshed()
    await tokens.revoke()
    return took((await heir.refreshed()).answer)


async def revived(_browser: Browser, tokens: Tokens) -> bool:
    await tokens.revoke("access")
    await tokens.refreshed()
    return await tokens.works()


async def scope_of_client(reference: Reference) -> bool:
    told = await (await (await logged_in(reference)).tokens(scope="profile")).active()
    return bool(told["scope"] != "profile")


async def asked_by_get(browser: Browser, tokens: Tokens) -> bool:
    credentials = ("api", SECRETS["api"])
    answer = await browser.bare.get("/introspect", params={"token": tokens.access}, auth=credentials)
    return answer.status_code == 200 and bool(answer.json()["active"])


async def asked_by_spa(browser: Browser, tokens: Tokens) -> bool:
    return bool((await send(browser.bare, "/introspect", {"token": tokens.access}, "spa")).json().get("active"))


async def asserted(browser: Browser, tokens: Tokens) -> bool:
    return took(await send(browser.bare, "/token", {"grant_type": JWT_BEARER, "assertion": tokens.access}, "web"))


async def untyped(_browser: Browser, tokens: Tokens) -> bool:
    return bool(claims(tokens.access, 0)["typ"] != "at+jwt")


async def nameless(_browser: Browser, tokens: Tokens) -> bool:
    return "client_id" not in claims(tokens.access)


async def another(reference: Reference) -> bool:
    tokens = await (await logged_in(reference)).tokens(scope=f"openid {EVERYTHING}")
    first, second = (claims(t.answer.json()["id_token"]) for t in (tokens, await tokens.refreshed()))
    return bool(first["sub"] != second["sub"])


async def shrunk(_browser: Browser, tokens: Tokens) -> bool:
    return not took((await (await tokens.refreshed(scope="profile")).refreshed(scope=EVERYTHING)).answer)


async def kept(reference: Reference) -> bool:
    browser = Browser(reference)
    await browser.http.get("/login")
    before = dict(browser.http.cookies)
    await browser.login()
    return dict(browser.http.cookies) == before


PROBES: dict[str, Probe] = {
    "redirect-linked": shown(lambda page: 'href="javascript:x"' in page.text, redirect_uri="javascript:x"),
    "redirect-any-query": coded(redirect_uri="https://web.client.example/callback?code=x"),
    "redirect-guessed": coded("native", "http://127.0.0.1/callback", redirect_uri=None, scope="profile"),
    "redirect-any-scheme": coded(
        uri="http://web.client.example/callback", redirect_uri="http://web.client.example/callback"
    ),
    "loopback-pattern": coded("native", PATTERN, redirect_uri=PATTERN, scope="profile"),
    "redirect-query-lost": query_lost,
    "unknown-parameter-refused": refused(coded(x="1")),
    "empty-parameter-refused": refused(coded(nonce="")),
    "errors-before-login": errors_first,
    "forms-sent-on": decided(lambda answer: answer.status_code == 307),
    "authorize-cors": cors,
    "page-loads-foreign": loads,
    "page-unescaped": shown(lambda page: "<x>" in page.text, client_id="<x>"),
    "error-quotes": shown(lambda answer: '"' in front(answer)["error_description"], scope="x"),
    "scope-left-out-quietly": quietly_narrowed,
    "state-only-with-code": shown(lambda answer: "state" not in front(answer), response_type="x"),
    "state-invented": decided(lambda answer: "state" in front(answer), state=None),
    "iss-only-with-code": shown(lambda answer: "iss" not in front(answer), response_type="x"),
    "iss-echoed": decided(lambda answer: front(answer)["iss"] != ORIGIN, iss="https://attacker.example"),
    "verifier-checked-once": wears_out,
    "foreign-attempt-burns": burnt,
    "grants-follow-browser": bobs_now,
    "code-tells-challenge": content_told,
    "code-outlives-logout": code_after_logout,
    "method-any": coded(code_challenge_method="S512"),
    "challenge-prefix": prefix_fits,
    "pkce-unannounced": told(lambda told: "code_challenge_methods_supported" not in told),
    "basic-unchallenged": asks(lambda answer: "www-authenticate" not in answer.headers, None, client_id="web"),
    "secret-shown-twice": redeems(auth=("web", "x"), client_id="web", client_secret=SECRETS["web"]),
    "basic-off": refused(redeems(auth=("web", SECRETS["web"]))),
    "basic-undecoded": undecoded,
    "client-of-the-code": redeems("spa"),
    "secret-made-up": asks(took, None, grant_type="client_credentials", client_id="spa", client_secret="x"),
    "token-for-public-client": for_itself,
    "client-token-refreshed": asks(
        lambda answer: "refresh_token" in answer.json(), "web", grant_type="client_credentials"
    ),
    "token-request-json": by_json,
    "error-cacheable": tells(lambda answer: "no-store" not in answer.headers["cache-control"], grant_type="x"),
    "token-as-html": tells(lambda answer: "html" in answer.headers["content-type"]),
    "grant-type-invalid": tells(lambda answer: answer.json()["error"] == "invalid_grant", grant_type="x"),
    "token-parameter-refused": tells(lambda answer: not took(answer), x="1"),
    "token-type-missing": tells(lambda answer: not answer.json()["token_type"]),
    "spent-told": told_apart,
    "hint-obeyed": later(hinted),
    "hint-unknown-refused": later(hint_refused),
    "revoke-by-get": later(revoked_by_get),
    "revoke-current-only": later(heir_lives),
    "refresh-revives-access": later(revived),
    "introspect-client-scope": scope_of_client,
    "introspect-by-get": later(asked_by_get),
    "introspect-by-id": later(asked_by_spa),
    "token-as-assertion": later(asserted),
    "access-type-plain": later(untyped),
    "access-without-client": later(nameless),
    "id-token-of-another": another,
    "narrow-sticks": later(shrunk),
    "refresh-token-at-once": decided(lambda answer: "refresh_token" in front(answer), response_type="token"),
    "session-kept-at-login": kept,
    "endpoint-in-the-clear": told(lambda told: any(str(url).startswith("http://") for url in told.values())),
    "none-offered": told(lambda told: "none" in told.get("token_endpoint_auth_signing_alg_values_supported", ())),
    "metadata-by-host": told(lambda told: told["issuer"] != ORIGIN, **{"X-Forwarded-Host": "attacker.example"}),
    "method-unannounced": told(lambda told: "client_secret_post" not in told["token_endpoint_auth_methods_supported"]),
}
"""By the id of the fault."""
