"""Algorithms by their names, and keys that are too short for theirs."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.alg.registry",
    needs=[Capability.JWT],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "RFC7515-4.1.1", "CWE-347", "CWE-755"],
    requests=44,
)
async def no_other_algorithm_lets_a_token_pass(target: Target) -> None:
    """A forged token is refused under every name that an algorithm has, registered or not, and none breaks the server.

    A verifier that finds no code for the named algorithm must not go on without. Names of algorithms that nobody
    implements, that encrypt instead of sign, or that exist nowhere are where that shows.

    Remedy: give the verifier a list of the one algorithm that you sign with, and refuse before anything is looked up.
    """
    await target.expect_forgeries_handled()


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
