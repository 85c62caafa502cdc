"""The words of the kit as frozen values; no I/O.

Everything that a check, the runner and a report say to each other is one of these.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

REPORT_SCHEMA = "pickproof-report/0"


class Outcome(enum.StrEnum):
    """What a check found."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    ADVICE = "advice"
    NOT_APPLICABLE = "not-applicable"
    INCONCLUSIVE = "inconclusive"
    KNOWN = "known"
    ERROR = "error"


class Capability(enum.StrEnum):
    """What a target offers; a check that needs what is absent is not applicable.

    Declared by the verbs and tables of the description, or observed at preflight (second group).
    """

    LOGIN = "login"
    IDENTITY = "identity"
    LOGOUT = "logout"
    LOGOUT_ALL = "logout-all"
    CHANGE_PASSWORD = "change-password"  # noqa: S105
    REFRESH = "refresh"
    REVOKE = "revoke"
    REGISTER = "register"
    AUTHORIZE = "authorize"
    INTROSPECT = "introspect"
    METADATA = "metadata"
    OPENID = "openid"
    PUBLIC_CLIENT = "public-client"
    CONFIDENTIAL_CLIENT = "confidential-client"
    KEY_CLIENT = "key-client"
    SECOND_CLIENT = "second-client"
    LOOPBACK_CLIENT = "loopback-client"
    SCOPES = "scopes"
    WITHDRAW = "withdraw"
    DPOP = "dpop"
    PUSHED_REQUESTS = "pushed-requests"
    END_SESSION = "end-session"
    SECOND_ACCOUNT = "second-account"
    SECOND_REPLICA = "second-replica"
    PUBLIC_KEY = "public-key"
    CLOCK = "clock"
    HTTPS = "https"
    PROTECTED = "protected"
    RESET_PASSWORD = "reset-password"  # noqa: S105
    MUTATE = "mutate"
    LIST_SESSIONS = "list-sessions"
    REVOKE_SESSION = "revoke-session"
    SENSITIVE = "sensitive"
    STEP_UP = "step-up"
    DELETE_ACCOUNT = "delete-account"
    ADMIN = "admin"
    GATE = "gate"
    THROTTLE_ACCOUNT = "throttle-account"
    RETURN_PARAMETER = "return-parameter"
    CSRF_TOKEN = "csrf-token"  # noqa: S105
    MINTING = "minting"
    LISTENER = "listener"
    OTHER_AUDIENCE = "other-audience"

    COOKIE = "cookie"
    TOKEN = "token"  # noqa: S105
    JWT = "jwt"
    OPAQUE_TOKEN = "opaque-token"  # noqa: S105
    PRE_LOGIN_SESSION = "pre-login-session"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it left the kit, byte for byte."""

    method: str
    url: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer as parsed; the body may be cut at the kit's bound."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    truncated: bool = False

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order."""
        return tuple(v for k, v in self.headers if k.lower() == name.lower())


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and its answer or the reason why none came."""

    request: Request = field(repr=False)
    answer: Answer | None = field(repr=False)
    error: str | None
    party: str
    purpose: str
    sent_at: float
    """Seconds since the epoch, on the kit's own clock."""
    seconds: float


FAILED = frozenset({Outcome.FAIL, Outcome.KNOWN})
"""The attack succeeded; a known failure is one still."""
UNDECIDED = frozenset({Outcome.INCONCLUSIVE, Outcome.ERROR})
"""Nothing is claimed of the target."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What decided a check: the expectation, what came instead, and the exchanges that show it."""

    expected: str
    actual: str
    evidence: tuple[Exchange, ...] = ()
    of: tuple[str, ...] = ()
    """Ids of the checks whose expectation it breaks, where that is not the one of the check that came upon it."""
    aside: bool = False
    """It was seen on the way, beside what the check is about, and is told where nothing else is."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check found on one target."""

    check: Check
    outcome: Outcome
    level: str | None = None
    """The strictest level at which the chosen profiles ask for it, such as ``L1`` or ``MUST``."""
    expected: str = ""
    actual: str = ""
    reason: str = ""
    example: str | None = None
    """The recipe of the attack that decided it, when inputs were generated."""
    inputs: Mapping[str, Any] | None = field(default=None, repr=False, kw_only=True)
    """The same as values by argument, for a replay."""
    began: float | None = field(default=None, kw_only=True)
    """Seconds since the epoch, on the kit's own clock; None for what never ran."""
    seconds: float = 0.0
    requests: int = 0
    evidence: tuple[Exchange, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Check:
    """One attack with one expectation."""

    id: str
    title: str
    """What must hold, the first line of the docstring."""
    story: str
    """The rest of the docstring, without the remedy."""
    remedy: str
    needs: tuple[Capability, ...]
    sources: tuple[str, ...]
    run: Callable[..., Awaitable[None]] = field(repr=False)
    strategy: Callable[[], Mapping[str, Any]] | None = field(default=None, repr=False)
    """Lazy Hypothesis strategies by argument name, for checks whose input is a space."""
    examples: int = 0
    """How many inputs are drawn, for checks whose input is a space."""
    waits: Callable[[Any], float] | None = field(default=None, repr=False)
    """Seconds of the target's time that the check has to let pass, given what preflight found."""
    logins: int | Callable[[Any], int] = 1
    """About how many logins of its own it makes, for the estimate; of a target's system where it depends on that."""
    requests: float | Callable[[Any], float] | None = None
    """About how many requests it makes beside them; for each input drawn, where its input is a space."""
    sampled: bool = False
    """It measures the sample of credentials that is collected once for a whole run."""
    exclusive: bool = False
    """It changes what other users of the account see: runs as the account's only user."""
    newcomers: bool = False
    """Whom it acts on it registers, where the target offers that: there it needs nobody's account alone."""
    destructive: bool = False
    """Runs only with ``--allow destructive``."""
    last: bool = False
    """The target may fall over: runs when all the others are through."""
    load: bool = False
    """It presses the target: on another machine it runs only with ``--allow destructive``."""

    @property
    def topic(self) -> str:
        """The first two words of the id, by which reports group."""
        return ".".join(self.id.split(".")[:2])


@dataclass(frozen=True, slots=True)
class Summary:
    """What the kit knows about the target, for the head of a report."""

    name: str
    base_url: str
    scheme: str
    capabilities: tuple[str, ...]
    missing: Mapping[str, str]
    """Capabilities that the target lacks, and what would add each."""
    clock: str
    description_sha256: str
    word: str = "TARGET"
    """What names the target on the command line."""
    why_alone: str = ""
    """Why its checks run one at a time; empty where they need not."""
    reached: tuple[str, ...] = ()
    """The options of the command line that say how it is reached."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a renderer may know about one run against one target."""

    kit_version: str
    target: Summary
    profiles: Mapping[str, str]
    """Each chosen profile and its verdict: ``conforms``, ``violated`` or ``undecided``."""
    selection: Mapping[str, Any]
    partial: str | None
    """Why the run ended early, or None."""
    seed: int
    started: str
    """ISO 8601, UTC."""
    seconds: float
    requests: int
    logins: int
    verdicts: tuple[Verdict, ...]

    @property
    def counts(self) -> dict[Outcome, int]:
        """How often each outcome stands, in the order of Outcome, zeros included."""
        return {outcome: sum(v.outcome is outcome for v in self.verdicts) for outcome in Outcome}

    @property
    def exit_code(self) -> int:
        """0 conforms, 1 violations, 3 undecided or broken off, 5 nothing was tested."""
        counts = self.counts
        if counts[Outcome.FAIL]:
            return 1
        if counts[Outcome.INCONCLUSIVE] or counts[Outcome.ERROR] or self.partial:
            return 3
        decided = counts[Outcome.PASS] + counts[Outcome.ADVICE] + counts[Outcome.KNOWN]
        return 0 if decided else 5
