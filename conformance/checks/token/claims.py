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

    The sender says that ignoring this member changes what the token means. Whoever ignores it accepts what was
    meant to be limited.

    Remedy: use a library that honours crit, or refuse every token that has it.
    """
    await target.expect_forgeries_refused()


@check(
    "token.b64-false",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7797-7", "RFC7797-6", "CWE-347"],
)
async def unencoded_payload_is_refused(target: Target) -> None:
    """A well-signed token that declares its payload unencoded is refused.

    A verifier and a parser that disagree on what was signed can be shown two different payloads under one
    signature.

    Remedy: refuse every token that has crit.
    """
    await target.expect_forgeries_refused()


@check(
    "token.typ.wrong",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.11", "ASVS-v5.0.0-9.2.2", "RFC9068-4", "RFC8725-2.8", "RFC8725bis-3.11", "RFC7515-4.1.9"],
)
async def token_of_another_type_is_refused(target: Target) -> None:
    """A well-signed token of another declared type is refused.

    A token made for another purpose, an invitation or a password reset, would be good for the API.

    Remedy: give each kind of token a typ of its own, and demand it.
    """
    await target.expect_forgeries_refused()


@check(
    "token.json.dup-claim",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-4", "RFC8259-4", "CWE-436"],
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

    A payload that is a list or a text reaches code that expects claims: it breaks, or finds no limit to enforce.

    Remedy: refuse what does not parse as one object with nothing after it.
    """
    await target.expect_claims_sets_alone()


@check(
    "token.exp.boundary",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-4.1.4", "ASVS-v5.0.0-9.2.1", "CWE-613"],
)
async def token_is_refused_at_its_expiry(target: Target) -> None:
    """A token is refused from its expiry on, the declared leeway included.

    A comparison that is off, or a leeway of minutes, gives each stolen token more life than anybody decided.

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

    If absence means no limit, one token without it, from a test tool or another issuer, is a key for ever.

    Remedy: require exp.
    """
    await target.expect_forgeries_refused()


@check(
    "token.exp.types",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-2", "RFC7519-4.1.4", "RFC8259-6", "ASVS-v5.0.0-15.3.5", "CWE-20"],
)
async def expiry_that_is_no_number_is_refused(target: Target) -> None:
    """A well-signed token whose exp is no number, or no future one, is refused.

    Text, lists and huge numbers slip past a careless comparison, and the token never ends.

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

    Tokens for later, such as for an account that opens tomorrow, work today.

    Remedy: check nbf.
    """
    await target.expect_forgeries_refused()


@check(
    "token.aud.wrong",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.9", "ASVS-v5.0.0-9.2.3", "RFC7519-4.1.3", "RFC8725bis-3.9", "RFC9700-2.3", "OAUTH21-7.1.4"],
)
async def other_audience_is_refused(target: Target) -> None:
    """A well-signed token for another audience is refused.

    A token that some other service received for its own use, and its operators can read, opens this one.

    Remedy: require aud and compare it exactly.
    """
    await target.expect_forgeries_refused()


@check(
    "token.iss.wrong",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.8", "ASVS-v5.0.0-9.1.3", "RFC7519-4.1.1", "RFC8725bis-3.8"],
)
async def other_issuer_is_refused(target: Target) -> None:
    """A well-signed token of another issuer is refused, however similar its name.

    An attacker with an account at any other issuer, or with an issuer of their own, would enter with its tokens.

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

    Where part of a name suffices, an attacker who runs an issuer with a fitting name signs tokens for everybody.

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

    Code that meets an unknown user may fall back to a default one, create it, or skip the check of rights.

    Remedy: look the subject up at each request, as a text, exactly.
    """
    await target.expect_forgeries_refused()
