"""Logins of several pages: whoever shows a wrong password is not led on, and that is a refusal, not a broken step."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from conformance.model import Outcome
from conformance.registry import catalogue
from tests.toys import PASSWORDS, Site, proven, verdict_of

CODE = "246810"
STEPS: dict[str, Any] = {
    "accounts": {name: {"user": name, "password": word, "code": CODE} for name, word in PASSWORDS.items()},
    "login": {
        "steps": [
            {"page": "/login", "fill": {"user": "{user}", "password": "{password}"}},
            {"page": "/code", "fill": {"code": "{code}"}},
        ]
    },
}


class Stepped(Site):
    """A password, then a code; a session half open is nobody's."""

    told_of_strangers = "wrong"
    lenient = False
    broken = 0

    def __init__(self) -> None:
        super().__init__()
        self.halves: dict[str, str] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.first, methods=["GET", "POST"]),
            Route("/code", self.second, methods=["GET", "POST"]),
            Route("/me", self.me),
            Route("/logout", self.logout, methods=["POST"]),
        ]

    async def first(self, request: Request) -> Response:
        if request.method == "POST":
            told = await request.form()
            user, word = str(told.get("user", "")), str(told.get("password", ""))
            known = PASSWORDS.get(user)
            if known and (known == word or (self.lenient and known == word.strip())):
                onward = RedirectResponse("/code", 303)
                half = self.new_session("")
                self.sessions.pop(half)
                self.halves[half] = user
                onward.set_cookie("half", half, httponly=True)
                return onward
            return HTMLResponse("wrong" if known else self.told_of_strangers, 401)
        return HTMLResponse("<form method=post><input name=user><input name=password type=password></form>")

    async def second(self, request: Request) -> Response:
        user = self.halves.get(request.cookies.get("half", ""))
        if user is None:
            return JSONResponse({}, self.broken) if self.broken else RedirectResponse("/login", 303)
        if request.method == "POST" and (await request.form()).get("code") == CODE:
            self.halves.pop(request.cookies["half"])
            answer = self.welcome(request, user)
            answer.delete_cookie("half")
            return answer
        return HTMLResponse("<form method=post><input name=code></form>")


async def outcome_of(site: Site, id: str) -> tuple[Outcome, str]:
    async with proven(site, STEPS) as system:
        verdict = await verdict_of(system, catalogue()[id])
    return verdict.outcome, verdict.reason or verdict.actual


@pytest.mark.asyncio
@pytest.mark.parametrize("id", ["login.password.exact", "login.enum.message", "session.issue.fail-no-elevate"])
async def test_a_wrong_password_that_leads_nowhere_is_refused(id: str) -> None:
    outcome, told = await outcome_of(Stepped(), id)
    assert outcome is Outcome.PASS, told


@pytest.mark.asyncio
async def test_what_the_first_page_tells_of_strangers_is_seen() -> None:
    site = Stepped()
    site.told_of_strangers = "nobody of that name"
    outcome, told = await outcome_of(site, "login.enum.message")
    assert outcome is Outcome.ADVICE, told


@pytest.mark.asyncio
async def test_a_password_that_need_not_be_whole_goes_all_the_way() -> None:
    site = Stepped()
    site.lenient = True
    outcome, told = await outcome_of(site, "login.password.exact")
    assert outcome is Outcome.ADVICE, told
    assert "accepted as" in told


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [429, 503])
async def test_a_page_that_says_nothing_refuses_nobody(status: int) -> None:
    site = Stepped()
    site.broken = status
    outcome, _ = await outcome_of(site, "login.password.exact")
    assert outcome is Outcome.INCONCLUSIVE
