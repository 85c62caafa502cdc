"""Well-signed tokens with claims that two readers read differently; these need a key that the target trusts."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.json.escape",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-4.1.4", "CWE-178", "CWE-436"],
)
async def nearly_exp_is_not_exp(target: Target) -> None:
    """A claim that is only nearly called exp does not stand in for it, and an escaped exp is one.

    Some parsers match names without regard to case, and the last one wins: an expired token with an EXP ahead lives
    on. Readers that search the text miss a name with an escape in it.

    Remedy: parse the claims with a parser that compares names exactly.
    """
    await target.expect_expiry_counts()
    await target.expect_forgeries_refused()


@check(
    "token.json.numbers",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8259-6", "RFC7519-7.2", "RFC7519-4.1.4", "CWE-755"],
)
async def numbers_beyond_all_clocks_are_handled(target: Target) -> None:
    """An expiry of NaN, Infinity, -1e400 or minus 5000 digits is refused, and breaks nothing.

    NaN is neither before nor after anything, so that a comparison that is turned round lets it pass; the conversion of
    a huge number fails where nobody expects it.

    Remedy: read strict JSON, and demand finite dates within a range of your own.
    """
    await target.expect_expiry_counts()
    await target.expect_forgeries_handled()


@check(
    "token.iss.array",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.8", "ASVS-v5.0.0-9.1.3", "CWE-697"],
)
async def list_of_issuers_is_refused(target: Target) -> None:
    """A list that holds the right issuer among others is not taken for the issuer (CVE-2025-30144).

    An issuer that the verifier trusts for something else, or whose keys it fetches, adds the right name to its own.

    Remedy: demand that iss is a text, then compare it for equality.
    """
    await target.expect_forgeries_refused()


@check(
    "token.aud.missing",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.9", "RFC8725bis-3.9", "ASVS-v5.0.0-9.2.3"],
)
async def token_without_audience_is_refused(target: Target) -> None:
    """A well-signed token for no audience is refused, where tokens have one.

    A token that the same issuer made for some other use, without an audience, opens every service that only looks at
    an audience where there is one.

    Remedy: require aud.
    """
    await target.expect_forgeries_refused()


@check(
    "token.aud.types",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-4.1.3", "RFC8725-3.9", "CWE-20"],
)
async def audience_that_names_nobody_is_refused(target: Target) -> None:
    """A well-signed token whose audience is an empty list, an object, a number or null is refused.

    All of nobody is everybody: a loop over an empty list finds no wrong audience, and a test for truth takes it for
    absent.

    Remedy: demand a text or a list of texts, and find the own name in it.
    """
    await target.expect_forgeries_refused()


@check(
    "token.sub.injection",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725bis-2.9", "ASVS-v5.0.0-1.2.4", "CWE-89"],
)
async def subject_is_no_query(target: Target) -> None:
    """A subject that holds SQL, a wildcard, a filter or a path becomes nobody, and breaks nothing.

    A name that a user chose at some other service of the issuer arrives here well signed. Whoever pastes it into a
    query has verified the envelope and executed the letter.

    Remedy: pass claims as bound parameters, as any other input.
    """
    await target.expect_subject_only_a_name()


@check(
    "token.exp.leeway",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7519-4.1.4-leeway", "CWE-613"],
)
async def leeway_is_minutes_at_most(target: Target) -> None:
    """A token that expired more than five minutes ago is refused, whatever leeway is declared.

    A leeway is for clocks that differ. Every minute of it is one more for a thief, and clocks are kept to a second.

    Remedy: allow a minute at the most, and synchronise the clocks.
    """
    await target.expect_forgeries_refused()
