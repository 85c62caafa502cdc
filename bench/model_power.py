"""How much the model finds alone: every fault of the reference servers against `lifecycle.model`, with several seeds.

Usage: ``python -m bench.model_power [--seeds N] [--write]``; ``--write`` makes `docs/model-power.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from conformance.certify import Selection, Session
from conformance.model import Outcome
from conformance.open import Options, opened
from conformance.registry import catalogue
from reference_impl import FAULTS, SCHEMES, VARIANTS, Fault

CHECK = "lifecycle.model"
LIVES = 30
"""Lives with each seed, about 3,000 requests where nothing is found."""
PAGE = Path(__file__).parent.parent / "docs" / "model-power.md"


@dataclass(frozen=True, slots=True)
class Trial:
    """One target, one seed."""

    target: str
    seed: int
    outcome: str
    requests: int
    reason: str


def trial(target: str, seed: int, examples: int = LIVES) -> Trial:
    """Run the model alone."""
    return asyncio.run(_trial(target, seed, examples))


async def _trial(target: str, seed: int, examples: int) -> Trial:
    async with opened(target, Options(seed=seed)) as system:
        session = Session(system, Selection(only=(CHECK,), destructive=True))
        plan = await session.prepare()
        session.plan = replace(plan, checks=tuple(replace(check, examples=examples) for check in plan.checks))
        (verdict,) = [verdict async for verdict in session.run()]
    return Trial(target, seed, str(verdict.outcome), verdict.requests, verdict.reason or verdict.actual)


def measured(targets: Iterable[str], seeds: int) -> dict[str, list[Trial]]:
    """Every target with every seed, on all cores."""
    pairs = list(itertools.product(targets, range(seeds)))
    with ProcessPoolExecutor() as pool:
        trials = list(pool.map(trial, *zip(*pairs, strict=True)))
    return {target: [t for t in trials if t.target == target] for target in dict.fromkeys(t for t, _ in pairs)}


def reachable(fault: Fault) -> bool:
    """Whether a fault changes anything that the model's acts can see and its rules judge."""
    return fault.id not in BEYOND and (fault.primary == CHECK or fault.primary.startswith(REACHED))


REACHED = (
    "session.issue.", "session.logout.", "session.logout-all.", "session.timeout.", "session.pwchange.",
    "session.disable.", "session.admin.", "session.race.logout-storm", "session.race.double-login",
    "session.race.pwchange", "hijack.concurrent-use", "token.revoke.", "refresh.reuse", "refresh.after-",
    "refresh.idle", "refresh.race.",
    "refresh.absolute", "refresh.revoked", "refresh.family", "refresh.not-a-bearer", "refresh.lost",
)  # fmt: skip


BEYOND = {
    "id-accepted-from-query": "no act sends a session id in an address",
    "logout-keeps-cookie": "what stays in the browser is worth nothing on the server",
    "logout-get": "no act is another site's",
    "logout-no-csrf": "no act is another site's",
    "logout-twice-500": "a crash contradicts nothing that the model claims",
    "pwchange-no-current": "no act changes a password without knowing the present one",
    "stepup-keeps-id": "the model claims nothing of an id that stays",
    "reuse-spares-access": "an access token may outlive the reuse of a refresh token: the check of it gives advice",
    "refresh-revives": "no act revokes a token",
    "grace-forks": "a spent token is replayed only where no grace is declared",
    "idle-never-slides": "the model claims nothing of how far use moves a limit",
    "logout-ends-all": "whether a logout ends other sessions, too, is measured and taken as it is",
    "withdrawal-hides": "no act withdraws a grant",
    "revoked-by-text-es": "no act writes a token in another way",
    "revoked-by-text-b64": "no act writes a token in another way",
    "logout-forgets-client-only": "the sound server of its scheme keeps no list of ended tokens either, and says so",
    "deactivated-served": "the sound server of its scheme keeps no list of ended tokens either, and says so",
}
"""Faults of such checks that lie beyond acts and rules, with the reason."""


def page(found: dict[str, list[Trial]], seeds: int) -> str:
    """The table, scheme by scheme."""
    lines = [
        "# What the model finds alone", "",
        "<!-- Written by `nox -s model-power`; do not edit. -->", "",
        "`lifecycle.model` against every fault of the reference servers that changes the life of a credential, with",
        f"{seeds} seeds of {LIVES} lives each. Other faults, of attributes, signatures, parsing, protocol messages,",
        "randomness, races and cross-site requests, are not what its acts touch; other checks find those. See",
        "[how verdicts are reached](how-verdicts-are-reached.md).", "",
    ]  # fmt: skip
    always = total = 0
    rows = []
    for fault in FAULTS:
        trials = found.get(f"ref:{fault.scheme}+{fault.id}")
        if trials is None:
            continue
        killed = [t for t in trials if t.outcome == Outcome.FAIL]
        total += 1
        always += len(killed) == seeds
        cost = f"{median(t.requests for t in killed):.0f}" if killed else "–"
        rows.append(f"| {fault.scheme} | `{fault.id}` | {fault.summary} | {len(killed)} of {seeds} | {cost} |")
    lines.append(f"{always} of {total} such faults are found with every seed.\n")
    lines += [
        "| scheme | fault | what the server does | found | requests (median) |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]
    clean = [t for s in SCHEMES for t in found.get(f"ref:{s}", ())]
    wrong = [t for t in clean if t.outcome != Outcome.PASS and t.target != "ref:token"]
    lines += ["", "Beyond its acts or rules, though the life of a credential is what they change:", ""]
    lines += [f"- `{fault.id}` ({fault.scheme}): {BEYOND[fault.id]}." for fault in FAULTS if fault.id in BEYOND]
    lines += ["", f"Clean servers: {len(clean) - len(wrong)} of {len(clean)} runs as they must be.", ""]
    return "\n".join(lines)


def main() -> int:
    """Measure; 1 where a clean server is not clean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--clean", type=int, default=0, metavar="N", help="N seeds on clean servers and variants only")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    assert CHECK in catalogue()
    plain = [f"ref:{scheme}" for scheme in SCHEMES]
    if options.clean:
        told = {f"ref:{s}+{v.id}" for v in VARIANTS for s in v.schemes if v.fails} | {"ref:token"}
        variants = [f"ref:{s}+{v.id}" for v in VARIANTS for s in v.schemes]
        found = measured([*plain, *variants], options.clean)
        bad = [t for trials in found.values() for t in trials if t.outcome not in ("pass", "not-applicable")]
        for t in bad:
            print(t.target, t.seed, t.outcome, t.reason[:300], "(declared)" if t.target in told else "")
        return 1 if any(t.outcome == "fail" and t.target not in told and "token" not in t.target for t in bad) else 0
    faulty = [f"ref:{f.scheme}+{f.id}" for f in FAULTS if reachable(f)]
    found = measured([*plain, *faulty], options.seeds)
    for target, trials in found.items():
        print(
            f"{target:60} {sum(t.outcome == 'fail' for t in trials)} of {len(trials)}  {trials[0].requests:5}  "
            + "; ".join(sorted({t.reason[:140] for t in trials if t.outcome not in ("pass", "fail")}))
        )
    if options.write:
        PAGE.write_text(page(found, options.seeds), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
