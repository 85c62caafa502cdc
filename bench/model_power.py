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
from functools import partial
from pathlib import Path
from statistics import median

from conformance import explore, runner
from conformance.attacks.lives import Lives
from conformance.certify import Selection, Session
from conformance.lifecycle import world
from conformance.model import Outcome
from conformance.open import Options, opened
from conformance.registry import catalogue
from reference_impl import FAULTS, SCHEMES, VARIANTS, Fault
from tests.matrix import everything

CHECK = "lifecycle.model"
LIVES = 30
"""Lives with each seed."""
ORDINARY = catalogue()[CHECK].examples
"""Lives of a certification: with so many, what an answer owes is looked for, since it is told after the last life."""
MOST = 3000
"""Requests within which a fault must be found, with each seed."""
UNHURRIED = 3600.0
"""Seconds: lives and requests bound what is measured here, so that a busy machine finds no less."""
REVOCABLE = "ref:token+revocable"
"""The token server that remembers what has ended: the other one fails by design, and says so."""
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
    """Run the model alone; what it finds is not cut down, so that the requests are those that finding it takes."""
    explore.LONG = runner.GRACE = world.LONG_LIFE = UNHURRIED
    return asyncio.run(_trial(target, seed, examples))


def _uncut() -> dict[str, Lives]:
    return {"life": Lives(shrinks=0)}


async def _trial(target: str, seed: int, examples: int) -> Trial:
    async with opened(target, Options(seed=seed)) as system:
        session = Session(system, Selection(only=(CHECK,), destructive=True))
        plan = await session.prepare(judged_by=[everything()])
        checks = (replace(check, examples=examples, strategy=_uncut) for check in plan.checks)
        session.plan = replace(plan, checks=tuple(checks))
        (verdict,) = [verdict async for verdict in session.run()]
    return Trial(target, seed, str(verdict.outcome), verdict.requests, verdict.reason or verdict.actual)


def measured(targets: Iterable[str], seeds: int, examples: int = LIVES) -> dict[str, list[Trial]]:
    """Every target with every seed, on all cores."""
    pairs = list(itertools.product(targets, range(seeds)))
    with ProcessPoolExecutor() as pool:
        trials = list(pool.map(partial(trial, examples=examples), *zip(*pairs, strict=True)))
    return {target: [t for t in trials if t.target == target] for target in dict.fromkeys(t for t, _ in pairs)}


def reachable(fault: Fault) -> bool:
    """Whether a fault changes anything that the rules and invariants of the model name."""
    return fault.id not in BEYOND and (fault.primary == CHECK or fault.primary.startswith(REACHED))


def with_fault(fault: Fault) -> str:
    """The server that shows a fault. One that keeps no list of ended tokens contradicts the model without any."""
    return f"ref:{fault.scheme}{'+revocable' if fault.scheme == 'token' else ''}+{fault.id}"


REACHED = (
    "session.id.unique", "session.id.mutate", "session.issue.", "session.logout.", "session.logout-all.",
    "session.timeout.", "session.pwchange.", "session.sensitive.", "session.list.", "session.limit.",
    "session.disable.", "session.delete.", "session.admin.", "session.race.", "session.mixup.", "csrf.token.",
    "hijack.concurrent-use", "token.revoke.", "token.opaque.unique", "token.opaque.mutation",
    "token.cross.id-as-access", "token.exp.enforced", "token.exp.boundary", "token.life.access",
    "refresh.", "oauth.code.", "oauth.race.", "oauth.revoke.", "oauth.logout.",
)  # fmt: skip
"""Checks of what lives, ends, is copied, renewed, revoked, listed, changed or proven again."""


BEYOND = {
    "logout-keeps-cookie": "what stays in the browser is worth nothing on the server",
    "logout-get": "of other sites' requests the model has those that change the protected state, not logouts",
    "logout-no-csrf": "of other sites' requests the model has those that change the protected state, not logouts",
    "refresh-cross-site": "of other sites' requests the model has those that change the protected state, not refreshes",
    "logout-cross-site": "of other sites' requests the model has those that change the protected state, not logouts",
    "reuse-spares-access": "that the access token ends, too, when a refresh token is reused is recommended alone",
    "revoke-without-cascade": "that the access token ends, too, when its refresh token is revoked is recommended alone",
    "failed-replay-revokes": "that a replay without proof ends nothing is recommended alone",
    "foreign-replay-revokes": "that a replay by another client ends nothing is recommended alone",
    "csrf-kept-at-login": "whether an anti-forgery value outlives a login is asked of the value, not of its effect",
    "csrf-short": "how an anti-forgery value is made is nothing that an act shows",
    "csrf-in-address": "where an anti-forgery value stands is nothing that an act shows",
    "pages-outlive-logout": "what a browser keeps of pages is no credential",
    "foreign-attempt-burns": "that another client's try leaves a code as it was is recommended alone",
    "code-outlives-logout": "that a logout ends codes that are under way is left open",
    "revoke-current-only": "that a replaced refresh token, revoked, ends its family is recommended alone",
    "refresh-revives-access": "what becomes of other access tokens when one is revoked is left open",
    "hint-obeyed": "the hints of a revocation are parts of a message, and no act changes them",
    "hint-unknown-refused": "the hints of a revocation are parts of a message, and no act changes them",
    "revoke-by-get": "the method of a request is no act's to change",
    "narrow-sticks": "the model has no scopes",
    "refresh-token-at-once": "no act asks for a token in the front channel",
    "id-token-of-another": "the model does not read ID tokens",
    "revoke-tells": "the model asks what a revocation does, not what its answer gives away",
    "deactivated-served": "shows only at the token server that contradicts the model without it",
    "id-token-as-access": "shows only at the token server that contradicts the model without it",
    "opaque-repeats": "a value comes round after sixteen logins of one user, and a life has fewer",
    "refresh-weak": "no rule guesses values",
    "code-short": "no rule guesses values",
    "refresh-widens": "no rule asks for another scope",
    "refresh-not-narrowed": "no rule asks for another scope",
    "refresh-widens-later": "no rule asks for another scope",
    "scope-at-redemption": "no rule asks for another scope",
    "recovery-puzzles": "no act recovers an account by mail",
    "recovery-spares-sessions": "no act recovers an account by mail",
    "role-kept-in-session": "the model knows no roles",
    "refresh-any-resource": "no act asks for a token of another resource",
    "revocation-remembered-late": "no act uses an access token at the moment of its revocation",
    "dpop-replayed-in-a-race": "the model proves no key",
    "par-spent-unseen": "no act brings a reference twice",
    "end-session-unasked": "no act is a logout that a client asks for in the browser",
    "end-session-any-hint": "no act is a logout that a client asks for in the browser",
    "end-session-hint-unverified": "no act is a logout that a client asks for in the browser",
    "end-session-prefix": "no act is a logout that a client asks for in the browser",
    "end-session-same-host": "no act is a logout that a client asks for in the browser",
    "end-session-anywhere": "no act is a logout that a client asks for in the browser",
    "end-session-spares-grants": "no act is a logout that a client asks for in the browser",
    "end-session-writes-back": "no act is a logout that a client asks for in the browser",
    "end-session-of-everybody": "no act is a logout that a client asks for in the browser",
    "redemption-revives": "no act redeems a code at the moment of its user's logout",
    "assertion-remembered-late": "no act signs an assertion",
}
"""Faults of such checks that lie beyond rules and invariants, with the reason."""


def page(found: dict[str, list[Trial]], seeds: int) -> str:
    """The table, scheme by scheme."""
    lines = [
        "# What the model finds alone", "",
        "<!-- Written by `nox -s model-power`; do not edit. -->", "",
        "`lifecycle.model` against every fault of the reference servers that changes what its rules and invariants",
        f"name: how credentials begin, end, are renewed, copied, revoked and proven. {seeds} seeds of {LIVES} lives",
        f"each, {ORDINARY} where an answer lacks what it owes, which is told last; found is what shows within {MOST}",
        "requests. Other faults, of attributes, signatures, parsing, protocol messages, randomness and other sites,",
        "are not what it speaks of; other checks find those. See",
        "[how verdicts are reached](how-verdicts-are-reached.md).", "",
    ]  # fmt: skip
    always = total = 0
    rows = []
    for fault in FAULTS:
        trials = found.get(with_fault(fault))
        if trials is None:
            continue
        killed = [t for t in trials if t.outcome == Outcome.FAIL and t.requests <= MOST]
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
    clean = [t for target in (*(f"ref:{s}" for s in SCHEMES), REVOCABLE) for t in found.get(target, ())]
    wrong = [t for t in clean if t.outcome != Outcome.PASS and t.target != "ref:token"]
    lines += ["", "Faults of the token server are measured on its variant that remembers what has ended; without that",
              "list it contradicts the model by design, and says so.", ""]  # fmt: skip
    lines += ["Beyond rules and invariants, though the checks of these topics find them:", ""]
    lines += [f"- `{fault.id}` ({fault.scheme}): {BEYOND[fault.id]}." for fault in FAULTS if fault.id in BEYOND]
    lines += ["", f"Clean servers: {len(clean) - len(wrong)} of {len(clean)} runs as they must be.", ""]
    return "\n".join(lines)


def sound() -> list[str]:
    """Every server and conforming variant that must pass; those of the token server with a list of what has ended."""
    apart = {"revocable", "opaque"}
    # Without a number in each token there is no such list, and a login over a cookie with a token puts nothing on it.
    unlisted = {("token", "identical-within-second"), ("token", "jwt-in-cookie")}
    pairs = [(scheme, variant.id) for variant in VARIANTS for scheme in variant.schemes if CHECK not in variant.fails]
    pairs = [pair for pair in pairs if pair not in unlisted]
    listed = [f"{'revocable+' if scheme == 'token' and id not in apart else ''}{id}" for scheme, id in pairs]
    plain = [f"ref:{scheme}" for scheme in SCHEMES if scheme != "token"]
    return [*plain, *(f"ref:{scheme}+{names}" for (scheme, _), names in zip(pairs, listed, strict=True))]


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
        found = measured(sound(), options.clean)
        bad = [t for trials in found.values() for t in trials if t.outcome not in ("pass", "not-applicable")]
        for t in bad:
            print(t.target, t.seed, t.outcome, t.reason[:300])
        return 1 if bad else 0
    faulty = [with_fault(fault) for fault in FAULTS if reachable(fault) and fault.primary != CHECK]
    aside = [with_fault(fault) for fault in FAULTS if fault.primary == CHECK]
    found = measured([*plain, REVOCABLE, *faulty], options.seeds) | measured(aside, options.seeds, ORDINARY)
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
