"""Preflight against small targets: calibrated rightly, or refused with the key of the description and a hint."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from conformance.errors import DescriptionError, PreflightError
from conformance.model import Capability, Outcome
from conformance.open import Options, make_system
from conformance.registry import check
from conformance.report.live import estimate
from conformance.runner import Plan
from conformance.target.description import parse
from conformance.target.facade import Target
from conformance.target.party import Carrier
from conformance.target.preflight import preflight
from conformance.target.template_words import unknown_word
from tests.toys import BASE, PASSWORDS, TABLE, Site, a_system, proofs_of, proven, verdict_of

SID = Carrier("cookie", "sid")


async def refusal(app: Any, changes: Mapping[str, Any] | None = None) -> PreflightError:
    """The error that preflight ends with; it always names a key, says what to try and tells no password."""
    system = a_system(app, changes)
    with pytest.raises(PreflightError) as caught:
        await proofs_of(system)
    error = caught.value
    assert error.key
    assert error.hint
    assert str(error).startswith(f"preflight: {error.key}: ")
    assert not [word for word in PASSWORDS.values() if word in str(error)]
    return error


# -- what works


@pytest.mark.asyncio
async def test_a_correct_site_is_proven() -> None:
    system = a_system(Site())
    proofs = await proofs_of(system)
    told = {proof.text for proof in proofs}
    assert "a stranger gets 401" in told
    assert "alice logs in and is 'alice'" in told
    assert "what authenticates is the sid cookie" in told
    assert "a made-up credential gets 401" in told
    assert "answered 204; the client is signed out" in told
    assert system.carriers == (SID,)
    assert not system.joint
    assert system.side_by_side
    assert system.pre_login is None
    assert system.scheme == "session"
    assert system.logins == 3


@pytest.mark.asyncio
async def test_capabilities_are_what_is_described_or_seen() -> None:
    async with proven(Site()) as system:
        assert {Capability.COOKIE, Capability.LOGOUT, Capability.SECOND_ACCOUNT} <= system.capabilities
        absent = {Capability.REFRESH, Capability.TOKEN, Capability.JWT, Capability.CLOCK, Capability.HTTPS}
        assert not absent & system.capabilities
        assert absent <= set(system.missing)
        assert all(system.missing[one] for one in absent)


@pytest.mark.asyncio
async def test_without_logout_the_rest_is_proven() -> None:
    async with proven(Site(), {"logout": None}) as system:
        assert Capability.LOGOUT not in system.capabilities


@pytest.mark.asyncio
async def test_one_account_is_enough() -> None:
    async with proven(Site(), {"accounts": {"alice": TABLE["accounts"]["alice"]}}) as system:
        assert Capability.SECOND_ACCOUNT not in system.capabilities


# -- the target cannot be reached


@pytest.mark.parametrize(
    ("problem", "told", "hint"),
    [
        (httpx.ConnectError("refused"), "no connection", "--wait-for"),
        (httpx.ConnectTimeout("x"), "no connection in time", "--wait-for"),
        (httpx.ReadTimeout("x"), "no answer in time", "start the target"),
        (httpx.RemoteProtocolError("x"), "the answer is not HTTP", "scheme and port"),
        (httpx.ConnectError("TLS: CERTIFICATE_VERIFY_FAILED"), "no connection", "--ca FILE"),
    ],
)
@pytest.mark.asyncio
async def test_a_target_that_does_not_answer(problem: Exception, told: str, hint: str) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise problem

    error = await refusal(httpx.MockTransport(broken))
    assert error.key == "base_url"
    assert told in error.problem
    assert BASE in error.problem
    assert hint in error.hint


async def _speaking(what: bytes) -> tuple[asyncio.Server, int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(what)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def _through_the_sender(base_url: str) -> PreflightError:
    system = make_system(parse({**TABLE, "base_url": base_url}, "t.toml"), "t.toml", "", None, Options(timeout=2))
    try:
        with pytest.raises(PreflightError) as caught:
            await proofs_of(system)
    finally:
        await system.close()
    return caught.value


@pytest.mark.asyncio
async def test_something_else_than_http_answers() -> None:
    server, port = await _speaking(b"SSH-2.0-OpenSSH_9.9\r\n")
    async with server:
        error = await _through_the_sender(f"http://127.0.0.1:{port}")
    assert error.key == "base_url"
    assert "not HTTP" in error.problem
    assert "scheme and port" in error.hint


@pytest.mark.asyncio
async def test_nobody_listens() -> None:
    server, port = await _speaking(b"")
    server.close()
    await server.wait_closed()
    error = await _through_the_sender(f"http://127.0.0.1:{port}")
    assert (error.key, "start the target" in error.hint) == ("base_url", True)


@pytest.mark.asyncio
async def test_https_spoken_to_an_http_port() -> None:
    server, port = await _speaking(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    async with server:
        error = await _through_the_sender(f"https://127.0.0.1:{port}")
    assert error.key == "base_url"
    assert "scheme and port" in error.hint


@pytest.mark.asyncio
async def test_https_spoken_to_a_server_that_hangs_up() -> None:
    server, port = await _speaking(b"")
    async with server:
        error = await _through_the_sender(f"https://127.0.0.1:{port}")
    assert error.key == "base_url"
    assert "is it https?" in error.hint


@pytest.mark.asyncio
async def test_wait_for_gives_a_target_time() -> None:
    site = Site()
    failures: Iterator[int | Exception] = iter([httpx.ConnectError("no"), 503])

    class Starting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            trouble = next(failures, None)
            if isinstance(trouble, Exception):
                raise trouble
            if trouble is not None:
                return httpx.Response(trouble)
            return await httpx.ASGITransport(app=site).handle_async_request(request)

    assert [p async for p in preflight(a_system(Starting()), wait_for=5)]


@pytest.mark.asyncio
async def test_wait_for_waits_for_the_page_of_an_identity_too() -> None:
    class Pages(Site):
        starting = 2

        async def page(self, request: Request) -> Response:
            self.starting -= 1
            if self.starting > 0:
                return Response(status_code=503)
            return HTMLResponse('<form action="/me"></form>')

    async with proven(Pages(), {"identity": {"page": "/login", "name": "json:/name"}}, wait_for=5) as system:
        assert system.carriers == (SID,)


@pytest.mark.asyncio
async def test_a_target_that_is_broken_for_strangers() -> None:
    class Broken(Site):
        def stranger(self, request: Request) -> Response:
            return Response(status_code=500)

    error = await refusal(Broken())
    assert (error.key, error.problem) == ("identity", "a stranger is answered 500")
    assert error.exchanges


# -- the login does not work


@pytest.mark.asyncio
async def test_a_login_page_without_a_form() -> None:
    login = {"page": "/login", "fill": {"user": "{user}", "password": "{password}"}}
    error = await refusal(Site(), {"login": login})
    assert error.key == "login"
    assert "no form with the fields user, password" in error.problem
    assert "forms there: none" in error.problem


@pytest.mark.asyncio
async def test_a_form_without_the_fields_is_listed() -> None:
    class Other(Site):
        async def page(self, request: Request) -> Response:
            return HTMLResponse("<form action=/search><input name=q></form>")

    error = await refusal(Other(), {"login": {"page": "/login", "fill": {"user": "{user}"}}})
    assert f"{BASE}/search (q)" in error.problem


@pytest.mark.asyncio
async def test_a_wrong_password() -> None:
    error = await refusal(Site(), {"accounts": {"alice": {"user": "alice", "password": "not-the-password"}}})
    assert error.key == "login"
    assert "alice answered 401" in error.problem
    assert "check user and password" in error.hint
    assert "not-the-password" not in str(error)


@pytest.mark.parametrize(("status", "hint"), [(403, "anti-forgery"), (429, "throttles"), (200, "set no cookie")])
@pytest.mark.asyncio
async def test_a_login_that_leads_nowhere(status: int, hint: str) -> None:
    class Refusing(Site):
        async def login(self, request: Request) -> Response:
            return JSONResponse({}, status)

    error = await refusal(Refusing())
    assert error.key == "login"
    assert hint in error.hint


@pytest.mark.asyncio
async def test_a_token_that_is_not_where_it_should_be() -> None:
    login = {**TABLE["login"], "take": {"access": "json:/acess_token"}}
    error = await refusal(Site(), {"login": login})
    assert error.key == "login"
    assert "take.access = 'json:/acess_token'" in error.problem


@pytest.mark.asyncio
async def test_a_login_that_fails_the_third_time_is_explained_too() -> None:
    class Throttled(Site):
        async def login(self, request: Request) -> Response:
            if self.seen.count("POST /login") > 2:
                return JSONResponse({}, 429)
            return await super().login(request)

    error = await refusal(Throttled())
    assert (error.key, "throttles" in error.hint) == ("login", True)


@pytest.mark.asyncio
async def test_only_accounts_with_a_role() -> None:
    accounts = {"root": {"user": "root", "password": "root-password", "role": "admin"}}
    error = await refusal(Site(), {"accounts": accounts})
    assert (error.key, error.hint) == ("accounts", "add accounts.alice")


# -- the identity does not tell who asks


@pytest.mark.asyncio
async def test_an_identity_at_the_wrong_place() -> None:
    error = await refusal(Site(), {"identity": {"send": "GET /me", "name": "json:/nmae"}})
    assert error.key == "login"
    assert "identity.name" in error.hint
    assert "json:/nmae" in error.hint


@pytest.mark.asyncio
async def test_an_identity_that_never_changes() -> None:
    class Constant(Site):
        async def me(self, request: Request) -> Response:
            return HTMLResponse("<title>Profile</title>") if self.who(request) else Response(status_code=401)

    error = await refusal(Constant(), {"identity": {"send": "GET /me", "name": "html:title"}})
    assert error.key == "identity.name"
    assert "alice and bob are both 'Profile'" in error.problem
    assert "differs between users" in error.hint


@pytest.mark.asyncio
async def test_the_same_account_twice() -> None:
    twice = {"alice": TABLE["accounts"]["alice"], "bob": TABLE["accounts"]["alice"]}
    error = await refusal(Site(), {"accounts": twice})
    assert error.key == "accounts.bob"
    assert "two different accounts" in error.hint


class NamesEverybody(Site):
    async def me(self, request: Request) -> Response:
        return JSONResponse({"name": "the site"})


@pytest.mark.asyncio
async def test_an_identity_that_names_strangers_too() -> None:
    error = await refusal(NamesEverybody())
    assert error.key in ("login", "identity", "identity.name")


@pytest.mark.asyncio
async def test_why_an_identity_that_names_strangers_too_will_not_do() -> None:
    error = await refusal(NamesEverybody())
    assert "nothing stands at" not in error.hint
    assert "stranger" in error.hint + error.problem


class RandomGuests(Site):
    """Whoever holds no session is given a new guest's name at each request, as games and shops do."""

    def __init__(self) -> None:
        super().__init__()
        self.guests = itertools.count(1)

    def stranger(self, request: Request) -> Response:
        return JSONResponse({"name": f"guest-{next(self.guests)}"})


@pytest.mark.asyncio
async def test_guests_with_random_names_cannot_be_told_from_users() -> None:
    error = await refusal(RandomGuests())
    assert error.key.startswith("identity")


class RandomGuestsForUnknownCookies(RandomGuests):
    """Strangers without a cookie are refused; whoever comes with one that is not known becomes a new guest."""

    def stranger(self, request: Request) -> Response:
        return super().stranger(request) if "sid" in request.cookies else Response(status_code=401)


@pytest.mark.asyncio
async def test_made_up_credentials_with_random_names_cannot_be_told_from_users() -> None:
    error = await refusal(RandomGuestsForUnknownCookies())
    assert error.key == "identity.name"
    assert "'guest-1' and 'guest-2'" in error.problem


@pytest.mark.asyncio
async def test_a_made_up_credential_that_is_accepted_is_for_the_checks_to_judge() -> None:
    class Anybody(Site):
        def who(self, request: Request) -> str | None:
            return "alice" if "sid" in request.cookies and not super().who(request) else super().who(request)

    proofs = await proofs_of(a_system(Anybody(), {"logout": None}))
    assert [p for p in proofs if p.text == "a made-up credential gets no clear refusal: accepted as alice"]


@pytest.mark.asyncio
async def test_a_name_that_changes_at_each_request_is_none() -> None:
    class Restless(Site):
        async def me(self, request: Request) -> Response:
            name = self.who(request)
            return JSONResponse({"name": f"{name} {len(self.seen)}"}) if name else self.stranger(request)

    error = await refusal(Restless())
    assert error.key == "identity.name"
    assert "at one request" in error.problem
    assert "stays the same" in error.hint


@pytest.mark.asyncio
async def test_a_new_name_at_each_login_is_one() -> None:
    class Masks(Site):
        def new_session(self, user: str) -> str:
            return super().new_session(f"{user} no. {len(self.sessions)}")

    async with proven(Masks(), {"logout": None}) as system:
        assert (await (await system.shared_login("alice")).whoami()).accepted


@pytest.mark.asyncio
async def test_a_login_that_fails_is_not_taken_for_a_guest() -> None:
    wrong = {name: {"user": name, "password": "not-the-password"} for name in PASSWORDS}
    error = await refusal(RandomGuests(), {"accounts": wrong})
    assert error.key in ("login", "identity", "identity.name")


@pytest.mark.parametrize("cookie", [False, True], ids=["no cookie", "a cookie without weight"])
@pytest.mark.asyncio
async def test_an_identity_that_does_not_depend_on_the_session(cookie: bool) -> None:
    class ByAddress(Site):
        """Remembers who logged in last and takes everybody for that."""

        current: str | None = None

        def welcome(self, request: Request, user: str) -> Response:
            self.current = user
            answer = JSONResponse({})
            if cookie:
                answer.set_cookie("theme", "dark-and-moody")
            return answer

        def who(self, request: Request) -> str | None:
            return self.current

    error = await refusal(ByAddress())
    assert error.key == "identity"
    assert "depends on the session" in error.hint


# -- what strangers look like


@pytest.mark.asyncio
async def test_a_guest_with_a_name_is_a_stranger() -> None:
    class Guest(Site):
        def stranger(self, request: Request) -> Response:
            return JSONResponse({"name": "guest"})

    async with proven(Guest()) as system:
        alice = await system.login("alice", system.log)
        assert (await alice.whoami()).accepted
        assert (await alice.holding("f" * 32).whoami()).refused
    proofs = await proofs_of(a_system(Guest()))
    assert not [proof for proof in proofs if proof.doubt]


@pytest.mark.asyncio
async def test_a_stranger_gets_200_and_null() -> None:
    class Null(Site):
        def stranger(self, request: Request) -> Response:
            return JSONResponse({"name": None})

    async with proven(Null()) as system:
        alice = await system.login("alice", system.log)
        assert (await alice.whoami()).accepted
        assert (await alice.holding("f" * 32).whoami()).refused


@pytest.mark.asyncio
async def test_a_stranger_is_led_to_the_login() -> None:
    class Leading(Site):
        def stranger(self, request: Request) -> Response:
            return RedirectResponse(f"/login?next=/me&nonce={len(self.seen)}", 302)

    async with proven(Leading()) as system:
        judged = await system.stranger(system.log).whoami()
        assert judged.refused
        assert "/login" in next(iter(system.oracle.strangers)).location


@pytest.mark.asyncio
async def test_a_made_up_credential_that_breaks_the_target_is_no_refusal() -> None:
    class Fragile(Site):
        def stranger(self, request: Request) -> Response:
            return Response(status_code=500 if "sid" in request.cookies else 401)

    system = a_system(Fragile(), {"logout": None})
    proofs = await proofs_of(system)
    assert [p for p in proofs if "no clear refusal: unclear (the target answered 500)" in p.text]


# -- what authenticates


class TwoCookies(Site):
    """Session cookies beside others; subclasses say which of them count."""

    def welcome(self, request: Request, user: str) -> Response:
        answer = JSONResponse({})
        for name in ("sid", "other"):
            answer.set_cookie(name, self.new_session(user))
        return answer

    def both(self, request: Request) -> list[str | None]:
        return [self.sessions.get(request.cookies.get(name, "")) for name in ("sid", "other")]

    async def logout(self, request: Request) -> Response:
        for name in ("sid", "other"):
            self.sessions.pop(request.cookies.get(name, ""), None)
        return Response(status_code=204)


@pytest.mark.asyncio
async def test_of_two_cookies_one_matters() -> None:
    system = a_system(TwoCookies())
    proofs = await proofs_of(system)
    assert system.carriers == (SID,)
    assert [p for p in proofs if p.text.endswith("without weight: other")]


class Together(TwoCookies):
    def who(self, request: Request) -> str | None:
        first, second = self.both(request)
        return first if first == second else None


@pytest.mark.asyncio
async def test_two_cookies_authenticate_only_together() -> None:
    async with proven(Together()) as system:
        assert system.joint
        assert set(system.carriers) == {SID, Carrier("cookie", "other")}


class EitherWay(TwoCookies):
    """A session and a remember-me cookie: each alone signs in."""

    def who(self, request: Request) -> str | None:
        return next((name for name in self.both(request) if name), None)


@check("toy.altered", sources=["TOY-1"])
async def altered_copy_is_refused(target: Target) -> None:
    """A credential of another value is refused.

    Remedy: look it up.
    """
    alice = await target.shared_login("alice")
    for carrier in target.system.carriers:
        await target.expect_refused(alice.holding("f" * 32, carrier))


@pytest.mark.parametrize("site", [Site, TwoCookies, Together])
@pytest.mark.asyncio
async def test_an_altered_credential_is_refused(site: type[Site]) -> None:
    async with proven(site()) as system:
        assert (await verdict_of(system, altered_copy_is_refused)).outcome is Outcome.PASS


@pytest.mark.asyncio
async def test_an_altered_credential_is_not_saved_by_the_one_beside_it() -> None:
    async with proven(EitherWay()) as system:
        assert len(system.carriers) == 2
        verdict = await verdict_of(system, altered_copy_is_refused)
        assert verdict.outcome is not Outcome.FAIL, verdict.actual


class TokenAndCookie(Site):
    """A login that sets a session cookie and hands out the same session as a bearer token."""

    def welcome(self, request: Request, user: str) -> Response:
        answer = JSONResponse({"token": self.new_session(user)})
        answer.set_cookie("sid", self.new_session(user))
        return answer

    def who(self, request: Request) -> str | None:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.sessions.get(bearer) or super().who(request)


@pytest.mark.asyncio
async def test_an_altered_token_is_not_saved_by_the_cookie_beside_it() -> None:
    login = {**TABLE["login"], "take": {"access": "json:/token"}}
    async with proven(TokenAndCookie(), {"login": login, "logout": None}) as system:
        assert system.carriers == (Carrier("token", "access"), SID)
        verdict = await verdict_of(system, altered_copy_is_refused)
        assert verdict.outcome is not Outcome.FAIL, verdict.actual


class ManyCookies(Site):
    """Session cookies somewhere in a heap of others; which of them sign in together is for subclasses to say."""

    heap = 13
    places: tuple[int, ...] = (13,)

    def welcome(self, request: Request, user: str) -> Response:
        answer = JSONResponse({})
        for at in range(self.heap + len(self.places)):
            name = f"s{self.places.index(at)}" if at in self.places else f"tracking{at}"
            value = self.new_session(user) if at in self.places else f"nothing-to-see-{at}"
            answer.set_cookie("sid" if name == "s0" else name, value)
        return answer

    def users(self, request: Request) -> list[str | None]:
        names = ["sid", *(f"s{at}" for at in range(1, len(self.places)))]
        return [self.sessions.get(request.cookies.get(name, "")) for name in names]


@pytest.mark.asyncio
async def test_the_session_is_found_behind_a_dozen_other_cookies() -> None:
    system = a_system(ManyCookies())
    try:
        await proofs_of(system)
    except PreflightError as error:
        assert "cookies" in str(error)  # noqa: PT017 - refusing is as good as finding it
    else:
        assert system.carriers == (SID,)


class AllOfThree(ManyCookies):
    heap, places = 60, (0, 31, 62)

    def who(self, request: Request) -> str | None:
        users = self.users(request)
        return users[0] if len(set(users)) == 1 else None


class AnyOfThree(AllOfThree):
    def who(self, request: Request) -> str | None:
        return next((user for user in self.users(request) if user), None)


class TwoOfThree(AllOfThree):
    def who(self, request: Request) -> str | None:
        users = [user for user in self.users(request) if user]
        return users[0] if len(users) > 1 else None


class OneOfMany(ManyCookies):
    heap, places = 150, (77,)


THREE = {SID, Carrier("cookie", "s1"), Carrier("cookie", "s2")}


@pytest.mark.parametrize(
    ("site", "joint", "found", "most"),
    [(OneOfMany, False, {SID}, 30), (AllOfThree, True, THREE, 50), (AnyOfThree, False, THREE, 50)],
)
@pytest.mark.asyncio
async def test_what_authenticates_in_a_heap_of_cookies(
    site: type[ManyCookies], joint: bool, found: set[Carrier], most: int
) -> None:
    app = site()
    system = a_system(app, {"logout": None})
    await proofs_of(system)
    assert set(system.carriers) == found
    assert system.joint is joint
    assert app.seen.count("GET /me") <= most


@pytest.mark.asyncio
async def test_what_authenticates_must_be_told() -> None:
    error = await refusal(TwoOfThree())
    assert error.key == "login"
    assert "what authenticates cannot be told" in error.problem


# -- several sessions, logout


class OneSession(Site):
    def new_session(self, user: str) -> str:
        self.sessions = {sid: name for sid, name in self.sessions.items() if name != user}
        return super().new_session(user)


@pytest.mark.asyncio
async def test_a_target_with_one_session_for_each_account() -> None:
    system = a_system(OneSession())
    proofs = await proofs_of(system)
    assert (system.login_ends_others, system.logout_ends_others, system.side_by_side) == (True, False, False)
    assert [p for p in proofs if p.text == "a second login ends the first: checks run one at a time"]
    assert "second login" in system.summary().why_alone


@pytest.mark.asyncio
async def test_shared_logins_of_a_single_session_target_are_alive() -> None:
    async with proven(OneSession()) as system:
        assert (await (await system.shared_login("alice")).whoami()).accepted
        await system.login("alice", system.log)
        assert (await (await system.shared_login("alice")).whoami()).accepted


@pytest.mark.asyncio
async def test_the_shared_login_of_another_account_is_left_alone() -> None:
    async with proven(OneSession()) as system:
        bob = await system.shared_login("bob")
        await system.login("alice", system.log)
        assert await system.shared_login("bob") is bob


class Everywhere(Site):
    async def logout(self, request: Request) -> Response:
        mine = self.who(request)
        self.sessions = {sid: name for sid, name in self.sessions.items() if name != mine}
        return Response(status_code=204)


@pytest.mark.asyncio
async def test_a_logout_that_ends_every_session() -> None:
    system = a_system(Everywhere())
    proofs = await proofs_of(system)
    assert (system.login_ends_others, system.logout_ends_others, system.side_by_side) == (False, True, False)
    assert "ends the account's other sessions too" in proofs[-1].text
    assert "logout" in system.summary().why_alone


@pytest.mark.asyncio
async def test_shared_logins_are_alive_where_a_logout_ends_every_session() -> None:
    async with proven(Everywhere()) as system:
        await system.shared_login("alice")
        await (await system.login("alice", system.log)).logout()
        assert (await (await system.shared_login("alice")).whoami()).accepted


@pytest.mark.asyncio
async def test_the_estimate_says_why_checks_run_one_at_a_time() -> None:
    nothing = Plan((), (), ())
    async with proven(OneSession()) as system:
        assert "one at a time: a second login ends" in estimate(nothing, system.summary())
    async with proven(Everywhere()) as system:
        assert "one at a time: a logout ends" in estimate(nothing, system.summary())
    async with proven(Site()) as system:
        assert "one at a time" not in estimate(nothing, system.summary())


class NobodyNow(Site):
    """Answers a logout as it answers a stranger: with 401, since nobody is signed in any more."""

    async def logout(self, request: Request) -> Response:
        await super().logout(request)
        return Response(status_code=401)


@pytest.mark.asyncio
async def test_a_logout_that_says_401_once_the_session_is_over() -> None:
    async with proven(NobodyNow()) as system:
        assert Capability.LOGOUT in system.capabilities
        assert system.took_logout(await (await system.login("alice", system.log)).logout())


class Refuses(Site):
    async def logout(self, request: Request) -> Response:
        return Response(status_code=401)


@pytest.mark.asyncio
async def test_a_logout_that_says_401_and_ends_nothing() -> None:
    error = await refusal(Refuses())
    assert (error.key, error.problem) == ("logout", "answered 401")


@pytest.mark.asyncio
async def test_a_logout_that_is_not_allowed() -> None:
    error = await refusal(Site(), {"logout": {"send": "GET /logout"}})
    assert (error.key, error.problem) == ("logout", "answered 405")
    assert "path and method" in error.hint
    assert [e.request.method for e in error.exchanges] == ["GET"]


@pytest.mark.asyncio
async def test_a_logout_without_effect_is_for_the_checks_to_judge() -> None:
    class Nothing(Site):
        async def logout(self, request: Request) -> Response:
            return Response(status_code=204)

    proofs = await proofs_of(a_system(Nothing()))
    assert proofs[-1].text.startswith("answered 204; the client still counts as signed in")
    assert proofs[-1].doubt


@pytest.mark.asyncio
async def test_a_logout_form_that_is_not_on_the_page() -> None:
    error = await refusal(Site(), {"logout": {"page": "/login", "action": "/logout"}})
    assert error.key == "logout"
    assert "no form with action /logout" in error.problem


# -- further routes and visits


class MoreRoutes(Site):
    def routes(self) -> list[Route]:
        return [*super().routes(), Route("/orders", self.me), Route("/public", self.page)]


@pytest.mark.asyncio
async def test_protected_routes_that_do_not_tell_are_left_out() -> None:
    system = a_system(MoreRoutes(), {"protected": ["GET /orders", "GET /public"]})
    proofs = await proofs_of(system)
    assert [route for route, _ in system.routes] == ["GET /orders"]
    told = [p.text for p in proofs if p.key == "protected"]
    assert told == [
        "GET /orders tells insiders from strangers",
        "GET /public is left out: both get the same answer",
    ]


@pytest.mark.asyncio
async def test_a_session_given_to_strangers_is_seen() -> None:
    class Early(Site):
        async def page(self, request: Request) -> Response:
            answer = HTMLResponse('<form method=post><input name="user"><input name="password" type="password"></form>')
            answer.set_cookie("sid", self.new_session(""))
            return answer

        async def login(self, request: Request) -> Response:
            form = await request.form()
            return self.welcome(request, str(form["user"]))

    login = {"page": "/login", "fill": {"user": "{user}", "password": "{password}"}}
    async with proven(Early(), {"login": login}) as system:
        assert system.pre_login == "GET /login"
        assert Capability.PRE_LOGIN_SESSION in system.capabilities


# -- targets that mean harm: an error that can be read, never a traceback


async def ends_well(app: Any, changes: Mapping[str, Any] | None = None) -> None:
    """Preflight comes to an end, or to an error for the user."""
    system = a_system(app, changes)
    try:
        await proofs_of(system)
    except PreflightError as error:
        assert error.key  # noqa: PT017 - either end is right


BAD_LOCATIONS = ["http://[", "//[::1", "http://127.0.0.1:1/\x01", f"{BASE}/{'a' * 70000}", "http://127.0.0.1:x/"]


@pytest.mark.parametrize(
    "location",
    [pytest.param(text, id=repr(text[:24])) for text in BAD_LOCATIONS],
)
@pytest.mark.asyncio
async def test_a_hostile_location_for_strangers(location: str) -> None:
    class Hostile(Site):
        def stranger(self, request: Request) -> Response:
            return Response(status_code=302, headers={"location": location})

    await ends_well(Hostile())


@pytest.mark.parametrize("location", BAD_LOCATIONS, ids=lambda text: repr(text[:24]))
@pytest.mark.asyncio
async def test_a_hostile_redirect_after_a_form(location: str) -> None:
    class Hostile(Site):
        async def page(self, request: Request) -> Response:
            return HTMLResponse("<form method=post><input name=user></form>")

        async def login(self, request: Request) -> Response:
            return Response(status_code=302, headers={"location": location})

    await ends_well(Hostile(), {"login": {"page": "/login", "fill": {"user": "{user}"}}})


HOSTILE_TOKENS = [
    '{"t": "a-lone-\\ud800-surrogate"}',
    '{"t": "line\\nbreak and more"}',
    '{"t": "\\u0000\\u20ac"}',
]


@pytest.mark.parametrize("body", HOSTILE_TOKENS)
@pytest.mark.asyncio
async def test_hostile_tokens(body: str) -> None:
    class Hostile(Site):
        async def login(self, request: Request) -> Response:
            return Response(body, media_type="application/json")

    await ends_well(Hostile(), {"login": {**TABLE["login"], "take": {"access": "json:/t"}}})


@pytest.mark.parametrize(
    "life",
    [
        "1e999",
        "NaN",
        "-5",
        pytest.param("1" + "0" * 400, id="huge"),
        "true",
        '"soon"',
        "[]",
    ],
    ids=lambda t: t,
)
@pytest.mark.asyncio
async def test_hostile_lifetimes(life: str) -> None:
    class Hostile(Site):
        def welcome(self, request: Request, user: str) -> Response:
            answer = Response(f'{{"expires_in": {life}}}', media_type="application/json")
            answer.set_cookie("sid", self.new_session(user))
            return answer

    await ends_well(Hostile())


@pytest.mark.asyncio
async def test_an_identity_page_that_strangers_have_no_form_on() -> None:
    error = await refusal(Site(), {"identity": {"page": "/login", "action": "/me", "name": "json:/name"}})
    assert error.key == "identity"


@pytest.mark.asyncio
async def test_a_value_that_the_identity_route_does_not_give() -> None:
    error = await refusal(Site(), {"identity": {**TABLE["identity"], "take": {"csrf": "json:/none"}}})
    assert error.key.startswith("identity")
    assert "take.csrf" in error.problem


# -- words


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"refresh": {"send": "POST /refresh", "headers": {"X-CSRF": "{refresh_csrf}"}}}, "refresh"),
        ({"change_password": {"steps": [{"send": "GET /a"}, {"send": "POST /b", "form": {"a": "{old}"}}]}},
         "change_password.steps[1]"),
        ({"admin": {"disable": {"send": "POST /users/{nam}/disable"}}}, "admin.disable"),
        ({"sessions": {"revoke": {"send": "POST /sessions/{id}/revoke"}}}, "sessions.revoke"),
        ({"mutate": {"send": "PUT /note", "json": {"a": ["{valu}"]}, "read": {"send": "GET /n", "value": "json:/n"}}},
         "mutate"),
    ],
)  # fmt: skip
async def test_a_word_that_nothing_provides_is_told_before_the_first_request(
    changes: Mapping[str, Any], key: str
) -> None:
    site = Site()
    with pytest.raises(DescriptionError) as caught:
        await proofs_of(a_system(site, changes))
    assert caught.value.key == key
    assert "is not known here; known: " in caught.value.problem
    assert site.seen == []


@pytest.mark.asyncio
async def test_braces_of_a_query_are_no_words_where_they_hold_spaces() -> None:
    identity = {"send": "GET /me", "query": {"query": "{ me { name } }"}, "name": "json:/name"}
    assert await proofs_of(a_system(Site(), {"identity": identity}))
    with pytest.raises(DescriptionError, match="with spaces"):
        await proofs_of(a_system(Site(), {"identity": {**identity, "query": {"query": "{me{name}}"}}}))


def test_every_word_of_the_documentation_is_known() -> None:
    table = {
        **TABLE,
        "accounts": {"alice": {"user": "a", "password": "b", "tenant": "t"}},
        "login": {"steps": [{"send": "GET /{tenant}", "take": {"x": "json:/x"}}, {"send": "POST /login?x={x}"}]},
        "change_password": {"send": "POST /p", "json": {"old": "{password}", "new": "{new_password}"}},
        "mutate": {"send": "POST /n", "json": {"n": "{value}"}, "read": {"send": "GET /n", "value": "json:/n"}},
        "sensitive": {"send": "POST /e", "form": {"e": "{email}", "p": "{phone}", "v": "{value}", "c": "{csrf}"}},
        "admin": {"disable": {"send": "POST /users/{name}"}},
        "sessions": {"revoke": {"send": "POST /sessions/{handle}", "headers": {"Origin": "{origin}"}}},
        "refresh": {"send": "POST /r", "json": {"r": "{refresh}", "a": "{access}", "i": "{id_token}"}},
        "gate": {"held": "GET /held?id={hold}", "release": "POST /release?id={hold}"},
        "clock": {"send": "POST /clock?s={seconds}"},
        "oauth": {
            "metadata": "/.well-known/oauth-authorization-server",
            "consent": {"steps": [{"send": "POST /consent", "form": {"to": "{authorization_url}"}}]},
            "withdraw": {"send": "POST /withdraw/{client}"},
            "clients": {"web": {"redirect_uri": "https://web.example/"}},
        },
    }
    assert unknown_word(parse(table, "target.toml")) is None
