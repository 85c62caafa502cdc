"""Proving the verbs that change accounts: what works is said, what does not ends with the key of the description."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.cli import main
from conformance.errors import PreflightError
from conformance.target.rehearsal import rehearse
from tests.toys import PASSWORDS, Site, proven

MUTATE = {
    "send": "POST /note", "json": {"note": "{value}"}, "read": {"send": "GET /note", "value": "json:/note"},
}  # fmt: skip
LOGOUT_ALL = {"send": "POST /logout-all"}
REGISTER = {"send": "POST /register", "json": {"user": "{user}", "password": "{password}"}}
CHANGE = {"send": "POST /password", "json": {"new": "{new_password}"}}
DELETE = {"send": "DELETE /account"}
SOMEBODY = {"user": "eve", "password": "eve-may-lose-her-password", "role": "change-password"}


class Accounts(Site):
    """With accounts that can be made, changed and deleted, and a note for each."""

    def __init__(self) -> None:
        super().__init__()
        self.passwords = {**PASSWORDS, SOMEBODY["user"]: SOMEBODY["password"]}
        self.notes: dict[str, str] = {"alice": "as it was"}

    def routes(self) -> list[Route]:
        return [
            *super().routes(),
            Route("/note", self.note),
            Route("/note", self.write, methods=["POST"]),
            Route("/logout-all", self.logout_all, methods=["POST"]),
            Route("/register", self.register, methods=["POST"]),
            Route("/password", self.change, methods=["POST"]),
            Route("/account", self.delete, methods=["DELETE"]),
        ]

    async def login(self, request: Request) -> Response:
        told = await request.json()
        if self.passwords.get(told["user"]) != told["password"]:
            return JSONResponse({"error": "wrong"}, 401)
        return self.welcome(request, told["user"])

    async def note(self, request: Request) -> Response:
        return JSONResponse({"note": self.notes.get(self.who(request) or "", "")})

    async def write(self, request: Request) -> Response:
        self.notes[self.who(request) or ""] = (await request.json())["note"]
        return Response(status_code=204)

    async def logout_all(self, request: Request) -> Response:
        mine = self.who(request)
        self.sessions = {sid: name for sid, name in self.sessions.items() if name != mine}
        return Response(status_code=204)

    async def register(self, request: Request) -> Response:
        told = await request.json()
        self.passwords[told["user"]] = told["password"]
        return Response(status_code=201)

    async def change(self, request: Request) -> Response:
        self.passwords[self.who(request) or ""] = (await request.json())["new"]
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        self.passwords.pop(self.who(request) or "", None)
        return await self.logout_all(request)


async def rehearsed(app: Site, **described: Any) -> list[str]:
    async with proven(app, described) as system:
        return [f"{proof.key}: {proof.text}" async for proof in rehearse(system)]


async def refusal(app: Site, **described: Any) -> PreflightError:
    with pytest.raises(PreflightError) as caught:
        await rehearsed(app, **described)
    return caught.value


@pytest.mark.asyncio
async def test_what_is_described_is_proven() -> None:
    app = Accounts()
    told = await rehearsed(
        app, mutate=MUTATE, logout_all=LOGOUT_ALL, register=REGISTER, change_password=CHANGE, delete_account=DELETE
    )
    assert told == [
        "mutate: a change is written and read back; what stood there before is put back",
        "logout_all: every session of the account is ended",
        "register: a newcomer registers and logs in",
        "change_password: the new password logs a newcomer in",
        "delete_account: answered 204; the account is gone",
    ]
    assert app.notes["alice"] == "as it was"


@pytest.mark.asyncio
async def test_the_password_of_a_described_account_is_put_back() -> None:
    app = Accounts()
    accounts = {**{name: {"user": name, "password": word} for name, word in PASSWORDS.items()}, "eve": SOMEBODY}
    told = await rehearsed(app, change_password=CHANGE, accounts=accounts)
    assert told == ["change_password: the new password is taken, and put back"]
    assert app.passwords["eve"] == SOMEBODY["password"]


@pytest.mark.asyncio
async def test_nobody_whose_password_may_change() -> None:
    told = await rehearsed(Accounts(), change_password=CHANGE)
    assert told == [
        "change_password: is left out: describe `register`, or an account with the role change-password",
    ]


@pytest.mark.asyncio
async def test_nothing_described_nothing_rehearsed() -> None:
    assert await rehearsed(Accounts()) == []


@pytest.mark.asyncio
async def test_an_effect_that_does_not_come_is_for_the_checks_to_judge() -> None:
    class Forgetful(Accounts):
        async def logout_all(self, request: Request) -> Response:
            return await super().logout(request)

    assert await rehearsed(Forgetful(), logout_all=LOGOUT_ALL) == ["logout_all: sessions of the account still live"]


@pytest.mark.asyncio
async def test_a_change_that_is_not_read_back() -> None:
    read = {"send": "GET /note", "value": "json:/nota"}
    error = await refusal(Accounts(), mutate={**MUTATE, "read": read})
    assert error.key == "mutate"
    assert "is `mutate` right?" in error.problem
    assert error.exchanges


@pytest.mark.parametrize(
    ("key", "verb"),
    [
        ("logout_all", {"send": "POST /nowhere"}),
        ("logout_all", {"page": "/login", "action": "/logout-all"}),
        ("register", {"send": "PUT /register"}),
        ("register", {**REGISTER, "send": "POST /login"}),
        ("register", {"page": "/login", "fill": {"user": "{user}"}}),
        ("change_password", {"send": "POST /nowhere"}),
        ("delete_account", {"send": "POST /account"}),
    ],
)
@pytest.mark.asyncio
async def test_a_verb_that_does_not_work_is_named(key: str, verb: dict[str, Any]) -> None:
    described: dict[str, Any] = {"register": REGISTER, "change_password": CHANGE, "delete_account": DELETE, key: verb}
    error = await refusal(Accounts(), **described)
    assert error.key == key
    assert error.exchanges


@pytest.mark.asyncio
async def test_shared_logins_are_alive_afterwards() -> None:
    async with proven(Accounts(), {"logout_all": LOGOUT_ALL}) as system:
        assert [proof async for proof in rehearse(system)]
        assert (await (await system.shared_login("alice")).whoami()).accepted


def test_doctor_proves_more_where_that_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "ref:token"]) == 0
    assert "ok  change_password" not in capsys.readouterr().out
    assert main(["doctor", "ref:token", "--allow", "destructive"]) == 0
    assert "ok  change_password the new password logs a newcomer in" in capsys.readouterr().out


def test_doctor_speaks_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "ref:token", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["works"] is True
    assert {"key", "text"} == set(told["proven"][0])
    assert "jwt" in told["capabilities"]
    assert told["missing"]["authorize"].startswith("describe `oauth`")


def test_doctor_leaves_out_what_would_only_matter_later(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "ref:token"]) == 0
    told = capsys.readouterr().out
    assert "describe `oauth`" in told
    assert "oauth.clients" not in told
