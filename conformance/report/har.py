"""Evidence as an HTTP Archive (HAR 1.2), for browsers and proxies to open."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from conformance.masking import Secrets
from conformance.model import Verdict
from conformance.report.masked import Message, Step, steps
from conformance.report.safe import shown


def to_har(verdict: Verdict, secrets: Secrets, kit_version: str) -> dict[str, Any]:
    """The exchanges of a verdict, masked; a body that is not text is left out, its size stays.

    An exchange without an answer has status 0, and ``_error`` says why.
    """
    check = verdict.check
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "pickproof", "version": kit_version},
            "entries": [_entry(step) for step in steps(verdict.evidence, secrets)],
            "comment": shown(f"{check.id}: {verdict.outcome.value}: {check.title}", secrets),
        }
    }


def _entry(step: Step) -> dict[str, Any]:
    took = round(step.seconds * 1000, 3)
    found = {
        "startedDateTime": datetime.fromtimestamp(step.sent_at, UTC).isoformat(timespec="milliseconds"),
        "time": took,
        "request": _request(step),
        "response": _response(step),
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "comment": step.purpose,
    }
    return found if step.answer else {**found, "_error": step.outcome}


def _request(step: Step) -> dict[str, Any]:
    message = step.request
    found: dict[str, Any] = {
        "method": step.method,
        "url": step.url,
        "httpVersion": "HTTP/1.1",
        "cookies": _cookies(v for k, v in message.headers if k.lower() == "cookie"),
        "headers": _pairs(message.headers),
        "queryString": _query(step.url),
        "headersSize": -1,
        "bodySize": message.size,
    }
    if message.size:
        found["postData"] = {"mimeType": message.header("content-type"), "params": [], **_text(message)}
    return found


def _response(step: Step) -> dict[str, Any]:
    message = step.answer or Message((), "", 0)
    content = {"size": message.size, "mimeType": message.header("content-type") or "x-unknown", **_text(message)}
    if step.truncated:
        content["comment"] = "the body was longer; the rest was not recorded"
    status, _, phrase = step.outcome.partition(" ") if step.answer else ("0", "", "")
    return {
        "status": int(status),
        "statusText": phrase,
        "httpVersion": "HTTP/1.1",
        "cookies": _cookies(v.partition(";")[0] for k, v in message.headers if k.lower() == "set-cookie"),
        "headers": _pairs(message.headers),
        "content": content,
        "redirectURL": message.header("location"),
        "headersSize": -1,
        "bodySize": message.size,
    }


def _text(message: Message) -> dict[str, str]:
    if message.body is None:
        return {"text": "", "comment": f"{message.size} bytes that are not text, left out"}
    return {"text": message.body}


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _query(url: str) -> list[dict[str, str]]:
    """Still percent-encoded: decoding would bring back the controls that masking and cleaning took out."""
    query = url.partition("?")[2].partition("#")[0]
    return _pairs((name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair))


def _cookies(values: Iterable[str]) -> list[dict[str, str]]:
    pairs = (pair.partition("=") for value in values for pair in value.split(";"))
    return [{"name": name.strip(), "value": content.strip()} for name, _, content in pairs]
