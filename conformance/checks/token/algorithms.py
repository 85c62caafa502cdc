"""Keys that are too short for their algorithm."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.secret.min-length",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7518-3.2", "CWE-326"],
)
async def secret_is_as_long_as_its_hash(target: Target) -> None:
    """The secret that signs tokens with HMAC has as many bytes as the hash, 32 for HS256.

    One token is enough to try secrets offline, unseen; each byte less makes it 256 times as cheap. It is the secret of
    `keys.secret` that is measured, where it made the signature of a genuine token.

    Remedy: draw 32 bytes or more, 64 for HS512, from the system's secure random generator.
    """
    alice = await target.shared_login("alice")
    size, needed = target.secret_size(alice)
    if size < needed:
        target.violation(f"a secret of {needed} bytes or more", f"one of {size} bytes", alice.history)
    target.note = f"{size} bytes"
