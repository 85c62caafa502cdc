"""Never cry wolf: correct servers with habits of their own, each against the check that it might mislead."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

import jwt
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.errors import Inconclusive
from conformance.masking import Secrets
from conformance.model import Outcome, Verdict
from conformance.registry import catalogue
from conformance.report.masked import steps
from conformance.runner import judge_one
from conformance.target import guess_delays
from tests.matrix import everything
from tests.toys import PASSWORDS, Site, proven

THROTTLED = {**PASSWORDS, "carol": "carol-has-a-third-one"}
ACCOUNTS: dict[str, dict[str, str]] = {name: {"user": name, "password": word} for name, word in PASSWORDS.items()}


def verdict(site: Site, check: str, changes: Mapping[str, Any] | None = None) -> Verdict:
    """What a check says of a site, every violation being a failure."""

    async def scenario() -> Verdict:
        async with proven(site, changes) as system:
            return await judge_one(system, catalogue()[check], [everything()])

    return asyncio.run(scenario())


# -- throttling


class OneSession(Site):
    """An account has one session at most, and its failures are counted under the name in small letters."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: dict[str, int] = {}

    async def login(self, request: Request) -> Response:
        told = await request.json()
        user, counted = told["user"], told["user"].strip().lower()
        if self.failures.get(counted, 0) >= 5:
            return JSONResponse({"error": "later"}, 429)
        if THROTTLED.get(user) != told["password"]:
            self.failures[counted] = self.failures.get(counted, 0) + 1
            return JSONResponse({"error": "wrong"}, 401)
        self.failures.pop(counted, None)
        self.sessions = {sid: owner for sid, owner in self.sessions.items() if owner != user}
        return self.welcome(request, user)


THROTTLE = ("account", "evade", "no-dos", "success-resets")


@pytest.mark.parametrize("check", [*(f"login.throttle.{one}" for one in THROTTLE), "login.enum.lockout"])
def test_throttling_where_an_account_has_one_session(check: str) -> None:
    carol = {"user": "carol", "password": THROTTLED["carol"], "role": "throttle"}
    changes = {"accounts": {**ACCOUNTS, "carol": carol}, "policy": {"throttle_failures": 5}}
    assert (verdict(OneSession(), check, changes)).outcome is Outcome.PASS


class Bucket(OneSession):
    """Once an account is throttled each third guess is taken, whatever it says of itself."""

    def __init__(self, turn: int) -> None:
        super().__init__()
        self.turn, self.late = turn, 0

    async def login(self, request: Request) -> Response:
        user = (await request.json())["user"]
        if self.failures.get(user, 0) >= 5:
            self.late += 1
            return JSONResponse({"error": "wrong"}, 401) if self.late % 3 == self.turn else await super().login(request)
        return await super().login(request)


@pytest.mark.parametrize("turn", range(3))
def test_a_guess_that_gets_in_by_the_clock_evades_nothing(turn: int) -> None:
    carol = {"user": "carol", "password": THROTTLED["carol"], "role": "throttle"}
    found = verdict(Bucket(turn), "login.throttle.evade", {"accounts": {**ACCOUNTS, "carol": carol}})
    assert found.outcome is Outcome.PASS, found.actual


class Delaying(OneSession):
    """Refuses nothing; some answers to wrong passwords take longer."""

    def __init__(self, delayed: Callable[[str, int], bool]) -> None:
        super().__init__()
        self.delayed, self.wrong = delayed, 0

    async def login(self, request: Request) -> Response:
        told = await request.json()
        if THROTTLED.get(told["user"]) != told["password"]:
            self.wrong += 1
            if self.delayed(told["user"], self.wrong):
                await asyncio.sleep(1.2)
            return JSONResponse({"error": "wrong"}, 401)
        return await super().login(request)


@pytest.mark.parametrize(
    ("delayed", "outcome"),
    [
        (lambda user, number: user == "carol" and number > 9, Outcome.PASS),
        (lambda user, number: number == 12, Outcome.FAIL),
        (lambda user, number: number > 9, Outcome.INCONCLUSIVE),
    ],
    ids=["guesses at the account", "one answer", "every login"],
)
def test_a_slow_answer_is_no_throttling(
    delayed: Callable[[str, int], bool], outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guess_delays, "DOUBTS", 3)
    carol = {"user": "carol", "password": THROTTLED["carol"], "role": "throttle"}
    changes = {"accounts": {**ACCOUNTS, "carol": carol}, "policy": {"throttle_failures": 40}}
    found = verdict(Delaying(delayed), "login.throttle.account", changes)
    assert found.outcome is outcome, found.reason or found.actual


# -- cookies


class TwoKeys(Site):
    """Each of two cookies is enough, as where one of them stays for weeks."""

    def welcome(self, request: Request, user: str) -> Response:
        answer = JSONResponse({"ok": True})
        for name in ("__Host-sid", "stays"):
            answer.set_cookie(name, self.new_session(user), httponly=True)
        return answer

    def who(self, request: Request) -> str | None:
        found = (self.sessions.get(request.cookies.get(name, "")) for name in ("__Host-sid", "stays"))
        return next((user for user in found if user), None)


@pytest.mark.parametrize("check", ["cookie.parse.name-case", "cookie.parse.prefix-spoof", "session.id.nosqli"])
def test_a_second_key_is_not_taken_for_the_attack(check: str) -> None:
    assert (verdict(TwoKeys(), check)).outcome is Outcome.PASS


class Busy(Site):
    """A gateway that answers the identity of two Cookie fields in haste, in front of a page that is served."""

    def routes(self) -> list[Route]:
        return [*super().routes(), Route("/page", super().me)]

    async def me(self, request: Request) -> Response:
        two = request.headers.get("cookie", "").count("sid=") + len(request.headers.getlist("cookie")) > 2
        return Response(status_code=503) if two else await super().me(request)


@pytest.mark.parametrize("check", ["cookie.parse.duplicate", "cookie.parse.split-fields"])
def test_a_busy_moment_is_no_second_mind(check: str) -> None:
    assert (verdict(Busy(), check, {"protected": ["GET /page"]})).outcome is Outcome.INCONCLUSIVE


class Strict(Site):
    """An id that is none by its look is malformed, which is no word on ids that are."""

    def stranger(self, request: Request) -> Response:
        sid = request.cookies.get("sid", "")
        fine = set(sid) <= set("0123456789abcdef")
        return super().stranger(request) if fine else JSONResponse({"error": "malformed"}, 400)


def test_malformed_is_no_reason() -> None:
    assert (verdict(Strict(), "error.oracle.reason")).outcome is Outcome.PASS


class Walled(Site):
    """A wall that knows objects by their beginning, before a server that breaks of any id but its own."""

    def stranger(self, request: Request) -> Response:
        sid = request.cookies.get("sid", "")
        if sid.startswith(("gA", "KG", "rO0AB", "BAh", "YTo", "a%3A", "eyJ", "%7B")):
            return Response("<h1>Blocked</h1>", 403, media_type="text/html")
        return Response(status_code=500) if sid else super().stranger(request)


def test_a_wall_before_a_server_reads_no_objects() -> None:
    found = verdict(Walled(), "session.id.deserialize")
    assert found.outcome is not Outcome.FAIL, found.actual


# -- caches


class Kept(Site):
    """Answers with a date of change, for clients that keep them all the same, and none may."""

    async def me(self, request: Request) -> Response:
        if request.headers.get("if-modified-since"):
            return Response(status_code=304)
        answer = await super().me(request)
        answer.headers["last-modified"], answer.headers["cache-control"] = formatdate(0, usegmt=True), "no-store"
        return answer


def test_what_nobody_keeps_is_confirmed_to_nobody() -> None:
    found = verdict(Kept(), "transport.cache.not-modified")
    assert (found.outcome, "no-store" in found.reason) == (Outcome.NOT_APPLICABLE, True)


class Tagged(Site):
    """Browsers keep copies and ask each time; the tag is the user's."""

    async def me(self, request: Request) -> Response:
        tag, answer = f'"{self.who(request)}"', await super().me(request)
        if answer.status_code == 200 and request.headers.get("if-none-match") == tag:
            return Response(status_code=304)
        answer.headers["etag"], answer.headers["cache-control"] = tag, "private, no-cache"
        return answer


@pytest.mark.parametrize("check", ["transport.cache.not-modified", "session.logout.back-button"])
def test_a_tag_of_each_user_confirms_to_that_user_alone(check: str) -> None:
    assert verdict(Tagged(), check).outcome is Outcome.PASS


class Ahead(Site):
    """A clock that is five minutes ahead; answers are stale at once."""

    async def me(self, request: Request) -> Response:
        answer = await super().me(request)
        answer.headers["date"] = answer.headers["expires"] = formatdate(time.time() + 300, usegmt=True)
        return answer


def test_a_clock_that_is_ahead_keeps_no_page() -> None:
    assert (verdict(Ahead(), "session.logout.back-button")).outcome is Outcome.PASS


class Half(Site):
    """The login says https without its subdomains, and the identity for ten minutes."""

    async def me(self, request: Request) -> Response:
        answer = await super().me(request)
        answer.headers["strict-transport-security"] = "max-age=600"
        return answer

    def welcome(self, request: Request, user: str) -> Response:
        answer = super().welcome(request, user)
        answer.headers["strict-transport-security"] = "max-age=60000000"
        return answer


def test_advice_on_one_answer_does_not_hide_the_next() -> None:
    https = {"public_url": "https://shop.example"}
    assert verdict(Half(), "transport.hsts", https).outcome is Outcome.FAIL


# -- changes


class Notes(Site):
    """A note of each user's own; an anti-forgery value of each session."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: dict[str, str] = {}
        self.key = secrets.token_hex(16)

    def routes(self) -> list[Route]:
        return [
            *super().routes(),
            Route("/csrf", self.csrf),
            Route("/note", self.read),
            Route("/note", self.write, methods=["POST"]),
        ]

    def place(self, user: str) -> str:
        return user

    async def csrf(self, request: Request) -> Response:
        return JSONResponse({"csrf": f"{request.cookies.get('sid', '')}{self.key}"})

    def fits(self, request: Request, token: str) -> bool:
        return token == f"{request.cookies.get('sid', '')}{self.key}"

    async def read(self, request: Request) -> Response:
        user = self.who(request)
        return JSONResponse({"note": self.notes.get(self.place(user), "")}) if user else self.stranger(request)

    async def write(self, request: Request) -> Response:
        user, form = self.who(request), await request.form()
        if not user or not self.fits(request, str(form.get("csrf", ""))):
            return JSONResponse({"error": "no"}, 403)
        self.notes[self.place(user)] = str(form["note"])
        return Response(status_code=204)


NOTE = {
    "csrf": {"send": "GET /csrf", "take": {"csrf": "json:/csrf"}},
    "mutate": {
        "send": "POST /note",
        "form": {"note": "{value}", "csrf": "{csrf}"},
        "read": {"send": "GET /note", "value": "json:/note"},
    },
}


class Board(Notes):
    """One note for everybody."""

    def place(self, user: str) -> str:
        return "everybody"


def test_a_note_of_everybody_is_no_confusion_of_users() -> None:
    found = verdict(Board(), "session.race.lost-update", NOTE)
    assert (found.outcome, "one for all" in found.reason) == (Outcome.NOT_APPLICABLE, True)
    assert (verdict(Notes(), "session.race.lost-update", NOTE)).outcome is Outcome.PASS
    assert (verdict(Board(), "cookie.parse.split-fields", NOTE)).outcome is Outcome.PASS


class OwnPages(Notes):
    """What a page of the target's own sends needs no value: the browser says where it comes from."""

    def fits(self, request: Request, token: str) -> bool:
        return request.headers.get("sec-fetch-site") == "same-origin"


def test_a_value_that_own_pages_do_not_need_is_not_called_spent_too_late() -> None:
    found = verdict(OwnPages(), "csrf.token.rotates", NOTE)
    assert (found.outcome, "own pages" in found.reason) == (Outcome.NOT_APPLICABLE, True)


class UsersOnly(Notes):
    """Strangers are given no value."""

    async def csrf(self, request: Request) -> Response:
        return await super().csrf(request) if self.who(request) else self.stranger(request)


def test_visitors_may_be_given_no_value() -> None:
    found = verdict(UsersOnly(), "csrf.token.rotates", NOTE)
    assert (found.outcome, "visitors" in found.reason) == (Outcome.NOT_APPLICABLE, True)


class HostPair(Notes):
    """The value equals a cookie that no other host can plant."""

    pair = "__Host-csrf"

    def welcome(self, request: Request, user: str) -> Response:
        answer = super().welcome(request, user)
        answer.set_cookie(self.pair, secrets.token_hex(16))
        return answer

    async def csrf(self, request: Request) -> Response:
        return JSONResponse({"csrf": request.cookies.get(self.pair, "")})

    def fits(self, request: Request, token: str) -> bool:
        return bool(token) and token == request.cookies.get(self.pair)


class PlainPair(HostPair):
    """The same, with a cookie that a sibling host plants."""

    pair = "csrf"


def test_a_pair_that_nobody_can_plant_is_no_forgery() -> None:
    id = "csrf.double-submit.forge"
    assert (verdict(HostPair(), id, NOTE)).outcome is Outcome.NOT_APPLICABLE
    assert (verdict(PlainPair(), id, NOTE)).outcome is Outcome.FAIL


class WithNonce(Notes):
    """A login page whose form, and the address that it goes to, hold a nonce of OpenID."""

    async def page(self, request: Request) -> Response:
        nonce = "5f0c8e3b9a7d4c1e8b6f"
        fields = "".join(f'<input name="{name}">' for name in ("user", "password"))
        form = f'<form action="/login?nonce={nonce}" method="post"><input name="nonce" value="{nonce}">{fields}</form>'
        return Response(form, media_type="text/html")

    async def login(self, request: Request) -> Response:
        told = await request.form()
        fits = PASSWORDS.get(str(told["user"])) == told["password"]
        return self.welcome(request, str(told["user"])) if fits else self.stranger(request)


def test_a_nonce_of_openid_may_stand_in_an_address() -> None:
    login = {"page": "/login", "fill": {"user": "{user}", "password": "{password}"}}
    found = verdict(WithNonce(), "csrf.token.leaks", {**NOTE, "login": login})
    assert found.outcome is Outcome.NOT_APPLICABLE, found.actual


# -- tokens


class Tokens(Site):
    """Bearer tokens."""

    def welcome(self, request: Request, user: str) -> Response:
        return JSONResponse({"access": self.issue(user)})

    def issue(self, user: str) -> str:
        return self.new_session(user)

    def who(self, request: Request) -> str | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self.owner(token) if scheme == "Bearer" else None

    def owner(self, token: str) -> str | None:
        return self.sessions.get(token)


BEARER = {
    "login": {
        "send": "POST /login",
        "json": {"user": "{user}", "password": "{password}"},
        "take": {"access": "json:/access"},
    },
    "logout": None,
}


class Padded(Tokens):
    """Opaque bytes in base64, read by a lenient decoder."""

    def issue(self, user: str) -> str:
        token = base64.b64encode(secrets.token_bytes(16)).decode()
        self.sessions[base64.b64decode(token).hex()] = user
        return token

    def owner(self, token: str) -> str | None:
        try:
            return self.sessions.get(base64.b64decode(token + "==").hex())
        except ValueError:
            return None


def test_another_spelling_of_the_same_bytes_is_no_part() -> None:
    assert (verdict(Padded(), "token.opaque.nul-prefix", BEARER)).outcome is Outcome.PASS


class InQuery(Padded):
    """Takes a part for the whole, and the token travels in addresses."""

    def who(self, request: Request) -> str | None:
        token = request.query_params.get("access_token", "")
        return next((user for sid, user in self.sessions.items() if token and sid.startswith(token[:16])), None)

    def issue(self, user: str) -> str:
        return self.new_session(user)


def test_a_part_of_a_token_in_an_address_is_shortened_in_evidence() -> None:
    site = InQuery()
    found = verdict(site, "token.opaque.nul-prefix", {**BEARER, "use": {"access": "query:access_token"}})
    assert found.outcome is Outcome.FAIL
    told = [step.url for step in steps(found.evidence, Secrets())]
    assert not [url for url in told for sid in site.sessions if sid[:16] in url]


class ByName(Tokens):
    """Signed claims, of which the name says who it is."""

    secret = "a secret of thirty-two characters"

    def issue(self, user: str) -> str:
        claims = {"sub": f"id-of-{user}", "name": user, "exp": int(time.time()) + 600, "jti": secrets.token_hex(8)}
        return jwt.encode(claims, self.secret, "HS256")

    def owner(self, token: str) -> str | None:
        try:
            return str(jwt.decode(token, self.secret, ["HS256"])["name"])
        except (jwt.InvalidTokenError, KeyError):
            return None


def test_whoever_goes_by_another_claim_queries_no_subject() -> None:
    found = verdict(ByName(), "token.sub.injection", {**BEARER, "keys": {"secret": ByName.secret}})
    assert (found.outcome, "whatever sub says" in found.reason) == (Outcome.NOT_APPLICABLE, True)


# -- short lives


class Brief(Site):
    """A signed token that lives for seconds and says so itself; the answer to the login does not."""

    key = secrets.token_hex(32)

    def welcome(self, request: Request, user: str) -> Response:
        now = int(time.time())
        return JSONResponse({"access_token": jwt.encode({"sub": user, "iat": now, "exp": now + 8}, self.key, "HS256")})

    def who(self, request: Request) -> str | None:
        try:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            return str(jwt.decode(token, self.key, algorithms=["HS256"])["sub"])
        except jwt.InvalidTokenError:
            return None


BRIEF = {
    "login": {
        "send": "POST /login",
        "json": {"user": "{user}", "password": "{password}"},
        "take": {"access": "json:/access_token"},
    },
    "logout": None,
}


@pytest.mark.asyncio
async def test_a_token_in_the_second_half_of_its_life_is_handed_to_no_check() -> None:
    async with proven(Brief(), BRIEF) as system:
        first = await system.shared_login("alice")
        assert await system.shared_login("alice") is first
        first.issued_at -= 9  # Eight seconds of life make seventeen so.
        assert await system.shared_login("alice") is not first


@pytest.mark.asyncio
async def test_a_control_that_failed_of_age_says_so() -> None:
    async with proven(Brief(), BRIEF) as system:
        old = (await system.shared_login("alice")).stolen()
        old.tokens["access"], old.issued_at = "gone", time.time() - 60
        with pytest.raises(Inconclusive) as stop:
            await system.control(time.time(), old)
    assert "it has expired" not in stop.value.reason

    async with proven(Brief(), BRIEF) as system:
        old = await system.shared_login("alice")
        claims = {"sub": "alice", "iat": int(time.time()) - 60, "exp": int(time.time()) - 50}
        old.tokens["access"], old.issued_at = jwt.encode(claims, Brief.key, "HS256"), time.time() - 60
        with pytest.raises(Inconclusive) as stop:
            await system.control(time.time(), old)
    assert "it has expired: 10 s are short" in stop.value.reason


# -- one browser, one session


class Regenerated(Site):
    """A token beside a session of the browser; a login over a session ends that one, as Passport's does."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[str] = []

    def welcome(self, request: Request, user: str) -> Response:
        if self.sessions.pop(sid := request.cookies.get("sid", ""), None):
            self.ended.append(sid)
        answer = JSONResponse({"access_token": self.new_session(user)})
        answer.set_cookie("sid", self.new_session(user), httponly=True)
        return answer

    def who(self, request: Request) -> str | None:
        return self.sessions.get(request.headers.get("authorization", "").removeprefix("Bearer "))


def test_a_login_with_an_invented_token_takes_nobodys_browser() -> None:
    site = Regenerated()
    assert verdict(site, "token.opaque.fixation", BRIEF).outcome is Outcome.PASS
    assert site.ended == []


# -- labels beside values


class Sealed(Site):
    """A version behind the value, which is read as a number and nothing else, as iron-session does."""

    mark = "~"

    def welcome(self, request: Request, user: str) -> Response:
        answer = JSONResponse({"ok": True})
        answer.set_cookie("sid", f"{self.new_session(user)}{self.mark}2", httponly=True)
        return answer

    def who(self, request: Request) -> str | None:
        value, _, version = request.cookies.get("sid", "").partition(self.mark)
        return self.sessions.get(value) if version.startswith("2") else None


class Trimmed(Sealed):
    """The last character of the id is never looked at."""

    def new_session(self, user: str) -> str:
        sid = super().new_session(user)
        self.sessions[sid[:-1]] = user
        return sid

    def who(self, request: Request) -> str | None:
        return self.sessions.get(request.cookies.get("sid", "").partition(self.mark)[0][:-1])


@pytest.mark.parametrize(("site", "outcome"), [(Sealed, Outcome.PASS), (Trimmed, Outcome.FAIL)])
def test_a_label_behind_a_mark_is_no_part_of_the_id(site: type[Site], outcome: Outcome) -> None:
    assert verdict(site(), "session.id.mutate").outcome is outcome


# -- few sessions for everybody


class Crowded(Site):
    """A few sessions at a time for all users together; the oldest makes room."""

    most = 2

    def welcome(self, request: Request, user: str) -> Response:
        self.sessions.pop(request.cookies.get("sid", ""), None)
        return super().welcome(request, user)

    def new_session(self, user: str) -> str:
        sid = super().new_session(user)
        for old in list(self.sessions)[: -self.most]:
            del self.sessions[old]
        return sid


@pytest.mark.parametrize("most", [2, 3, 4, 5])
def test_a_session_that_made_room_for_others_contradicts_nothing(most: int) -> None:
    site = Crowded()
    site.most = most
    found = verdict(site, "lifecycle.model")
    assert found.outcome in (Outcome.PASS, Outcome.INCONCLUSIVE), (found.expected, found.actual)


# -- time


class Late(Site):
    """Sessions end after two seconds; who asks towards the end waits for the answer until they have."""

    def __init__(self) -> None:
        super().__init__()
        self.born: dict[str, float] = {}

    def new_session(self, user: str) -> str:
        sid = super().new_session(user)
        self.born[sid] = time.monotonic()
        return sid

    async def me(self, request: Request) -> Response:
        sid = request.cookies.get("sid", "")
        left = self.born.get(sid, 0.0) + 2.0 - time.monotonic()
        if 0 < left < 1.3:
            await asyncio.sleep(left + 0.1)
            left = 0.0
        if left <= 0:
            self.sessions.pop(sid, None)
        return await super().me(request)


def test_an_answer_that_comes_after_the_limit_is_no_early_end() -> None:
    assert verdict(Late(), "session.timeout.absolute", {"policy": {"absolute": "2s"}}).outcome is Outcome.PASS
