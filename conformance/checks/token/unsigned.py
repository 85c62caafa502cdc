"""What nobody signed is refused."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.alg.none-case",
    needs=[Capability.JWT],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "RFC7515-4.1.1", "RFC8725bis-2.11", "CWE-178"],
)
async def other_spellings_of_none_are_refused(target: Target) -> None:
    """A token whose alg is None, NONE or nOnE is refused.

    A deny-list that knows one spelling lets the others through.

    Remedy: give the verifier a fixed list of algorithms; never take the algorithm from the token.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.none-with-sig",
    needs=[Capability.JWT],
    sources=["RFC8725-3.1", "ASVS-v5.0.0-9.1.2", "CWE-347"],
)
async def unsigned_token_with_a_signature_is_refused(target: Target) -> None:
    """A token with alg none is refused even when something stands where a signature would.

    A guard that only looks whether a signature is there lets an unsigned token through with any text in its place.

    Remedy: give the verifier a fixed list of algorithms; never take the algorithm from the token.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.none-two-segments",
    needs=[Capability.JWT],
    sources=["RFC8725-3.1", "RFC7519-7.2", "CWE-347"],
)
async def unsigned_token_without_last_segment_is_refused(target: Target) -> None:
    """A token with alg none and no signature segment at all is refused.

    Some verifiers split at the dots and take what they find; without the third part nothing is left to be verified.

    Remedy: give the verifier a fixed list of algorithms; never take the algorithm from the token. Demand
    exactly three segments.
    """
    await target.expect_forgeries_refused()


@check(
    "token.alg.missing",
    needs=[Capability.JWT],
    sources=["RFC7515-4.1.1", "ASVS-v5.0.0-9.1.2", "CWE-20"],
)
async def token_without_algorithm_is_refused(target: Target) -> None:
    """A token whose header has no alg, or one that is no text, is refused.

    A verifier that falls back to a default, or to none, lets the attacker choose by saying nothing.

    Remedy: give the verifier a fixed list of algorithms; never take the algorithm from the token.
    """
    await target.expect_forgeries_refused()


@check(
    "token.sig.stripped",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.1", "RFC8725-3.3", "CWE-347"],
)
async def token_without_signature_is_refused(target: Target) -> None:
    """A token whose signature was removed is refused, whatever its alg says.

    A verifier that skips what is not there accepts every claim that an attacker can write.

    Remedy: verify the signature over the exact bytes received, with a maintained library, before reading
    anything.
    """
    await target.expect_forgeries_refused()


@check(
    "token.sig.truncated",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.1", "RFC8725-3.3", "CWE-347"],
)
async def shortened_signature_is_refused(target: Target) -> None:
    """A token with a part of its signature is refused.

    A comparison that stops at the end of the shorter value accepts one byte, and one byte is guessed in 256
    tries.

    Remedy: verify the signature over the exact bytes received, with a maintained library, before reading
    anything.
    """
    await target.expect_forgeries_refused()


@check(
    "token.sig.zero",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.1", "RFC8725-3.3", "CWE-347"],
)
async def constant_signature_is_refused(target: Target) -> None:
    """A signature of zeros, or of ones, of the right length is refused.

    Some implementations of elliptic curves accepted a blank signature for any message: a master key made of zeros.

    Remedy: verify the signature over the exact bytes received, with a maintained library, before reading
    anything.
    """
    await target.expect_forgeries_refused()


@check(
    "token.sig.other-token",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.1", "RFC8725-3.3", "CWE-345"],
)
async def borrowed_signature_is_refused(target: Target) -> None:
    """The signature of another genuine token does not vouch for this one.

    If any genuine signature will do, a user signs whatever claims they like with that of their own token.

    Remedy: verify the signature over the exact bytes received, with a maintained library, before reading
    anything.
    """
    await target.expect_forgeries_refused()


@check(
    "token.header.tamper",
    needs=[Capability.JWT],
    sources=["RFC7515-5.2", "ASVS-v5.0.0-9.1.1", "CWE-345"],
)
async def changed_header_is_refused(target: Target) -> None:
    """A token whose header was changed under its old signature is refused.

    The signature covers the header too; a verifier that rebuilds the header accepts what nobody signed.

    Remedy: verify the signature over the exact bytes received, with a maintained library, before reading
    anything.
    """
    await target.expect_forgeries_refused()


@check(
    "token.sig.prefix-concat",
    needs=[Capability.JWT],
    sources=["RFC7515-5.2", "CWE-436"],
)
async def two_tokens_in_one_are_refused(target: Target) -> None:
    """Two tokens joined into one are refused, in either order.

    One part is verified and another is read.

    Remedy: match the whole token against three base64url segments before decoding, and use a library that
    decodes strictly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.sig.verify-each-route",
    needs=[Capability.JWT, Capability.PROTECTED],
    sources=["ASVS-v5.0.0-9.1.1", "CWE-862"],
)
async def every_route_verifies_the_signature(target: Target) -> None:
    """Every protected route refuses a token with changed claims, not only the first one.

    One route that only decodes the token is a way in for anyone who can edit text.

    Remedy: verify tokens in one place that every route passes.
    """
    forged = (await target.forged("token.payload.tamper"))[0]
    await target.expect_refused(forged, everywhere=True)
