"""The time limits that a check enforces: as declared, else the strict reading of the standards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.attacks.jwt import parse
from conformance.attacks.material import is_number
from conformance.target.http_dates import told_by

if TYPE_CHECKING:
    from conformance.target.party import Party
    from conformance.target.system import System

NIST_AAL2_ABSOLUTE = 24 * 3600.0
"""SP 800-63B-4 section 2.2.3: reauthentication at AAL2 at least once in 24 hours, seconds."""
HOUSE_ACCESS_LIFETIME = 3600.0
"""Seconds; our recommendation where nothing is declared, since a signed token cannot be taken back."""
SKEW = 1.5
"""Seconds that two clocks may differ, and a limit in whole seconds may round."""


def absolute_limit(system: System) -> float:
    """The absolute lifetime of a session in seconds."""
    declared = system.description.policy.absolute
    return NIST_AAL2_ABSOLUTE if declared is None else declared


def past_absolute(system: System) -> float:
    """Seconds after login at which the absolute limit has surely passed, as the `exp` of a signed session has it."""
    signed = any(parse(system.any_shared().secret(carrier)) for carrier in system.carriers)
    return absolute_limit(system) + (system.description.policy.leeway if signed else 0.0) + SKEW


def past_fresh_login(system: System) -> float:
    """Seconds after a login at which it no longer stands for the password; zero where it never does."""
    declared = system.description.policy.fresh_login
    return declared + SKEW if declared else 0.0


def access_expiry(system: System, party: Party) -> float | None:
    """Seconds after a login at which its access token has surely expired, leeway included; None when it never says.

    By the target's clock and by ours: on a target whose clock is behind, a token is dead by ours before it is.
    """
    life = stated_life(party)
    return life + system.description.policy.leeway + SKEW if life else None


def stated_life(party: Party) -> float | None:
    """Seconds that a login says its access token lives, by the clock that lets it live longer; else None."""
    lives = [life for life in (remaining_life(party), declared_life(party)) if life is not None and life > 0]
    return max(lives, default=None)


def remaining_life(party: Party) -> float | None:
    """Seconds of life that a login's access token had, by its ``exp``, else by the login's ``expires_in``."""
    token = next((t for c in party.system.carriers if (t := parse(party.secret(c)))), None)
    exp = token.claims.get("exp") if token else None
    return float(exp) - party.issued_at if is_number(exp) else party.lifetime


def declared_life(party: Party) -> float | None:
    """Seconds between issue and expiry that a login's token states, both by the target's clock where that is known."""
    token = next((t for c in party.system.carriers if (t := parse(party.secret(c)))), None)
    exp, iat = (token.claims.get("exp"), token.claims.get("iat")) if token else (None, None)
    if not is_number(exp):
        return None
    return float(exp) - (float(iat) if is_number(iat) else _issued_by_target(party))


def _issued_by_target(party: Party) -> float:
    """When a login was answered, by the date in the answer; time that was travelled is not in there."""
    if party.system.clock.travels:
        return party.issued_at
    dates = [date for exchange in party.history if (date := told_by(exchange.answer)) is not None]
    return dates[-1] if dates else party.issued_at


def until_token_expires(system: System) -> float:
    """How long a check waits for an access token to expire; zero where it has no expiry to wait for."""
    return access_expiry(system, system.any_shared()) or 0.0


NIST_AAL2_IDLE = 3600.0
"""SP 800-63B-4 section 2.2.3: an inactivity limit of at most an hour at AAL2, seconds."""


def idle_limit(system: System) -> float:
    """The idle limit of a session in seconds."""
    declared = system.description.policy.idle
    return NIST_AAL2_IDLE if declared is None else declared


def past_idle(system: System) -> float:
    """Seconds of disuse after which a session has surely ended."""
    return idle_limit(system) + SKEW


def past_every_limit(system: System) -> float:
    """Seconds after login at which no limit may still be open."""
    return max(past_idle(system), past_absolute(system))


def one_and_a_half_idle(system: System) -> float:
    """Seconds that it takes to show that use extends the idle time."""
    return 1.5 * idle_limit(system)


def past_grace(system: System) -> float:
    """Seconds after its use at which a spent refresh token is surely refused."""
    grace = system.description.policy.grace_seconds
    return grace + SKEW if grace else 0.0


def past_refresh_idle(system: System) -> float:
    """Seconds of disuse after which a refresh token is surely dead; zero where no limit is declared."""
    idle = system.description.policy.refresh_idle
    return idle + SKEW if idle else 0.0


def past_refresh_lifetime(system: System) -> float:
    """Seconds after login at which no refresh token of it may live; zero where no limit is declared."""
    life = system.description.policy.refresh_lifetime
    return life + SKEW if life else 0.0
