"""What the whole family of forgeries asks of a target: positive controls and the logins they start from included."""

from __future__ import annotations

import asyncio

from bench.ratio import Ratio
from conformance.attacks.forge import FAMILIES
from conformance.certify import Selection, Session
from conformance.model import Outcome
from conformance.open import Options, opened
from conformance.registry import catalogue
from tests.matrix import everything

MOST = 160
"""Requests; the mode of a well-known tool that tries everything makes 530."""


async def family() -> tuple[int, set[Outcome]]:
    """Requests of every forgery of the catalogue on the sound token server, and the outcomes."""
    known = {*FAMILIES, "token.sig.bitflip", "token.sig.verify-each-route"} & set(catalogue())
    async with opened("ref:token", Options()) as system:
        session = Session(system, Selection(only=tuple(sorted(known)), destructive=True))
        await session.prepare(judged_by=[everything()])
        before = system.wire.requests
        found = {verdict.outcome async for verdict in session.run()}
        return system.wire.requests - before, found


def measure() -> list[Ratio]:
    """Requests, no ratio: they do not depend on the machine."""
    requests, found = asyncio.run(family())
    if found - {Outcome.PASS, Outcome.NOT_APPLICABLE}:
        raise RuntimeError(f"a sound server does not pass: {found}")
    return [Ratio("requests of the whole forgery family", requests, "<=", MOST, None, "ref:token, controls included")]
