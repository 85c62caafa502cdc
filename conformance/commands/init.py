"""`pickproof init URL`: find out how a target is used and draft its description. No attacks."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.commands.reach import options_of
from conformance.discover.accounts import given, usual
from conformance.discover.search import Discovery, discover
from conformance.errors import UsageError
from conformance.masking import Secrets
from conformance.report.safe import shown


def main(options: argparse.Namespace) -> int:
    """Explore, write the draft, say what is proven and what is left to do."""
    if not options.url.startswith(("http://", "https://")):
        raise UsageError(f"{options.url}: init wants a URL, as in http://127.0.0.1:8000")
    if options.out.exists() and not options.force:
        raise UsageError(f"{options.out} exists: name another file with -o, or replace it with --force")
    if not options.out.parent.is_dir():
        # Said before a hundred requests whose draft would have nowhere to go.
        raise UsageError(f"{options.out}: there is no folder {options.out.parent}")
    accounts, prompted = given(options.account, getpass.getpass) if options.account else (usual(), [])
    plain = {account.name: account.plain() for account in accounts}
    written = {account.name: account.written() for account in accounts}
    stub = {name: {"user": name, "password": f"env:{name.upper()}_PASSWORD"} for name in ("alice", "bob")}
    reach = options_of(options)
    found = asyncio.run(discover(options.url, plain, written or stub, reach))
    try:
        options.out.write_text(found.draft.text(), encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"{options.out}: {problem.strerror or 'cannot be written'}") from None
    secrets = Secrets()
    for name, account in plain.items():
        secrets.learn(account["password"], f"password of {name}")
    _tell(found, options.out, secrets, reach.words)
    for variable in prompted:
        print(f"The draft reads the password from the environment: export {variable}=…")
    return 0 if found.works else 2


def _tell(found: Discovery, file: Path, secrets: Secrets, reached: Sequence[str] = ()) -> None:
    draft = found.draft
    for proof in found.proofs:
        print(f"{proof.mark} {proof.key:9} {shown(proof.text, secrets)}")
    print(f"{file} written, after {draft.requests} requests.")
    for key, remark in draft.comments.items():
        if remark and key in draft.table:
            print(f"  {key:15} {shown(remark, secrets)}")
    if found.problem:
        key = found.problem.key.partition(".")[0]
        text = shown(str(found.problem), secrets, 2000, lines=True)
        print(f"pickproof: {file}, line {draft.line_of(key)}: {text}", file=sys.stderr)
    for key, what in draft.todo.items():
        print(f"pickproof: {file}, line {draft.line_of(key)}: {key}: {shown(what, secrets)}", file=sys.stderr)
    command = shlex.join(["pickproof", "certify" if found.works else "doctor", str(file), *reached])
    if found.works:
        print(f"Next: {command}")
    else:
        print(f"Next: mend these lines, then {command}", file=sys.stderr)
