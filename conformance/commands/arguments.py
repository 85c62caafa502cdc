"""The options of the commands that work on reports; loaded only for the command that was asked for."""

from __future__ import annotations

import argparse
from pathlib import Path

REPLAY = """\
examples:
  pickproof replay pickproof-report                          everything that failed
  pickproof replay pickproof-report session.logout.replay    one check
  pickproof replay pickproof-report --target http.toml       against another deployment

exit codes: 0 all fixed; 1 something is still open; 2 usage, description or preflight; 3 nothing is open, but
of something it cannot be told; 5 nothing failed in that report"""


def replay(parser: argparse.ArgumentParser) -> None:
    """``pickproof replay DIR [ID ...]``."""
    parser.epilog = REPLAY
    parser.add_argument("report", type=Path, metavar="DIR", help="what `certify --out` wrote")
    parser.add_argument("ids", nargs="*", metavar="ID", help="which failures; all by default")
    parser.add_argument("--target", metavar="TARGET", help="in place of the one that the report names")
    parser.add_argument("--allow", action="append", default=[], choices=["destructive"], help="what else may happen")
    parser.add_argument("--json", action="store_true", help="for programs")


VERIFY = """\
examples:
  openssl genpkey -algorithm ed25519 -out key.pem            a key to sign with
  openssl pkey -in key.pem -pubout -out pub.pem              and the one to check with
  pickproof certify target.toml --sign key.pem
  pickproof verify pickproof-report/certificate.json --key pub.pem --profile asvs-5.0.0-auth-l1 --max-age 30d

exit codes: 0 the certificate holds; 1 it does not: changed, signed by another key, too old, or a check that a
profile requires did not pass; 2 usage: a file is missing or no Ed25519 key, or no such profile"""


def verify(parser: argparse.ArgumentParser) -> None:
    """``pickproof verify certificate.json --key PUB.pem``."""
    parser.epilog = VERIFY
    parser.add_argument("certificate", type=Path, metavar="certificate.json", help="what `certify --sign` wrote")
    parser.add_argument("--key", type=Path, required=True, metavar="PUB.pem", help="the public key of who signed")
    parser.add_argument(
        "--profile", action="append", default=[], metavar="P", help="demand this profile; all by default"
    )
    parser.add_argument("--max-age", type=_age, metavar="AGE", help="refuse what is older, such as 30d or 12h")
    parser.add_argument("--json", action="store_true", help="for programs")


def _age(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else ("", "")
    if not number.isascii() or not number.isdigit() or not 0 < int(number) <= 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} is no age: a whole number and s, m, h or d, as in 30d")
    return float(int(number) * units[unit])


DIFF = """\
examples:
  pickproof diff last-week pickproof-report
  pickproof diff --json main.json branch.json

exit codes: 0 no new failures; 1 new failures; 2 usage; 3 no new failure, but something that the first report
decided or listed is undecided, not testable or absent in the second"""


def diff(parser: argparse.ArgumentParser) -> None:
    """``pickproof diff A B``."""
    parser.epilog = DIFF
    parser.add_argument("first", type=Path, metavar="A", help="a report, as folder or report.json")
    parser.add_argument("second", type=Path, metavar="B", help="the later one")
    parser.add_argument("--json", action="store_true", help="for programs")
