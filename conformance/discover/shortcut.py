"""A URL in place of a description: discovery runs first and says on standard error what it guessed."""

from __future__ import annotations

import sys
from typing import Any

from conformance.discover.accounts import usual
from conformance.discover.search import discover
from conformance.errors import UsageError
from conformance.open import Options
from conformance.report.safe import clean

SHOWN = ("login", "identity", "logout")


async def described_by(url: str, options: Options) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """The table that discovery drafts for a URL, passwords as ``env:NAME``, and the accounts with their passwords.

    Raises:
        UsageError: no account is at hand, or what was found does not do.
        PreflightError: nothing answers there.
    """
    accounts = usual()
    if not accounts:
        raise UsageError(
            f"{url}: a bare URL needs accounts: export ALICE_PASSWORD=… and BOB_PASSWORD=… for alice and bob, or draft "
            f"a description with `pickproof init {url} --account NAME:env:VARIABLE`"
        )
    plain = {account.name: account.plain() for account in accounts}
    found = await discover(url, plain, {account.name: account.written() for account in accounts}, options)
    if not found.works:
        lacks = [f"{key}: {what}" for key, what in found.draft.todo.items()]
        told = "; ".join(lacks) or str(found.problem)
        raise UsageError(f"{clean(f'{url}: {told}', 1000)}\n  try: `pickproof init {url}`, and fill in what it names")
    rows = [f"{key} = {found.draft.table[key]}" for key in SHOWN if key in found.draft.table]
    guessed = clean("; ".join(rows), 1000)
    print(f"{url}: guessed {guessed}. Keep and mend it: `pickproof init {url}`", file=sys.stderr)  # noqa: T201
    return found.draft.whole(), plain
