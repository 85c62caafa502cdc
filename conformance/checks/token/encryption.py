"""Encryption is no signature, and what a stranger wrote costs little to refuse."""

from conformance.attacks.latency import ITERATIONS
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.jwe.sign-encrypt-confusion",
    needs=[Capability.JWT, Capability.PUBLIC_KEY],
    sources=["RFC8725bis-3.3", "RFC8725bis-2.3", "RFC8725-3.3", "CWE-347"],
)
async def encryption_is_no_signature(target: Target) -> None:
    """Claims that somebody encrypted to the public key are refused where signed ones are expected.

    Libraries that read both kinds, and hold the private key, decrypt what anybody may have encrypted, and hand out the
    claims as if they had been verified (CVE-2022-3102, CVE-2023-51774).

    Remedy: tell the library which kind is expected, verify with the public key alone, and demand three segments.
    """
    await target.expect_forgeries_refused()


@check(
    "token.jwe.pbes2-count",
    needs=[Capability.JWT],
    sources=["RFC8725bis-3.13", "CWE-834"],
)
async def stranger_does_not_choose_the_iterations(target: Target) -> None:
    """A token that asks for millions of iterations of a key derivation costs no more than one that asks for few.

    The count stands in the header, and is obeyed before anything is verified: one small request keeps the server busy
    for as long as a stranger likes (CVE-2023-6681).

    Remedy: refuse algorithms that are not expected, and cap p2c where PBES2 is.
    """
    await target.expect_no_slower(target.password_tokens, (ITERATIONS,), "a token of many iterations")


@check(
    "token.kid.command",
    needs=[Capability.JWT],
    sources=["RFC8725-3.10", "RFC8725-2.9", "RFC8725bis-3.10", "CWE-78"],
)
async def kid_is_no_command(target: Target) -> None:
    """A kid that holds a command of the shell is not executed.

    A kid that becomes part of a command line gives a stranger the machine, before any signature is verified.

    Remedy: look kid up in a fixed table; never build a command from it.
    """
    await target.expect_no_slower(target.sleeping_kids, target.COMMANDS, "a kid that sleeps")
