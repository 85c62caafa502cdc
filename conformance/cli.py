"""The command `pickproof`. Only argparse is imported until a command runs: `--help` answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

# Not from typing, which takes 5 ms to import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

EXIT_CODES = """\
exit codes: 0 conforms; 1 violations; 2 usage, description or preflight; 3 no violation, but something was
inconclusive, errored or cut short; 5 nothing was tested"""

TARGET = "a target.toml, a URL, ref:SCHEME[+FAULT_OR_VARIANT...] or app:module:attribute"

EXAMPLES = """\
examples:
  pickproof demo                                  see it work, nothing to set up
  pickproof init http://127.0.0.1:8000            draft a target.toml
  pickproof doctor target.toml                    is my description right?
  pickproof certify target.toml                   attack it and report
  pickproof certify target.toml --only 'session.*'
  pickproof explain session.logout.replay         what one check does
  pickproof replay pickproof-report               is what failed mended?
"""

EXAMPLES_OF = {
    "demo": """\
  pickproof demo                                  all four reference servers
  pickproof demo session                          one of them""",
    "init": """\
  pickproof init http://127.0.0.1:8000            asks for the accounts' passwords
  pickproof init http://127.0.0.1:8000 --account alice=alice@shop.test:env:ALICE_PASSWORD
  pickproof init http://127.0.0.1:8000 -o shop.toml --force""",
    "doctor": """\
  pickproof doctor target.toml
  pickproof doctor target.toml -v                 with each request and answer
  pickproof doctor target.toml --wait-for 30      where the service is still starting""",
    "certify": """\
  pickproof certify target.toml
  pickproof certify target.toml --only 'session.*' --only 'cookie.*'
  pickproof certify target.toml --profile asvs-5.0.0-auth-l1 --sign key.pem
  pickproof certify target.toml --dry-run         what it would do, and how much of it
  pickproof certify target.toml --rate 20         gently, on a system that others use
  pickproof certify ref:session+logout-clears-cookie-only   a reference server with a fault""",
    "list": """\
  pickproof list
  pickproof list --profile jwt
  pickproof list --json""",
    "explain": """\
  pickproof explain session.logout.replay
  pickproof explain token.alg.none --json""",
    "faults": """\
  pickproof faults
  pickproof faults --json""",
}


class _Help(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal, found without importing shutil: that takes a fifth of what `--help` takes."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)

    def _split_lines(self, text: str, width: int) -> list[str]:
        """As textwrap would, which takes a tenth of `--help` to import: no word here is wider than a line."""
        lines: list[str] = []
        for word in text.split():
            if lines and len(lines[-1]) + 1 + len(word) <= width:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        return lines


def _columns() -> int:
    try:
        return int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size(1).columns or 80
    except (AttributeError, ValueError, OSError):
        return 80


def _path(text: str) -> Path:
    from pathlib import Path

    return Path(text)


class _Unasked:
    """In place of the parser of a command that nobody asked for: a dozen of them take a tenth of `--help`."""

    def __init__(self, **_: Any) -> None:
        pass


def _parser(asked: str = "") -> argparse.ArgumentParser:
    """The parser of the whole; only the command that was `asked` for has options."""
    parser = argparse.ArgumentParser(
        prog="pickproof", formatter_class=_Help, epilog=f"{EXAMPLES}\n{EXIT_CODES}",
        description="Attacks your web authentication the way a real attacker would, and proves what holds.",
    )  # fmt: skip
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    # Its own prog: argparse would lay out the usage of the whole to find it.
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog=parser.prog)
    for name, (summary, add_options) in COMMANDS.items():
        kind: Any = argparse.ArgumentParser if name == asked else _Unasked
        commands._parser_class = kind
        epilog = f"examples:\n{EXAMPLES_OF[name]}\n\n{EXIT_CODES}" if name in EXAMPLES_OF else EXIT_CODES
        made = commands.add_parser(
            name, help=summary, description=summary, epilog=epilog, formatter_class=_Help, add_help=name != "serve"
        )
        if name == asked:
            add_options(made)
    return parser


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("schemes", nargs="*", metavar="SCHEME", help="which servers; all by default")


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help=TARGET)
    parser.add_argument(
        "--allow", action="append", default=[], choices=["destructive"],
        help="what else may happen: with destructive, verbs that change accounts are proven too",
    )  # fmt: skip
    _json(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="show each request and answer, secrets masked")
    _reach(parser)


def _list(parser: argparse.ArgumentParser) -> None:
    _json(parser)
    parser.add_argument("--profile", metavar="P", help="only what this profile demands")


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID")
    _json(parser)


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def _replay(parser: argparse.ArgumentParser) -> None:
    _later("replay")(parser)
    _reach(parser)
    parser.set_defaults(seed=None)


def _later(name: str) -> Callable[[argparse.ArgumentParser], None]:
    """Options that stand in a module of their own, imported when they are asked for."""
    return lambda parser: getattr(import_module("conformance.commands.arguments"), name)(parser)


def _init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="where the target is, as in http://127.0.0.1:8000")
    parser.add_argument("-o", "--out", type=_path, default="target.toml", metavar="FILE", help="where the draft goes")
    parser.add_argument("--force", action="store_true", help="replace FILE if it is there")
    parser.add_argument(
        "--account", action="append", default=[], metavar="NAME[=USER][:env:VARIABLE]",
        help="a test account, password in VARIABLE or asked for; by default alice and bob, where "
        "ALICE_PASSWORD and BOB_PASSWORD are set",
    )  # fmt: skip
    _reach(parser)


def _certify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", metavar="TARGET", help=TARGET)
    parser.add_argument("--profile", action="append", default=[], metavar="P", help="judge by this profile alone")
    parser.add_argument("--out", type=_path, default="pickproof-report", metavar="DIR", help="where reports go")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="only checks whose id matches")
    parser.add_argument("--skip", action="append", default=[], metavar="GLOB", help="no checks whose id matches")
    parser.add_argument("--budget", type=_positive, default=300, metavar="S", help="longest real wait, seconds (300)")
    parser.add_argument("--allow", action="append", default=[], choices=["destructive"], help="what else may happen")
    parser.add_argument("--sign", type=_path, metavar="KEY.pem", help="sign certificate.json with this Ed25519 key")
    parser.add_argument("--baseline", type=_path, metavar="FILE", help="known failures, each with an owner and an end")
    parser.add_argument("--write-baseline", type=_path, metavar="FILE", help="list what fails, to be filled in")
    parser.add_argument("--dry-run", action="store_true", help="preflight and plan only: nothing is attacked")
    parser.add_argument("--share", action="store_true", help="leave the target's host names out of all reports")
    parser.add_argument("-q", "--quiet", action="store_true", help="only failures and the summary")
    _reach(parser)


def _reach(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same inputs (0)")
    parser.add_argument("--rate", type=_positive, metavar="N", help="at most N requests per second")
    parser.add_argument("--concurrency", type=_count, default=16, metavar="N", help="requests in flight at once (16)")
    parser.add_argument("--timeout", type=_positive, default=10, metavar="S", help="seconds to wait for bytes (10)")
    parser.add_argument("--ca", type=_path, metavar="FILE", help="trust this certificate authority (PEM)")
    parser.add_argument("--insecure", action="store_true", help="accept any certificate: test systems only")
    parser.add_argument("--proxy", metavar="URL", help="send everything through this HTTP proxy")
    parser.add_argument("--wait-for", type=_positive, default=0, metavar="S", help="wait until the target answers")


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "demo": ("start the reference servers, certify each, then show faults being caught", _demo),
    "init": ("explore a target and draft its target.toml; no attacks", _init),
    "doctor": ("prove a description: login, identity, logout; no attacks", _doctor),
    "certify": ("attack a target and report what holds, with evidence", _certify),
    "list": ("every check", _list),
    "explain": ("one check: attack, sources, remedy, the fault that proves it", _explain),
    "faults": ("faults and variants of the reference servers, and the checks that kill each fault", _json),
    "replay": ("what became of the failures of an earlier report", _replay),
    "verify": ("check a certificate: signature, age, and that its profiles were met", _later("verify")),
    "diff": ("what changed between two reports", _later("diff")),
    "serve": ("a reference server, perhaps with a fault", lambda _: None),
}
"""What each does, and what adds its options. The reference servers bring a parser of their own."""


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 256:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 256")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["serve"]:
        # The reference servers bring their own parser; `python -m reference_impl` is the same thing.
        return _serve(words[1:])
    parser = _parser(next((w for w in words if not w.startswith("-")), ""))
    options = parser.parse_args(words)
    if options.version:
        from conformance import __version__

        print(f"pickproof {__version__}")
        return 0
    if options.command is None:
        parser.print_help()
        return 2
    from conformance.errors import PickproofError

    try:
        # Each command has a module of its own, imported only when it is asked for.
        code: int = import_module(f"conformance.commands.{options.command}").main(options)
    except PickproofError as problem:
        print(f"pickproof: {problem}", file=sys.stderr)
        return problem.exit_code
    except KeyboardInterrupt:
        print("pickproof: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # `pickproof list | head`: whoever read has enough.
        import contextlib

        with contextlib.suppress(OSError):
            sys.stdout.close()
        return 0
    except Exception as bug:
        return _tell_bug(bug)
    return code


def _tell_bug(bug: Exception) -> int:
    """Where the kit broke, without the message: what it speaks of may be a secret. A bug is no violation: not 1."""
    import os
    import traceback

    whole = bool(os.environ.get("PICKPROOF_TRACEBACK"))
    text = traceback.format_exception(bug) if whole else traceback.format_tb(bug.__traceback__)
    print("".join(text), file=sys.stderr)
    print(
        f"pickproof: a bug of Pickproof: {type(bug).__name__}; please report it with the lines above.", file=sys.stderr
    )
    if not whole:
        print("  try: PICKPROOF_TRACEBACK=1 for the message, which may hold a secret", file=sys.stderr)
    return 3


def _serve(words: Sequence[str]) -> int:
    from reference_impl.hosting import main as serve

    return serve(words)


if __name__ == "__main__":
    sys.exit(main())
