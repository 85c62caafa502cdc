"""What several renderers say about a report, in the same words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import groupby
from types import MappingProxyType

from conformance.masking import Secrets
from conformance.model import Capability, Check, Outcome, Report, Verdict
from conformance.report.safe import shown
from conformance.standards import default_profiles

_EXIT_MEANING: Mapping[int, str] = MappingProxyType({
    0: "nothing that was tested is violated",
    1: "violations were found",
    3: "no violation, but something stayed undecided",
    5: "nothing was tested",
})  # fmt: skip

PROFILE_MEANING: Mapping[str, str] = MappingProxyType({
    "conforms": "every demand that was tested holds",
    "violated": "at least one demand is not met",
    "undecided": "what was decided does not suffice",
})  # fmt: skip

COUNTED: Mapping[Outcome, tuple[str, str]] = MappingProxyType({
    Outcome.FAIL: ("failed", "failed"),
    Outcome.ERROR: ("error of Pickproof", "errors of Pickproof"),
    Outcome.INCONCLUSIVE: ("inconclusive", "inconclusive"),
    Outcome.ADVICE: ("advice", "advice"),
    Outcome.KNOWN: ("known failure", "known failures"),
    Outcome.PASS: ("passed", "passed"),
    Outcome.NOT_APPLICABLE: ("not tested", "not tested"),
})  # fmt: skip
"""How each outcome is counted (one, many), what needs attention first."""

TITLES: Mapping[Outcome, str] = MappingProxyType({
    Outcome.FAIL: "Failures",
    Outcome.INCONCLUSIVE: "Inconclusive",
    Outcome.ERROR: "Errors of Pickproof",
    Outcome.ADVICE: "Advice",
    Outcome.KNOWN: "Known failures",
})  # fmt: skip
"""What stands above the verdicts with an outcome; those of other outcomes are not told one by one."""

WITH_EVIDENCE = frozenset(
    {Outcome.FAIL, Outcome.ADVICE, Outcome.INCONCLUSIVE, Outcome.ERROR, Outcome.KNOWN},
)
"""The outcomes whose exchanges are kept."""


def ordered(report: Report) -> tuple[Verdict, ...]:
    """The verdicts by id, whatever order they were reached in."""
    return tuple(sorted(report.verdicts, key=lambda v: v.check.id))


def having(report: Report, outcome: Outcome) -> tuple[Verdict, ...]:
    """The verdicts with this outcome, by id."""
    return tuple(v for v in ordered(report) if v.outcome is outcome)


def topics(report: Report) -> dict[str, tuple[Verdict, ...]]:
    """The verdicts by topic."""
    by_topic = sorted(ordered(report), key=lambda v: v.check.topic)
    return {topic: tuple(group) for topic, group in groupby(by_topic, key=lambda v: v.check.topic)}


def exit_meaning(report: Report) -> str:
    """What the exit code of a report says."""
    if report.exit_code:
        return _EXIT_MEANING[report.exit_code]
    if known := report.counts[Outcome.KNOWN]:
        return f"no failure besides {plural(known, 'known one')}, which the baseline accepts"
    return f"{'' if 'undecided' in report.profiles.values() else 'conforms: '}{_EXIT_MEANING[0]}"


def again(report: Report, verdict: Verdict, secrets: Secrets) -> tuple[str, str]:
    """The command that runs one check again, in two parts that a shell takes as they are."""
    options = ["--only", verdict.check.id]
    if verdict.check.destructive:
        options += ["--allow", "destructive"]
    if tuple(report.profiles) != default_profiles(report.target.scheme):
        options += [word for name in report.profiles for word in ("--profile", name)]
    options += ["--seed", str(report.seed), *(shown(word, secrets) for word in report.target.reached)]
    start = ["pickproof", "certify", shown(report.target.word, secrets)]
    return shlex.join(start), shlex.join(options)


OBSERVED = frozenset({
    Capability.COOKIE, Capability.TOKEN, Capability.JWT, Capability.OPAQUE_TOKEN, Capability.PRE_LOGIN_SESSION,
})  # fmt: skip
"""What a target has or has not, whatever its description says."""


def kind_of_reason(report: Report, id: str) -> str:
    """Under which heading it belongs that a check could not run: *describe*, *none* or *other*."""
    need = _first_need(report, next(verdict.check for verdict in report.verdicts if verdict.check.id == id))
    return "other" if need is None else "none" if need in OBSERVED else "describe"


def not_tested(report: Report, secrets: Secrets) -> dict[str, tuple[str, ...]]:
    """Why checks could not run, and the ids for each reason; the reason with the most first.

    A check that lacks several things stands under the first: describing that is the next step.
    """
    found: dict[str, list[str]] = {}
    for verdict in having(report, Outcome.NOT_APPLICABLE):
        why = shown(_first_lack(report, verdict) or verdict.reason, secrets) or "no reason was given"
        found.setdefault(why, []).append(verdict.check.id)
    return {why: tuple(ids) for why, ids in sorted(found.items(), key=lambda kv: (-len(kv[1]), kv[0]))}


def _first_lack(report: Report, verdict: Verdict) -> str:
    need = _first_need(report, verdict.check)
    return report.target.missing[need] if need else ""


def _first_need(report: Report, check: Check) -> Capability | None:
    return next((need for need in check.needs if need in report.target.missing), None)


def counted(report: Report) -> str:
    """``1 failed, 2 advice, 12 passed``; outcomes that never stand are left out."""
    counts = report.counts
    said = [f"{counts[o]} {words[counts[o] != 1]}" for o, words in COUNTED.items() if counts[o]]
    return ", ".join(said) or "no check was run"


def word(verdict: Verdict) -> str:
    """The outcome as printed; what must not be overlooked is in capitals, so that colour is never needed."""
    loud = verdict.outcome in (Outcome.FAIL, Outcome.ERROR)
    plain = "n/a" if verdict.outcome is Outcome.NOT_APPLICABLE else verdict.outcome.value
    return plain.upper() if loud else plain


def short(verdict: Verdict, secrets: Secrets) -> str:
    """One line on a verdict: what holds when it does, what came instead or why not when it does not."""
    came = "" if verdict.outcome is Outcome.PASS else verdict.actual or verdict.reason
    return shown(came or verdict.check.title, secrets)


def span(seconds: float) -> str:
    """Seconds in the unit that people would use."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def effort(report: Report) -> str:
    """``16 checks, 31 logins, 420 requests, 12.3 s``."""
    ran = sum(v.outcome is not Outcome.NOT_APPLICABLE for v in report.verdicts)
    parts = (plural(ran, "check"), plural(report.logins, "login"), plural(report.requests, "request"))
    return ", ".join((*parts, span(report.seconds)))


def plural(count: int, noun: str) -> str:
    """``1 check``, ``2 checks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
