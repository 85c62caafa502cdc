"""The model of credential life: what it draws, and how it tells what it found."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from conformance.attacks.lives import ACTS, DEALT, SELDOM, STEPS, VARIANTS, Act, Life, Lives, lives
from conformance.certify import Selection, Session
from conformance.errors import Violation
from conformance.explore import Hit, _draw, _run, explore
from conformance.lifecycle.acts import Acts, telling
from conformance.lifecycle.grading import TWINS
from conformance.lifecycle.linearizability import Said
from conformance.lifecycle.world import lead
from conformance.model import Capability, Finding, Outcome
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.target.facade import Target
from tests.matrix import verdicts
from tests.toys import PASSWORDS, Site, proofs_of, proven, verdict_of

CHECK = "lifecycle.model"


def drawn(offered: frozenset[Capability], seed: int = 1) -> list[Life]:
    return [inputs["life"] for inputs in _draw({"life": Lives(offered)}, seed, 10)]


def test_the_same_seed_draws_the_same_lives() -> None:
    everything = frozenset(Capability)
    assert drawn(everything) == drawn(everything)
    assert drawn(everything) != drawn(everything, 2)


@pytest.mark.parametrize("seed", range(3))
def test_every_life_that_is_drawn_can_be_found_again(seed: int) -> None:
    """Hypothesis drops what is raised in a draw that it breaks off: such a finding would be lost."""
    everything = {"life": Lives(frozenset(Capability))}
    for life in drawn(frozenset(Capability), seed):

        def refuse(found: Life = life, **inputs: Life) -> None:
            assert inputs["life"] != found

        with pytest.raises(AssertionError):
            _run(refuse, everything, seed, 10, shrink=False)


def test_only_what_is_offered_happens() -> None:
    bare = {act.name for life in drawn(frozenset()) for act in life.acts}
    assert bare <= {name for name, needs in ACTS.items() if not needs}
    assert "log out" in {act.name for life in drawn(frozenset({Capability.LOGOUT})) for act in life.acts}


def test_nothing_is_used_before_it_is_there() -> None:
    for life in drawn(frozenset(Capability)):
        names = [act.name for act in life.acts]
        if "use what was stolen" in names:
            assert "steal" in names[: names.index("use what was stolen")]


def test_every_act_can_be_performed() -> None:
    assert [name for name in ACTS if not hasattr(Acts, name.replace(" ", "_"))] == []


def test_lives_are_fitted_to_a_target() -> None:
    assert "log out" not in lives().acts
    assert "log out" in lives().fitted({Capability.LOGOUT}).acts
    assert repr(Life((Act("use", 1, 2),))) == "use (1, 2)"


def test_every_kind_of_act_is_dealt() -> None:
    everything = Lives(frozenset(Capability))
    dealt = [act for life in everything.dealt(1, 60) for act in life.acts]
    assert {(act.name, act.what % VARIANTS.get(act.name, 1)) for act in dealt} == {
        (name, kind) for name in ACTS for kind in range(VARIANTS.get(name, 1))
    }
    part, whole = DEALT
    assert len(dealt) == STEPS * (60 * part // whole)
    assert everything.dealt(1, 30) == everything.dealt(1, 30) != everything.dealt(2, 30)


def test_what_takes_hundreds_of_requests_is_dealt_late_and_never_drawn() -> None:
    everything = Lives(frozenset(Capability))
    lives = [*everything.dealt(1, 10), *drawn(frozenset(Capability))]
    assert not SELDOM & {act.name for life in lives for act in life.acts}


@pytest.mark.asyncio
async def test_a_dealt_life_is_cut_down_to_what_it_takes() -> None:
    async def attempt(inputs: Mapping[str, Any]) -> None:
        names = [act.name for act in inputs["life"].acts]
        if "steal" in names and "use" in names[names.index("steal") :]:
            raise Violation(Finding("", ""))

    with pytest.raises(Hit) as raised:
        await explore(attempt, {"life": Lives(shrinks=40)}, 1, 40)
    assert [act.name for act in raised.value.inputs["life"].acts] == ["steal", "use"]


def test_only_the_part_that_tells_a_value_from_others_is_edited() -> None:
    assert telling("v1.abcd.fr", ["v1.axyd.fr", "v1.abcq.fr"]) == (4, 7)
    assert telling("abcd", []) == (0, 4)


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["session", "refresh", "oauth"])
async def test_a_clean_server_lives_as_modelled(scheme: str) -> None:
    (verdict,) = await verdicts(f"ref:{scheme}", only=(CHECK,))
    assert verdict.outcome is Outcome.PASS, verdict.reason


def test_every_act_is_graded_by_checks_that_there_are() -> None:
    assert set(TWINS) <= set(ACTS)
    assert {id for twins in TWINS.values() for id in twins} <= set(catalogue())


@pytest.mark.asyncio
@pytest.mark.parametrize(("profile", "outcome"), [("asvs-5.0.0-auth-l1", "advice"), ("asvs-5.0.0-auth-l2", "fail")])
async def test_a_contradiction_is_graded_as_the_check_of_its_demand(profile: str, outcome: str) -> None:
    async with opened("ref:session+pwchange-keeps-others", Options(seed=1)) as system:
        session = Session(system, Selection(only=(CHECK,), profiles=(profile,), destructive=True))
        await session.prepare()
        (verdict,) = [verdict async for verdict in session.run()]
    assert (verdict.outcome, verdict.level) == (outcome, "L2")
    assert "ASVS-v5.0.0-7.4.3" in verdict.check.sources


@pytest.mark.asyncio
@pytest.mark.parametrize("change", ["change the password", "change the password during logins"])
async def test_what_was_spent_before_a_new_password_ends_nothing_that_came_with_it(change: str) -> None:
    for replay in range(3):
        acts = (Act("refresh"), Act("refresh"), Act(change), Act("refresh"), Act("replay a spent one", 0, replay))
        assert await lived("ref:refresh", *acts) == ""


@pytest.mark.asyncio
async def test_a_contradiction_is_told_as_a_story() -> None:
    (verdict,) = await verdicts("ref:session+failed-login-ends-sessions", only=(CHECK,))
    assert verdict.outcome is Outcome.FAIL, verdict.reason
    assert "after: 1. alice logs in" in verdict.expected
    assert "a wrong password" in verdict.expected
    assert verdict.inputs
    assert verdict.evidence


async def lived(target: str, *names: str | Act) -> str:
    """What is held against a target that leads this life; empty where nothing is."""
    acts = tuple(Act(name) if isinstance(name, str) else name for name in names)
    async with opened(target, Options(seed=1)) as system:
        await proofs_of(system)
        try:
            await lead(Target(system, catalogue()[CHECK]), Life(acts))
        except Violation as violation:
            return violation.finding.expected
    return ""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("target", "fault", "names"),
    [
        ("ref:session", "busy-session-survives-logout", ["log out while it is used"]),
        ("ref:session", "double-login-swaps", ["log in together over one visit"]),
        ("ref:session", "pwchange-race", ["change the password during logins"]),
        ("ref:session", "list-misses-one", ["log in", "look at the list"]),
        ("ref:refresh", "spend-race", ["refresh twice at once"]),
        ("ref:refresh", "logout-race", ["log out while it is refreshed"]),
    ],
)
async def test_what_happens_at_once_or_is_owned_shows_its_fault(target: str, fault: str, names: list[str]) -> None:
    assert await lived(target, *names) == ""
    # A race is lost now and then.
    told = [await lived(f"{target}+{fault}", *names) for _ in range(6)]
    assert any("after: 1. alice logs in" in one for one in told)


PROOFS = (
    ("ref:session", "keep-id-at-login", Act("log in", 0, 1)),
    ("ref:session", "adopt-logged-out-id", Act("log in with what is dead")),
    ("ref:session", "id-case-insensitive", Act("alter", 0, 1)),
    ("ref:session", "id-accepted-from-query", Act("send it elsewhere")),
    ("ref:session", "principal-mixup-under-load", Act("use all at once")),
    ("ref:session", "logout-twice-500", Act("log out with what is dead")),
    ("ref:session", "logout-all-misses-one", Act("log out everywhere", 0, 1)),
    ("ref:session", "logout-all-second-granular", Act("log out everywhere", 0, 2)),
    ("ref:session", "stepup-keeps-id", Act("prove the password again")),
    ("ref:session", "pwchange-no-current", Act("change the password without knowing it")),
    ("ref:session", "email-no-password", Act("change what is sensitive without the password")),
    ("ref:session", "recreate-inherits", Act("be deleted", 0, 1)),
    ("ref:session", "list-leaks-ids", Act("look at the list")),
    ("ref:session", "revoke-kills-all", Act("revoke a listed session", 0, 0)),
    ("ref:session", "revoke-no-password", Act("revoke a listed session", 0, 1)),
    ("ref:session", "revoke-foreign", Act("revoke a listed session", 0, 2)),
    ("ref:session", "csrf-missing-ok", Act("change something without its token", 0, 0)),
    ("ref:session", "csrf-wrong-ok", Act("change something without its token", 0, 1)),
    ("ref:session", "csrf-any-valid-token", Act("change something without its token", 0, 2)),
    ("ref:session", "csrf-static", Act("change something without its token", 0, 3)),
    ("ref:session", "idle-never-slides", Act("keep busy")),
    ("ref:token+revocable", "revoked-by-text-b64", Act("spell otherwise what is dead")),
    ("ref:token+revocable", "logout-ends-all", Act("log out")),
    ("ref:token+revocable", "undeclared-leeway", Act("let the access token expire")),
    ("ref:refresh", "never-rotates", Act("refresh")),
    ("ref:refresh", "refresh-any-case", Act("refresh with an altered token", 0, 1)),
    ("ref:refresh", "access-as-refresh", Act("use a token of another kind", 0, 1)),
    ("ref:refresh", "replay-toggles", Act("replay a spent one", 0, 2)),
    ("ref:refresh", "reuse-ends-all", Act("replay a spent one")),
    ("ref:refresh+grace-30", "grace-slides", Act("ask again within the grace", 0, 0)),
    ("ref:refresh+grace-30", "grace-forks", Act("ask again within the grace", 0, 1)),
    ("ref:oauth", "code-reusable", Act("redeem a code twice")),
    ("ref:oauth", "replay-spares-descendants", Act("redeem a code twice", 0, 1)),
    ("ref:oauth", "code-any-case", Act("redeem a code wrongly", 1, 0)),
    ("ref:oauth", "code-of-any-client", Act("redeem a code wrongly", 0, 1)),
    ("ref:oauth", "code-as-refresh-token", Act("redeem a code wrongly", 0, 2)),
    ("ref:oauth", "code-lives-long", Act("redeem a code wrongly", 0, 3)),
    ("ref:oauth", "race-losers-forgiven", Act("redeem a code at once")),
    ("ref:oauth", "refresh-by-any-client", Act("refresh as another client")),
    ("ref:oauth", "revoke-spares-access", Act("revoke a token", 0, 0)),
    ("ref:oauth", "revoke-spares-refresh", Act("revoke a token", 0, 1)),
    ("ref:oauth", "revoke-unauthenticated", Act("revoke the token of another", 0, 0)),
    ("ref:oauth", "revoke-of-any-client", Act("revoke the token of another", 0, 1)),
    ("ref:oauth", "withdrawal-hides", Act("withdraw a grant")),
    ("ref:oauth+openid", "logout-keeps-session", Act("authorize with what is dead")),
)  # fmt: skip
"""A server, a fault, and the one act that shows it."""


@pytest.mark.asyncio
@pytest.mark.parametrize("server", sorted({server for server, _, _ in PROOFS}))
async def test_a_clean_server_stands_every_act(server: str) -> None:
    acts = [act for named, _, act in PROOFS if named == server]
    # One after the other in one life, so that each comes after the others, too.
    assert await lived(server, *acts, *reversed(acts)) == ""


@pytest.mark.asyncio
@pytest.mark.parametrize(("server", "fault", "act"), PROOFS, ids=[fault for _, fault, _ in PROOFS])
async def test_one_act_shows_its_fault(server: str, fault: str, act: Act) -> None:
    assert "after: 1. alice logs in" in await lived(f"{server}+{fault}", act)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("server", "fault", "name"),
    [
        ("ref:refresh", "replay-race", "replay beside a refresh"),
        ("ref:oauth", "refresh-revives", "refresh while it is revoked"),
        ("ref:oauth", "code-race", "redeem a code at once"),
        ("ref:session", "limit-race", "come in crowds"),
    ],
)
async def test_one_act_shows_what_is_lost_now_and_then(server: str, fault: str, name: str) -> None:
    told = [await lived(f"{server}+{fault}", Act(name, 0, at)) for at in (1, 0, 1)]
    assert any("after: 1. alice logs in" in one for one in told)


class Notes(Site):
    """Every user has a note; the page that writes it may know sessions that are over."""

    def __init__(self, *, remembers: bool) -> None:
        super().__init__()
        self.remembers, self.ever, self.notes = remembers, dict[str, str](), dict[str, str]()

    def routes(self) -> list[Route]:
        return [*super().routes(), Route("/note", self.note, methods=["GET", "POST"])]

    def new_session(self, user: str) -> str:
        sid = super().new_session(user)
        self.ever[sid] = user
        return sid

    async def note(self, request: Request) -> Response:
        known = self.ever if self.remembers and request.method == "POST" else self.sessions
        user = known.get(request.cookies.get("sid", ""))
        if user is None:
            return self.stranger(request)
        if request.method == "POST":
            self.notes[user] = (await request.json())["note"]
        return JSONResponse({"note": self.notes.get(user, "")})


@pytest.mark.asyncio
@pytest.mark.parametrize("remembers", [False, True])
async def test_what_is_over_changes_nothing(remembers: bool) -> None:
    read = {"send": "GET /note", "value": "json:/note"}
    mutate = {"send": "POST /note", "json": {"note": "{value}"}, "read": read}
    # Alice's second session, after bob's, changes what her first one must not change any more.
    acts = (Act("log in"), Act("log out"), Act("change something", 1), Act("change something with what is dead"))
    site = Notes(remembers=remembers)
    site.notes["alice"] = "mine"
    async with proven(site, {"mutate": mutate}) as system:
        target, life = Target(system, catalogue()[CHECK]), Life(acts)
        if remembers:
            with pytest.raises(Violation) as raised:
                await lead(target, life)
            assert "the state of alice is as it was" in raised.value.finding.expected
        else:
            await lead(target, life)
    assert site.notes["alice"] == "mine"


class SendsOn(Site):
    """Whoever is signed in and logs in again is sent on, in the same session."""

    async def login(self, request: Request) -> Response:
        return Response(status_code=204) if self.who(request) else await super().login(request)


@pytest.mark.asyncio
async def test_two_logins_of_one_session_end_together() -> None:
    life = Life((Act("log in over a session", 0, 1), Act("steal"), Act("log out", 2), Act("use"), Act("use", 1)))
    async with proven(SendsOn()) as system:
        await lead(Target(system, catalogue()[CHECK]), life)


class TurnsAway(Site):
    """Whoever is signed in cannot log in again: the target says no, or shows no form."""

    def __init__(self, *, forms: bool) -> None:
        super().__init__()
        self.forms = forms

    async def login(self, request: Request) -> Response:
        if self.who(request):
            return JSONResponse({"error": "you are signed in"}, 403)
        if not self.forms:
            return await super().login(request)
        told = await request.form()
        name = str(told["user"])
        return self.welcome(request, name) if PASSWORDS.get(name) == told["password"] else Response(status_code=401)

    async def page(self, request: Request) -> Response:
        form = "<form method=post action='/login'><input name=user><input type=password name=password></form>"
        return HTMLResponse("<h1>Welcome</h1>" if self.who(request) else form)


FILLED = {"login": {"page": "/login", "fill": {"user": "{user}", "password": "{password}"}}}


@pytest.mark.asyncio
@pytest.mark.parametrize("forms", [False, True])
async def test_who_cannot_log_in_again_is_not_somebody_else(forms: bool) -> None:
    life = Life((Act("log in over a session", 1), Act("log in over a session"), Act("use"), Act("log out"), Act("use")))
    async with proven(TurnsAway(forms=forms), FILLED if forms else {}) as system:
        target = Target(system, catalogue()[CHECK])
        await lead(target, life)
        verdicts = [
            await verdict_of(system, catalogue()[name])
            for name in ("session.issue.adopt-foreign", "session.issue.relogin-other", "session.issue.fail-no-elevate")
        ]
    assert [verdict.outcome for verdict in verdicts] == ["not-applicable", "not-applicable", "pass"]
    assert "who is signed in cannot log in" in verdicts[0].reason


class Rewrites(Site):
    """The session is written anew into every answer, as sealed cookies are; every value of a live session is good."""

    def seal(self, sid: str) -> str:
        return f"{sid}{secrets.token_hex(8)}"

    def who(self, request: Request) -> str | None:
        return self.sessions.get(request.cookies.get("sid", "")[:32])

    def welcome(self, request: Request, user: str) -> Response:
        answer = JSONResponse({"ok": True})
        answer.set_cookie("sid", self.seal(self.new_session(user)), httponly=True)
        return answer

    async def me(self, request: Request) -> Response:
        answer = await super().me(request)
        if answer.status_code == 200:
            answer.set_cookie("sid", self.seal(request.cookies["sid"][:32]), httponly=True)
        return answer

    async def logout(self, request: Request) -> Response:
        self.sessions.pop(request.cookies.get("sid", "")[:32], None)
        return Response(status_code=204)


@pytest.mark.asyncio
async def test_a_session_that_every_answer_writes_anew_is_one_session() -> None:
    async with proven(Rewrites()) as system:
        target = Target(system, catalogue()[CHECK])
        alice = await target.own_login("alice")
        start = await target.held(alice)
        events = await target.used([alice, alice])
        await target.expect_explained(events, start, "two uses")
    assert [event.said for event in events] == [Said.DONE, Said.DONE]
    assert events[0].given == (events[1].shown,) != (events[0].shown,)


class Shares(Site):
    """All logins of an account are given its one session."""

    def new_session(self, user: str) -> str:
        return next((sid for sid, who in self.sessions.items() if who == user), None) or super().new_session(user)


@pytest.mark.asyncio
async def test_logins_that_are_given_the_same_end_together() -> None:
    acts = ("log in", "log out while it is used", "use", "log in", "log out", "use")
    async with proven(Shares()) as system:
        await lead(Target(system, catalogue()[CHECK]), Life(tuple(map(Act, acts))))
