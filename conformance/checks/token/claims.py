"""Well-signed tokens with wrong content; these need a key that the target trusts."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.crit.unknown",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7515-4.1.11", "CWE-347"],
)
async def unknown_critical_extension_is_refused(target: Target) -> None:
    """A well-signed token with a critical extension that nobody knows is refused.

    Remedy: use a library that honours crit, or refuse every token that has it.
    """
    await target.expect_forgeries_refused()


@check(
    "token.b64-false",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7797-7", "CWE-347"],
)
async def unencoded_payload_is_refused(target: Target) -> None:
    """A well-signed token that declares its payload unencoded is refused.

    Remedy: refuse every token that has crit.
    """
    await target.expect_forgeries_refused()


@check(
    "token.typ.wrong",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.11", "ASVS-v5.0.0-9.2.2", "RFC9068-4"],
)
async def token_of_another_type_is_refused(target: Target) -> None:
    """A well-signed token of another declared type is refused.

    Remedy: give each kind of token a typ of its own, and demand it.
    """
    await target.expect_forgeries_refused()


@check(
    "token.json.dup-claim",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-4", "CWE-436"],
)
async def first_of_two_claims_does_not_win(target: Target) -> None:
    """Of a claim that stands twice the first never counts.

    Refusing such tokens is best; taking the last is what most parsers do, and conforms. Two readers that differ are a
    hole.

    Remedy: refuse tokens with repeated members.
    """
    await target.expect_first_never_counts()


@check(
    "token.json.shape",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-7.2", "CWE-20"],
)
async def payload_that_is_no_claims_set_is_refused(target: Target) -> None:
    """A well-signed token whose payload is no JSON object is refused, and breaks nothing.

    Remedy: refuse what does not parse as one object with nothing after it.
    """
    await target.expect_forgeries_handled()


@check(
    "token.exp.boundary",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-4.1.4", "ASVS-v5.0.0-9.2.1", "CWE-613"],
)
async def token_is_refused_at_its_expiry(target: Target) -> None:
    """A token is refused from its expiry on, the declared leeway included.

    Remedy: compare with on or after, and declare the leeway.
    """
    await target.expect_forgeries_refused()


@check(
    "token.exp.missing",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC9068-2.2", "RFC8725bis-3.12"],
)
async def token_without_expiry_is_refused(target: Target) -> None:
    """A well-signed token without exp is refused.

    Remedy: require exp.
    """
    await target.expect_forgeries_refused()


@check(
    "token.exp.types",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-2", "RFC7519-4.1.4", "CWE-20"],
)
async def expiry_that_is_no_number_is_refused(target: Target) -> None:
    """A well-signed token whose exp is no number, or no future one, is refused.

    Remedy: require exp to be a number; zero and null are not absent.
    """
    await target.expect_forgeries_refused()


@check(
    "token.exp.far",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["ASVS-v5.0.0-7.3.2"],
)
async def expiry_beyond_policy_is_refused(target: Target) -> None:
    """A well-signed token that outlives every policy is refused.

    Who steals a signing key once should not hold an eternal token.

    Remedy: cap the accepted lifetime by iat plus the maximum.
    """
    await target.expect_forgeries_refused()


@check(
    "token.nbf.future",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-4.1.5", "ASVS-v5.0.0-9.2.1"],
)
async def token_of_the_future_is_refused(target: Target) -> None:
    """A well-signed token whose nbf has not come is refused.

    Remedy: check nbf.
    """
    await target.expect_forgeries_refused()


@check(
    "token.aud.wrong",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.9", "ASVS-v5.0.0-9.2.3", "RFC7519-4.1.3"],
)
async def other_audience_is_refused(target: Target) -> None:
    """A well-signed token for another audience is refused.

    Remedy: require aud and compare it exactly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.iss.wrong",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.8", "ASVS-v5.0.0-9.1.3"],
)
async def other_issuer_is_refused(target: Target) -> None:
    """A well-signed token of another issuer is refused, however similar its name.

    Remedy: compare iss exactly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.iss.partial",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.8", "CWE-697"],
)
async def part_of_the_issuer_is_refused(target: Target) -> None:
    """A part of the issuer's name is not taken for the issuer.

    Remedy: compare iss for equality, not for membership (CVE-2024-53861).
    """
    await target.expect_forgeries_refused()


@check(
    "token.sub.invalid",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.8", "CWE-863"],
)
async def subject_that_is_nobody_is_refused(target: Target) -> None:
    """A well-signed token whose subject is no account is refused.

    Remedy: look the subject up at each request, as a text, exactly.
    """
    await target.expect_forgeries_refused()
