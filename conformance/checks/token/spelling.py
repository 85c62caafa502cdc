"""One token has one spelling."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.b64.trailing-bits",
    needs=[Capability.JWT],
    sources=["RFC4648-3.5", "RFC8725bis-3.14"],
)
async def unused_bits_are_refused(target: Target) -> None:
    """A token whose last characters differ only in unused bits is refused.

    Another spelling of the same token harms nobody by itself; it does where revocation or caching knows tokens
    by their text.

    Remedy: match the whole token against three base64url segments before decoding, and use a library that
    decodes strictly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.b64.padding",
    needs=[Capability.JWT],
    sources=["RFC8725bis-3.14"],
)
async def padded_segments_are_refused(target: Target) -> None:
    """A token whose segments are padded with = is refused.

    A second spelling of a valid token is not found in a list of revoked ones.

    Remedy: match the whole token against three base64url segments before decoding, and use a library that
    decodes strictly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.b64.junk",
    needs=[Capability.JWT],
    sources=["RFC8725bis-3.14", "RFC4648-3.3"],
)
async def characters_outside_the_alphabet_are_refused(target: Target) -> None:
    """A token with characters outside the base64url alphabet is refused.

    Lenient decoders skip them, so that one token has endless spellings.

    Remedy: match the whole token against three base64url segments before decoding, and use a library that
    decodes strictly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.b64.std-alphabet",
    needs=[Capability.JWT],
    sources=["RFC8725bis-3.14", "RFC4648-5"],
)
async def standard_alphabet_is_refused(target: Target) -> None:
    """A token written with + and / instead of - and _ is refused.

    A second spelling of a valid token is not found in a list of revoked ones.

    Remedy: match the whole token against three base64url segments before decoding, and use a library that
    decodes strictly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.b64.non-ascii",
    needs=[Capability.JWT],
    sources=["RFC8725bis-3.14", "CWE-20"],
)
async def characters_beyond_ascii_are_refused(target: Target) -> None:
    """A token with look-alike characters beyond ASCII is refused, and breaks nothing.

    Two parts of a server that read the same text differently, one refusing what the other accepts, are how lists of
    revoked tokens are passed.

    Remedy: match the whole token against three base64url segments before decoding, and use a library that
    decodes strictly.
    """
    await target.expect_forgeries_handled()


@check(
    "token.form.segments",
    needs=[Capability.JWT],
    sources=["RFC7519-7.2", "RFC8725bis-3.14", "RFC7515-7.1"],
)
async def other_numbers_of_segments_are_refused(target: Target) -> None:
    """A token with other than three segments is refused.

    A parser that takes the parts it wants and skips the rest can be led to verify one thing and read another.

    Remedy: match the whole token against three base64url segments before decoding, and use a library that
    decodes strictly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.form.json-serialization",
    needs=[Capability.JWT],
    sources=["RFC7519-7.2", "RFC8725bis-3.14"],
)
async def json_serialisation_is_refused(target: Target) -> None:
    """A token in JSON serialisation is refused where compact ones are used.

    A library that reads both forms may verify one part and use another; this is how several were fooled into
    accepting forged claims.

    Remedy: match the whole token against three base64url segments before decoding, and use a library that
    decodes strictly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.form.polyglot",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.1", "RFC8725bis-3.14", "RFC8725bis-2.13", "CWE-436"],
)
async def polyglot_token_is_refused(target: Target) -> None:
    """A text that is one token to a splitter and another to a JSON parser is refused.

    One reader verifies, the other reads (CVE-2022-39227).

    Remedy: match the whole token against three base64url segments before decoding, and use a library that
    decodes strictly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.header.not-object",
    needs=[Capability.JWT],
    sources=["RFC7519-7.2", "CWE-20"],
)
async def header_that_is_no_object_is_refused(target: Target) -> None:
    """A token whose header is no JSON object is refused.

    Odd headers reach code that nobody tested: a crash is an outage, and an exception that is swallowed may be an
    acceptance.

    Remedy: match the whole token against three base64url segments before decoding, and use a library that
    decodes strictly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.header.oversize",
    needs=[Capability.JWT],
    sources=["RFC8725bis-3.14", "CWE-400"],
)
async def monstrous_header_is_refused(target: Target) -> None:
    """A token with a huge or deeply nested header is refused, and breaks nothing.

    The header is read before anything is verified, so a stranger decides how much work and memory it takes.

    Remedy: bound the length of a token before decoding it, and answer any parsing error with a refusal.
    """
    await target.expect_forgeries_handled()
