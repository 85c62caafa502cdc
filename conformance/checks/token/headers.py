"""Well-signed tokens with wrong headers; these need a key that the target trusts."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.alg.name-case",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7515-4.1.1", "CWE-178"],
)
async def misspelled_algorithm_is_refused(target: Target) -> None:
    """A well-signed token whose alg is hs256, Rs256 or the right name with a space is refused.

    Where one part compares names as they stand and another folds them, a list of what is allowed, or of what is not,
    is passed by a spelling that it does not know.

    Remedy: compare alg with the one expected name, byte for byte.
    """
    await target.need_algorithm_read()
    await target.expect_forgeries_refused()


@check(
    "token.alg.hash-switch",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.1", "RFC8725bis-3.1", "CWE-327"],
)
async def key_serves_one_algorithm(target: Target) -> None:
    """A token signed with the right key by another algorithm is refused.

    A key that serves several algorithms is as strong as the weakest of them, and the token chooses.

    Remedy: give the verifier the one algorithm of the key, not a family such as HS* or RS*.
    """
    await target.expect_forgeries_refused()


@check(
    "token.crit.malformed",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7515-4.1.11", "CWE-347"],
)
async def malformed_crit_is_refused(target: Target) -> None:
    """A well-signed token whose crit is no list of names, or names what is absent, is refused.

    A verifier that skips a crit that it cannot read skips what the sender called critical.

    Remedy: refuse every token that has crit, unless each name in it is one that the code handles.
    """
    await target.expect_forgeries_refused()


@check(
    "token.header.dup",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC7515-4", "RFC8259-4", "CWE-436"],
)
async def first_of_two_algorithms_does_not_win(target: Target) -> None:
    """Of an alg that stands twice in the header the first never counts, and none counts in neither place.

    A gateway that reads the one and a service that reads the other are two verifiers, of which the attacker picks.

    Remedy: refuse headers with repeated members.
    """
    await target.need_algorithm_read()
    await target.expect_forgeries_refused()


@check(
    "token.header.encoding",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.7", "RFC7519-7.2", "CWE-20"],
)
async def header_in_another_encoding_is_refused(target: Target) -> None:
    """A well-signed token whose header is UTF-16 or UTF-32 is refused.

    A filter in front that reads UTF-8 sees no alg and no kid where a parser that guesses encodings finds them.

    Remedy: decode the header as strict UTF-8 before parsing it.
    """
    await target.expect_forgeries_refused()


@check(
    "token.cty.nested",
    needs=[Capability.JWT, Capability.MINTING],
    sources=["RFC8725-3.3", "RFC8725bis-3.3", "CWE-347"],
)
async def inner_token_is_verified_too(target: Target) -> None:
    """A well-signed token around one that nobody signed is refused.

    Whoever unwraps the inner token and trusts it for the outer signature lets any service that signs texts sign claims.

    Remedy: verify every layer, each with its own rules, or refuse cty.
    """
    await target.expect_forgeries_refused()
