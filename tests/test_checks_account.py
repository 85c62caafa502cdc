"""What a user, an administrator and overlapping requests do to sessions: faults are caught, and doubts are said."""

from __future__ import annotations

import asyncio
import base64
import fnmatch
import posixpath
import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.model import Answer, Outcome, Verdict
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.runner import judge_one, plan
from conformance.target.description import Description, SessionList, Verb
from conformance.target.listing import Listed, listed
from conformance.target.preflight import preflight
from conformance.target.races import Line, Runner
from conformance.target.system import System
from conformance.target.unproven import unproven
from conformance.target.wire import Limits
from reference_impl import FAULTS
from tests.matrix import everything
from tests.toys import PASSWORDS, Site, proven

MINE = (
    "session.pwchange.*", "session.list.*", "session.sensitive.*", "session.admin.*", "session.delete.*",
    "session.disable.*", "session.limit.*", "session.race.*", "session.mixup.*", "session.logout.replica",
    "session.issue.rotate-at-reauth", "session.issue.relogin-other",
)  # fmt: skip
IDS = sorted({id for glob in MINE for id in fnmatch.filter(catalogue(), glob)})
KILLED = [(f.id, f.primary) for f in FAULTS if f.scheme == "session" and f.primary in IDS]
Changed = Callable[[dict[str, Any]], dict[str, Any]]


async def _judge(target: str, ids: list[str], changed: Changed, options: Options) -> dict[str, Verdict]:
    async with opened(target, options) as system:
        table = system.description.model_dump(by_alias=True, exclude_none=True)
        system.description = Description.model_validate(changed(table))
        async for _ in preflight(system):
            pass
        todo = plan(system, [catalogue()[id] for id in ids], [everything()], destructive=True)
        found = {verdict.check.id: verdict for verdict in todo.skipped}
        for check in todo.checks:
            found[check.id] = await judge_one(system, check, [everything()])
        return found


def judged(target: str, *ids: str, changed: Changed = dict, concurrency: int = 16) -> dict[str, Verdict]:
    """The verdicts of some checks, on a reference server whose description is changed."""
    return asyncio.run(_judge(target, list(ids), changed, Options(limits=Limits(concurrency))))


def one(target: str, id: str, **more: Any) -> Verdict:
    """The verdict of one check."""
    return judged(target, id, **more)[id]


def without(*keys: str) -> Changed:
    return lambda table: {key: value for key, value in table.items() if key not in keys}


def having(**keys: Any) -> Changed:
    return lambda table: {**table, **keys}


@pytest.mark.parametrize(("fault", "check"), KILLED, ids=[fault for fault, _ in KILLED])
def test_each_fault_is_caught_by_its_check_alone(fault: str, check: str) -> None:
    verdict = one(f"ref:session+{fault}", check)
    assert verdict.outcome is Outcome.FAIL, verdict.reason
    assert verdict.expected
    assert verdict.actual
    assert verdict.evidence


def test_every_check_has_a_fault() -> None:
    assert {check for _, check in KILLED} == set(IDS)
    assert len(IDS) == 22


@pytest.mark.parametrize(
    "target", ["ref:session+replica", "ref:session+html+replica", "ref:session+fresh-login-counts"]
)
def test_correct_servers_pass(target: str) -> None:
    found = judged(target, *IDS)
    odd = {id: (v.outcome, v.reason or v.actual) for id, v in found.items() if v.outcome is not Outcome.PASS}
    lacking = set() if "replica" in target else {"session.logout.replica"}
    assert set(odd) == lacking, odd


def test_what_a_target_lacks_is_named() -> None:
    lacks = without(
        "sessions", "sensitive", "step_up", "delete_account", "admin", "gate", "register", "change_password"
    )
    found = judged("ref:session", *IDS, changed=lacks)
    told = {id: v.reason for id, v in found.items() if v.outcome is Outcome.NOT_APPLICABLE}
    assert "describe `sessions.list`" in told["session.list.truth"]
    assert "describe `sessions.revoke`" in told["session.list.revoke"].replace("list` and `sessions.", "")
    assert "describe `sensitive`" in told["session.sensitive.reauth"]
    assert "describe `step_up`" in told["session.issue.rotate-at-reauth"]
    assert "describe `register`" in told["session.delete.kills"]
    assert "describe `admin`" in told["session.admin.terminate"]
    assert "describe `gate`" in told["session.race.logout-inflight"]
    assert "describe `change_password`" in told["session.pwchange.others"]
    assert {v.outcome for id, v in found.items() if id not in told} == {Outcome.PASS}


def test_a_token_is_judged_by_its_own_checks() -> None:
    found = judged("ref:token+replica", *IDS)
    for id in (
        "session.pwchange.others",
        "session.disable.kills",
        "session.logout.replica",
        "session.race.logout-storm",
    ):
        assert found[id].outcome is Outcome.NOT_APPLICABLE
        assert "the credential is a token" in found[id].reason
    assert found["session.delete.kills"].outcome is Outcome.PASS
    assert found["session.pwchange.needs-current"].outcome is Outcome.PASS


# -- without registration: the account with the role


@pytest.mark.parametrize("fault", ["", "+pwchange-no-current", "+pwchange-keeps-others", "+email-no-password"])
def test_a_listed_account_gets_its_password_and_address_back(fault: str) -> None:
    async def scenario() -> tuple[list[Verdict], str | None, str]:
        async with opened(f"ref:session{fault}", Options()) as system:
            table = without("register")(system.description.model_dump(by_alias=True, exclude_none=True))
            system.description = Description.model_validate(table)
            async for _ in preflight(system):
                pass
            ids = ("session.pwchange.needs-current", "session.pwchange.others", "session.sensitive.reauth")
            found = [await judge_one(system, catalogue()[id], [everything()]) for id in ids]
            dave = await system.login("dave", system.log)
            shown = await dave.visit("GET /email", "what is the address?")
            assert shown.answer
            return found, dave.principal, shown.answer.body.decode()

    found, name, address = asyncio.run(scenario())
    assert sum(v.outcome is Outcome.FAIL for v in found) == bool(fault), [(v.check.id, v.reason) for v in found]
    assert name == "dave"
    assert "dave@mail.example" in address


def test_without_any_account_of_its_own_nothing_is_changed() -> None:
    def bare(table: dict[str, Any]) -> dict[str, Any]:
        return without("register")({**table, "accounts": {n: table["accounts"][n] for n in ("alice", "bob")}})

    verdict = one("ref:session", "session.pwchange.others", changed=bare)
    assert verdict.outcome is Outcome.NOT_APPLICABLE
    assert "role change-password" in verdict.reason


@pytest.mark.parametrize("id", ["session.list.truth", "session.list.revoke", "session.list.foreign"])
def test_lists_are_judged_without_registration_too(id: str) -> None:
    assert one("ref:session", id, changed=without("register")).outcome is Outcome.PASS


# -- proof of who asks


def _without_read(table: dict[str, Any]) -> dict[str, Any]:
    return {**table, "sensitive": without("read")(table["sensitive"])}


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        ("ref:session", Outcome.PASS),
        ("ref:session+html", Outcome.PASS),
        ("ref:session+empty-answers", Outcome.PASS),
        ("ref:session+email-no-password", Outcome.FAIL),
        ("ref:session+html+email-no-password", Outcome.FAIL),
        ("ref:session+empty-answers+email-no-password", Outcome.FAIL),
    ],
)
def test_without_a_read_the_answers_decide(target: str, outcome: Outcome) -> None:
    assert one(target, "session.sensitive.reauth", changed=_without_read).outcome is outcome


def test_a_sensitive_change_without_effect_decides_nothing() -> None:
    wrong = having(sensitive={"send": "POST /note", "json": {"note": "x", "csrf": "{csrf}"}, "read": {
        "send": "GET /email", "value": "json:/email"}})  # fmt: skip
    verdict = one("ref:session", "session.sensitive.reauth", changed=wrong)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "is `sensitive` right?" in verdict.reason


@pytest.mark.parametrize("id", ["session.sensitive.reauth", "session.list.revoke"])
def test_a_fresh_login_counts_only_where_it_is_declared(id: str) -> None:
    def strict(table: dict[str, Any]) -> dict[str, Any]:
        return {**table, "policy": without("fresh_login")(table["policy"])}

    assert one("ref:session+fresh-login-counts", id, changed=strict).outcome is Outcome.FAIL
    assert one("ref:session+fresh-login-counts", id).outcome is Outcome.PASS


@pytest.mark.parametrize("step_up", ["GET /me", "POST /note"])
def test_a_step_up_that_asks_for_nothing_decides_nothing(step_up: str) -> None:
    body = {} if step_up.startswith("GET") else {"json": {"note": "x", "csrf": "{csrf}"}}
    changed = having(step_up={"send": step_up, **body})
    verdict = one("ref:session", "session.issue.rotate-at-reauth", changed=changed)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "is `step_up` right?" in verdict.reason


def test_every_way_to_leave_the_password_out() -> None:
    body = {"current": "{password}", "new": "{new_password}", "more": ["{password}", 1]}
    verb = Verb.model_validate({"send": "POST /p", "json": body})
    found = {attempt.how: attempt for attempt in unproven(verb, "bob's")}
    assert len(found) == 4
    assert found["without the password"].verb.steps[0].json_ == {"new": "{new_password}", "more": ["{password}", 1]}
    assert found["with an empty password"].words == {"password": ""}
    assert found["with the password of another user"].words == {"password": "bob's"}
    asks_nothing = Verb.model_validate({"send": "POST /p", "json": {"new": "{new_password}"}})
    assert [attempt.verb for attempt in unproven(asks_nothing, "x")] == [asks_nothing]


def test_where_any_password_logs_in_a_new_one_proves_nothing() -> None:
    verdict = one("ref:session+failed-login-elevates", "session.pwchange.needs-current")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "a login with a wrong password is accepted" in verdict.reason


def test_accounts_may_share_a_password() -> None:
    def shared(table: dict[str, Any]) -> dict[str, Any]:
        dave = {**table["accounts"]["dave"], "password": table["accounts"]["bob"]["password"]}
        return without("register")({**table, "accounts": {**table["accounts"], "dave": {**dave, "user": "bob"}}})

    assert one("ref:session", "session.pwchange.needs-current", changed=shared).outcome is Outcome.PASS


def test_a_change_that_asks_for_no_password_fails() -> None:
    asks_nothing = having(
        change_password={"send": "POST /password", "json": {"new": "{new_password}", "csrf": "{csrf}"}}
    )
    id = "session.pwchange.needs-current"
    assert one("ref:session+pwchange-no-current", id, changed=asks_nothing).outcome is Outcome.FAIL
    verdict = one("ref:session", id, changed=asks_nothing)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "is `change_password` right?" in verdict.reason


class Changing(Site):
    """Registers nobody; dave's password may change, and what a wrong one does is up to the test."""

    wrong = 503

    def routes(self) -> list[Route]:
        return [*super().routes(), Route("/password", self.change, methods=["POST"])]

    async def change(self, request: Request) -> Response:
        told, user = await request.json(), self.who(request)
        if told.get("current") != PASSWORDS.get(user or ""):
            return JSONResponse({}, self.wrong)
        PASSWORDS[user or ""] = told["new"]
        return JSONResponse({"ok": True})


@pytest.mark.parametrize(("wrong", "outcome"), [(503, "inconclusive"), (429, "inconclusive"), (403, "pass")])
def test_a_server_that_breaks_has_refused_nothing(wrong: int, outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PASSWORDS, "dave", "dave-has-a-third")
    site = Changing()
    site.wrong = wrong
    accounts = {name: {"user": name, "password": word} for name, word in PASSWORDS.items()}
    accounts["dave"]["role"] = "change-password"
    change = {"send": "POST /password", "json": {"current": "{password}", "new": "{new_password}"}}

    async def scenario() -> Verdict:
        async with proven(site, {"accounts": accounts, "change_password": change}) as system:
            return await judge_one(system, catalogue()["session.pwchange.needs-current"], [everything()])

    verdict = asyncio.run(scenario())
    assert verdict.outcome == outcome, verdict.reason
    assert PASSWORDS["dave"] == "dave-has-a-third"


# -- lists


def a_list(**keys: str) -> SessionList:
    return SessionList.model_validate({"send": "GET /s", **keys})


def answered(body: str) -> Answer:
    return Answer(200, (), body.encode())


JSON = {"items": "json:/s", "handle": "json:/id", "current": "json:/here"}
HTML = {"items": "html:ul li", "handle": "html:@data-id", "current": "html:.here"}


@pytest.mark.parametrize(
    ("keys", "body", "expected"),
    [
        (JSON, '{"s": [{"id": "a", "here": true}, {"id": "b", "here": false}]}', [("a", True), ("b", False)]),
        (JSON, '{"s": [{"id": 0, "here": 0}, {"id": 1, "here": "yes"}, {"id": 2}]}', [("0", 0), ("1", 1), ("2", 0)]),
        ({"items": "json:", "handle": "json:"}, '["a", "b"]', [("a", False), ("b", False)]),
        ({"items": "json:", "handle": "json:/0"}, '[["a"]]', [("a", False)]),
        (JSON, '{"s": []}', []),
        (JSON, '{"s": {"id": "a"}}', None),
        (JSON, '{"s": [{"id": true}]}', None),
        (JSON, '{"s": [{"id": ""}]}', None),
        (JSON, '{"s": [null]}', None),
        (JSON, "<html>", None),
        (HTML, '<ul><li data-id="a"><b class="here"></b><li data-id="b"></ul>', [("a", True), ("b", False)]),
        ({**HTML, "current": "html:@data-here"}, '<ul><li data-id="a" data-here></ul>', [("a", True)]),
        ({**HTML, "current": "html:@data-here"}, '<ul><li data-id="a" data-here="false"></ul>', [("a", False)]),
        ({**HTML, "handle": "html:input@value"}, '<ul><li><input value="a"></ul>', [("a", False)]),
        ({**HTML, "handle": "html:b"}, "<ul><li><b>a</b></ul>", [("a", False)]),
        ({**HTML, "handle": "html:a[href*='@']@href"}, '<ul><li><a href="x@y">a</a></ul>', [("x@y", False)]),
        (HTML, "<ul><li></ul>", None),
        (HTML, "<p>nothing", []),
        ({**HTML, "items": "html:[[["}, "<ul><li></ul>", None),
        ({**HTML, "handle": "html:[[["}, "<ul><li></ul>", None),
    ],
)  # fmt: skip
def test_lists_are_read(keys: dict[str, str], body: str, expected: list[tuple[str, bool]] | None) -> None:
    found = listed(a_list(**keys), answered(body))
    assert found == (None if expected is None else [Listed(handle, bool(current)) for handle, current in expected])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"send": "GET /me", "items": "json:/sessions", "handle": "json:/handle"}, "items = 'json:/sessions'"),
        ({"send": "GET /sessions", "items": "json:/sessions", "handle": "json:/id"}, "handle = 'json:/id'"),
        ({"send": "GET /sessions", "items": "json:/sessions", "handle": "json:/label"}, "each of its own"),
        ({"send": "GET /nowhere", "items": "json:/sessions", "handle": "json:/handle"}, "is `sessions.list` right?"),
    ],
)
def test_a_list_that_is_not_where_it_should_be(keys: dict[str, str], said: str) -> None:
    def changed(table: dict[str, Any]) -> dict[str, Any]:
        return {**table, "sessions": {**table["sessions"], "list": keys}}

    verdict = one("ref:session", "session.list.truth", changed=changed)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert said in verdict.reason


def test_a_revocation_that_is_refused_anyway_decides_nothing() -> None:
    def changed(table: dict[str, Any]) -> dict[str, Any]:
        return {**table, "sessions": {**table["sessions"], "revoke": {"send": "POST /nowhere/{handle}"}}}

    for id in ("session.list.revoke", "session.list.foreign"):
        verdict = one("ref:session", id, changed=changed)
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert "is `sessions.revoke` right?" in verdict.reason


# -- acts of others


@pytest.mark.parametrize(
    ("id", "key"),
    [
        ("session.disable.kills", "disable"),
        ("session.delete.kills", "delete"),
        ("session.admin.terminate", "end-sessions"),
    ],
)
def test_an_act_without_effect_decides_nothing(id: str, key: str) -> None:
    def changed(table: dict[str, Any]) -> dict[str, Any]:
        harmless = {"send": "GET /me?{name}"} if key != "end-sessions" else {"send": "GET /nowhere?{name}"}
        return without("delete_account")({**table, "admin": {**table["admin"], key: harmless}})

    verdict = one("ref:session", id, changed=changed)
    assert verdict.outcome is Outcome.INCONCLUSIVE, verdict.actual
    assert ("with its password" if key != "end-sessions" else "is `admin.end-sessions` right?") in verdict.reason


def test_what_the_administrator_cannot_do_is_named() -> None:
    found = judged(
        "ref:session", "session.admin.terminate", "session.disable.kills", "session.delete.kills",
        changed=lambda table: without("delete_account")({**table, "admin": {"enable": table["admin"]["enable"]}}),
    )  # fmt: skip
    assert {v.outcome for v in found.values()} == {Outcome.NOT_APPLICABLE}
    assert found["session.admin.terminate"].reason == "describe `admin.end-sessions`"
    assert found["session.disable.kills"].reason == "describe `admin.disable`"
    assert "describe `delete_account`, or `admin.delete`" in found["session.delete.kills"].reason


# -- races


def test_a_runner_that_drops_out_keeps_nobody_waiting() -> None:
    async def scenario() -> list[bool]:
        lines = (Line(3), Line(3))
        runners = [Runner(lines) for _ in range(3)]

        async def run(runner: Runner) -> None:
            await runner.line_up()
            await runner.wait()
            runner.done()

        async def give_up() -> None:
            runners[2].done()

        async with asyncio.timeout(5):
            await asyncio.gather(run(runners[0]), run(runners[1]), give_up())
        return [runner.raced for runner in runners]

    assert asyncio.run(scenario()) == [True, True, False]


def test_races_do_not_wait_for_each_other_for_ever() -> None:
    async def scenario() -> set[Outcome]:
        ids = [id for id in IDS if id.startswith(("session.race", "session.mixup", "session.limit.race"))]
        async with opened("ref:session", Options(limits=Limits(1))) as system:
            async for _ in preflight(system):
                pass
            checks = [catalogue()[id] for id in ids]
            found = await asyncio.gather(*(judge_one(system, check, [everything()]) for check in checks * 2))
        return {verdict.outcome for verdict in found}

    assert asyncio.run(scenario()) == {Outcome.PASS}


@pytest.mark.parametrize(
    ("target", "id", "said"),
    [
        ("logout-clears-cookie-only", "session.race.logout-storm", "session.logout.replay"),
        ("logout-clears-cookie-only", "session.race.logout-inflight", "session.logout.replay"),
        ("logout-clears-cookie-only+replica", "session.logout.replica", "session.logout.replay"),
        ("keep-id-at-login", "session.race.double-login", "session.issue.rotate-at-login"),
    ],
)
def test_what_fails_without_a_race_is_judged_elsewhere(target: str, id: str, said: str) -> None:
    verdict = one(f"ref:session+{target}", id)
    assert verdict.outcome is Outcome.NOT_APPLICABLE
    assert said in verdict.reason


@pytest.mark.parametrize(
    ("fault", "id"),
    [(f, c) for f, c in KILLED if c.startswith(("session.race", "session.mixup", "session.limit.race"))],
)
def test_a_race_needs_no_concurrency_of_the_run(fault: str, id: str) -> None:
    assert one(f"ref:session+{fault}", id, concurrency=1).outcome is Outcome.FAIL
    assert one("ref:session", id, concurrency=1).outcome is Outcome.PASS


@pytest.mark.parametrize("id", ["session.race.logout-inflight", "session.race.setcookie-after-logout"])
@pytest.mark.parametrize(
    ("gate", "outcome", "said"),
    [
        ({"held": "GET /me", "look": "GET /me", "release": "GET /me"}, "inconclusive", "not held until its release"),
        ({"held": "GET /me", "look": "GET /nowhere", "release": "GET /me"}, "inconclusive", "`gate.look` never told"),
        ({"held": "GET /me", "release": "GET /me"}, "not-applicable", "describe `gate.look`"),
    ],
    ids=["not-held", "never-arrives", "no-look"],
)
def test_a_gate_that_does_not_hold(id: str, gate: dict[str, str], outcome: str, said: str) -> None:
    verdict = one("ref:session", id, changed=having(gate=gate))
    assert verdict.outcome == outcome
    assert said in verdict.reason


def test_logins_that_cannot_race_decide_nothing() -> None:
    class Giving(Site):
        """Gives strangers a session cookie, over a transport that holds no last bytes."""

        def routes(self) -> list[Route]:
            return [*super().routes(), Route("/", self.start)]

        async def start(self, request: Request) -> Response:
            answer = Response("<h1>Welcome</h1>", media_type="text/html")
            answer.set_cookie("sid", self.new_session(""), httponly=True)
            return answer

    async def scenario() -> Verdict:
        async with proven(Giving()) as system:
            return await judge_one(system, catalogue()["session.race.double-login"], [everything()])

    verdict = asyncio.run(scenario())
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "0 of 2 acts set out together" in verdict.reason


@pytest.mark.parametrize("policy", [{}, {"max_sessions": 1000}])
def test_a_limit_is_enforced_where_it_is_declared_and_small(policy: dict[str, int]) -> None:
    for id in ("session.limit.policy", "session.limit.race"):
        verdict = one("ref:session", id, changed=having(policy=policy))
        assert verdict.outcome is Outcome.NOT_APPLICABLE
        assert "`policy.max_sessions`" in verdict.reason


def test_pressing_a_target_elsewhere_takes_permission() -> None:
    async def scenario(system: System, destructive: bool) -> list[str]:
        todo = plan(system, [catalogue()["session.mixup.load"]], [everything()], destructive=destructive)
        return [verdict.reason for verdict in todo.skipped]

    async def run() -> list[list[str]]:
        async with opened("ref:session", Options()) as system:
            async for _ in preflight(system):
                pass
            here = await scenario(system, False)
            system.description = system.description.model_copy(update={"base_url": "https://shop.example"})
            return [here, await scenario(system, False), await scenario(system, True)]

    here, elsewhere, allowed = asyncio.run(run())
    assert not here
    assert not allowed
    assert "--allow destructive" in elsewhere[0]


# -- ids that are paths


class Lenient(Site):
    """Decodes its cookie as Node does: what is no base64 is dropped, and so are bits left over at the end."""

    def who(self, request: Request) -> str | None:
        text = re.sub(r"[^A-Za-z0-9+/_-]", "", unquote(request.cookies.get("sid", "")).partition("=")[0])
        kept = text[: len(text) - (len(text) % 4 == 1)].translate(str.maketrans("-_", "+/"))
        found = base64.b64decode(kept + "=" * (-len(kept) % 4))
        return self.sessions.get(base64.b64encode(found).decode().rstrip("="))

    def new_session(self, user: str) -> str:
        sid = base64.b64encode(secrets.token_bytes(18)).decode()
        self.sessions[sid] = user
        return sid


class Files(Site):
    """Finds its sessions by path."""

    def who(self, request: Request) -> str | None:
        return self.sessions.get(posixpath.normpath(request.cookies.get("sid", "")))


@pytest.mark.parametrize(("site", "outcome"), [(Lenient, Outcome.PASS), (Files, Outcome.FAIL)])
@pytest.mark.asyncio
async def test_a_lenient_decoder_makes_no_path_of_an_id(site: type[Site], outcome: Outcome) -> None:
    async with proven(site()) as system:
        verdict = await judge_one(system, catalogue()["session.id.path"], [everything()])
    assert verdict.outcome is outcome, (verdict.actual, verdict.reason)
