"""The dates of HTTP: what moment a header of an answer names (RFC 9110 section 5.6.7)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from conformance.model import Answer


def moment(text: str | None) -> float | None:
    """Seconds since the epoch that an HTTP date names; None where it is none."""
    if not text or len(text) > 64 or not text.isascii():
        return None
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, OSError):
        return None


def told_by(answer: Answer | None) -> float | None:
    """When the target gave this answer, by its own clock; None where it does not say."""
    return moment(answer.header("date")) if answer else None
