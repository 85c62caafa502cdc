"""certificate.json: what a run found, as an in-toto statement with the test-result predicate, in a DSSE envelope.

The statement says what was tested (the description, by digest), by what, when, and how each check came out. Who signs
vouches for it; nobody else does. Signatures are Ed25519 over DSSE's pre-authentication encoding.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from conformance.errors import PickproofError, UsageError
from conformance.masking import Secrets
from conformance.model import Outcome, Report
from conformance.registry import catalogue
from conformance.report.document import to_json
from conformance.report.safe import clean
from conformance.standards import EFFECTS, profile

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
OWN = "pickproof"
"""The key of the predicate under which stands what the test-result predicate has no word for."""
AHEAD = 300.0
"""Seconds that the clock of who signed may be ahead of ours."""
LARGEST = 16 * 1024 * 1024

_RESULT = {Outcome.PASS: "passedTests", Outcome.ADVICE: "warnedTests", Outcome.FAIL: "failedTests",
           Outcome.KNOWN: "failedTests", Outcome.INCONCLUSIVE: "failedTests", Outcome.ERROR: "failedTests"}  # fmt: skip
"""Under which key of the predicate a check stands; what could not be tested stands under none."""


class CertificateError(PickproofError):
    """A certificate that does not hold; the text says why."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, and the name of its public one."""

    key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The key in a PEM file.

        Raises:
            UsageError: no file, no PEM, another algorithm, or encrypted.
        """
        try:
            key = serialization.load_pem_private_key(_bytes(path, "--sign"), password=None)
        except TypeError:
            raise UsageError(f"--sign {path}: the key is encrypted; give one without a passphrase") from None
        except (ValueError, UnsupportedAlgorithm):
            raise UsageError(f"--sign {path}: no private key in PEM. {_MAKE}") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise UsageError(f"--sign {path}: not an Ed25519 key. {_MAKE}")
        return cls(key)

    def sign(self, made: Mapping[str, Any]) -> str:
        """The text of the envelope around a statement."""
        payload = json.dumps(made, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
        signature = self.key.sign(encoded(payload))
        return _text({
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": key_id(self.key.public_key()), "sig": base64.b64encode(signature).decode()}],
        })  # fmt: skip


_MAKE = "Make one: openssl genpkey -algorithm ed25519 -out key.pem"


def public_key(path: Path) -> Ed25519PublicKey:
    """The public key in a PEM file.

    Raises:
        UsageError: no file, no PEM, or another algorithm.
    """
    hint = "Make it of the private one: openssl pkey -in key.pem -pubout -out pub.pem"
    try:
        key = serialization.load_pem_public_key(_bytes(path, "--key"))
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"--key {path}: no public key in PEM. {hint}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"--key {path}: not an Ed25519 key. {hint}")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo."""
    info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).hexdigest()


def encoded(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding, protocol version 1."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def statement(report: Report, secrets: Secrets, written: bytes) -> dict[str, Any]:
    """What is to be signed about a report.

    Args:
        report: a whole run.
        secrets: masks whatever came from the target.
        written: the bytes of its report.json, to be named by digest.
    """
    document = to_json(report, secrets, {})
    outcomes = {row["id"]: row["outcome"] for row in document["checks"]}
    tests: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    for id, outcome in outcomes.items():
        if outcome != Outcome.NOT_APPLICABLE:
            tests[_RESULT[Outcome(outcome)]].append(id)
    digest = {"sha256": hashlib.sha256(written).hexdigest()}
    kept = ("kit", "target", "profiles", "selection", "seed", "started", "seconds", "summary")
    result = "FAILED" if tests["failedTests"] else "WARNED" if tests["warnedTests"] else "PASSED"
    own = {key: document[key] for key in kept} | {"checks": outcomes}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": document["target"]["name"], "digest": {"sha256": report.target.description_sha256}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": result,
            "configuration": [{"name": "report.json", "digest": digest}],
            **tests,
            OWN: own,
        },
    }


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a signed statement says; nothing in it is trusted before the signature was."""

    target: str
    kit_version: str
    started: datetime
    profiles: tuple[str, ...]
    selection: Mapping[str, Any]
    checks: Mapping[str, Outcome]


def opened(path: Path, key: Ed25519PublicKey) -> Certificate:
    """The certificate in a file, once its signature was found to be that of the key.

    Raises:
        UsageError: no such file.
        CertificateError: changed, damaged, or signed by another key.
    """
    raw = _bytes(path, "certificate")
    try:
        envelope = json.loads(raw)
        (signature,) = envelope["signatures"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        signed, keyid = base64.b64decode(signature["sig"], validate=True), signature["keyid"]
        again = {"payload": base64.b64encode(payload).decode(), "payloadType": PAYLOAD_TYPE,
                 "signatures": [{"keyid": keyid, "sig": base64.b64encode(signed).decode()}]}  # fmt: skip
        # Only one spelling counts, so that a change outside of what is signed is seen as well.
        if _text(again).encode() != raw:
            raise CertificateError(f"{path}: changed since it was signed, or no certificate of Pickproof")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise CertificateError(f"{path}: damaged, or no certificate of Pickproof") from None
    if keyid != key_id(key):
        raise CertificateError(f"{path}: signed by another key, or changed: it names {clean(str(keyid), 64)}")
    try:
        key.verify(signed, encoded(payload))
    except InvalidSignature:
        raise CertificateError(f"{path}: the signature is wrong: changed since it was signed") from None
    try:
        return _certificate(json.loads(payload))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise CertificateError(f"{path}: signed, but no statement of Pickproof ({clean(str(problem))})") from None


def _certificate(made: dict[str, Any]) -> Certificate:
    if (made["_type"], made["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise ValueError("another type of statement")
    predicate = made["predicate"]
    own = predicate[OWN]
    checks = {str(id): Outcome(outcome) for id, outcome in own["checks"].items()}
    for key in ("passedTests", "warnedTests", "failedTests"):
        if sorted(predicate[key]) != sorted(id for id, outcome in checks.items() if _RESULT.get(outcome) == key):
            raise ValueError(f"{key} do not agree with the checks")
    started = datetime.fromisoformat(own["started"])
    if started.tzinfo is None:
        raise ValueError("the time has no zone")
    return Certificate(
        str(own["target"]["name"]), str(own["kit"]["version"]), started, tuple(own["profiles"]),
        dict(own["selection"]), checks,
    )  # fmt: skip


def objections(
    certificate: Certificate, demanded: tuple[str, ...] = (), max_age: float | None = None, now: datetime | None = None
) -> list[str]:
    """Why the certificate does not vouch for the profiles; nothing when it does.

    Args:
        certificate: of `opened`.
        demanded: profiles; those of the certificate without any.
        max_age: seconds since the run began.
        now: of the judgement.

    Raises:
        UsageError: no such profile.
    """
    age = ((now or datetime.now(UTC)) - certificate.started).total_seconds()
    found = []
    if age < -AHEAD:
        found.append(f"it is of the future: {certificate.started.isoformat()}")
    if max_age is not None and age > max_age:
        found.append(f"it is {age / 86400:.1f} days old, more than {max_age / 86400:g}")
    if certificate.selection.get("only") or certificate.selection.get("skip"):
        found.append("its run left checks out")
    names = demanded or certificate.profiles
    if not names:
        found.append("it names no profile")
    return found + [text for name in names for text in _profile_objections(certificate, name)]


def required(name: str) -> tuple[str, ...]:
    """The checks whose violation fails a profile."""
    return _demanded(name, {"fail"})


def _demanded(name: str, effects: Collection[str]) -> tuple[str, ...]:
    demands = profile(name).demands
    return tuple(c.id for c in catalogue().values() if any(demands.get(source) in effects for source in c.sources))


def not_tested(certificate: Certificate, name: str) -> tuple[str, ...]:
    """What a profile requires and the target could not undergo, which the certificate can't vouch for."""
    return tuple(id for id in required(name) if certificate.checks.get(id) is Outcome.NOT_APPLICABLE)


def _profile_objections(certificate: Certificate, name: str) -> list[str]:
    if name not in certificate.profiles:
        profile(name)
        return [f"{name}: its run was not judged by this profile, but by {', '.join(certificate.profiles) or 'none'}"]
    ids, checks = required(name), certificate.checks
    found = [f"{name}: {id} is missing: Pickproof {certificate.kit_version} had no such check" for id in ids
             if id not in checks]  # fmt: skip
    passed = (Outcome.PASS, Outcome.ADVICE, Outcome.NOT_APPLICABLE)
    found += [f"{name}: {id}: {checks[id]}" for id in ids if id in checks and checks[id] not in passed]
    if not any(checks.get(id) is Outcome.PASS for id in _demanded(name, EFFECTS)):
        found.append(f"{name}: not one check that it asks for passed")
    return found


def _text(envelope: Mapping[str, Any]) -> str:
    return json.dumps(envelope, indent=2, ensure_ascii=True) + "\n"


def _bytes(path: Path, what: str) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{what} {path}: larger than any such file")
        return path.read_bytes()
    except OSError as problem:
        raise UsageError(f"{what} {path}: {problem.strerror or 'cannot be read'}") from None
