"""What several commands share: options in the kit's own words, and messages for what goes wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from conformance.errors import PreflightError, UsageError
from conformance.masking import Secrets
from conformance.model import Exchange
from conformance.open import Options
from conformance.report.safe import clean
from conformance.target.wire import Limits


def options_of(options: argparse.Namespace, onlooker: Callable[[Exchange], None] | None = None) -> Options:
    """How to reach the target, from the command line.

    Raises:
        UsageError: a file of certificate authorities that is not there.
    """
    if options.ca is not None and not options.ca.is_file():
        raise UsageError(f"--ca {options.ca}: no such file")
    return Options(
        limits=Limits(options.concurrency, options.rate), ca=options.ca, insecure=options.insecure,
        proxy=options.proxy, seed=options.seed, timeout=options.timeout, onlooker=onlooker,
    )  # fmt: skip


def tell_preflight(problem: PreflightError, where: str, secrets: Secrets) -> None:
    """Say what preflight met: the key, the request, the answer, what to try."""
    print(f"pickproof: {where}: {clean(secrets.mask(str(problem)), lines=True, limit=2000)}", file=sys.stderr)
    for exchange in problem.exchanges[-3:]:
        print(f"  {shown(exchange, secrets)}", file=sys.stderr)


def shown(exchange: Exchange, secrets: Secrets) -> str:
    """An exchange in one line, secrets masked."""
    request, answer = exchange.request, exchange.answer
    line = f"{request.method} {secrets.mask(request.url)}"
    if answer is None:
        # What is no HTTP is quoted there, whatever the target put into it.
        return clean(f"{line} -> {secrets.mask(exchange.error or '')}")
    text = secrets.mask(answer.body[:300].decode("utf-8", "replace")).strip()
    location = f" to {secrets.mask(answer.header('location') or '')}" if answer.header("location") else ""
    return clean(f"{line} -> {answer.status}{location}" + (f": {' '.join(text.split())[:160]}" if text else ""))
