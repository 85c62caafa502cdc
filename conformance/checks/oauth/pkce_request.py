"""Challenges as they come: methods and forms that nobody defined, and what the metadata says of them."""

from conformance.attacks.pkce import BAD_CHALLENGES, UNKNOWN_METHODS
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.oauth_messages import new_verifier, s256

CODE = [Capability.AUTHORIZE]


@check("oauth.pkce.unknown-method", needs=CODE, sources=["RFC7636-4.4.1", "OAUTH21-4.1.2.1", "CWE-757"])
async def unknown_method_is_refused(target: Target) -> None:
    """A challenge with a method that nobody defined leads to no token.

    Taken for `plain`, or for no challenge at all, it lets an attacker who alters the request switch the protection
    off.

    Remedy: refuse every `code_challenge_method` but S256 with `invalid_request`.
    """
    target.need_pkce()
    alice, client = await target.own_login("alice"), target.client()
    for method in UNKNOWN_METHODS:
        verifier = new_verifier()
        changes = {"code_challenge": s256(verifier), "code_challenge_method": method}
        if await target.expect_unsatisfiable(alice, client, f"the method {method}", verifier, **changes):
            target.advise("an unknown method is refused with the request", f"{method} gave a code that nothing redeems")
    await target.granted(alice, client)


@check("oauth.pkce.challenge-grammar", needs=CODE, sources=["RFC7636-4.6", "CWE-20"])
async def malformed_challenge_fits_nothing(target: Target) -> None:
    """A challenge that is cut, spelled in another case or made of other letters is refused, or nothing fits it.

    A comparison that forgives is one that an attacker may satisfy with less than the verifier.

    Remedy: compare the transformed verifier with the challenge as a whole, byte for byte.
    """
    target.need_pkce()
    alice, client = await target.own_login("alice"), target.client()
    for what, spoil in BAD_CHALLENGES.items():
        verifier = new_verifier()
        challenge = spoil(s256(verifier))
        await target.expect_unsatisfiable(alice, client, f"a challenge {what}", verifier, code_challenge=challenge)
    await target.granted(alice, client)


@check(
    "oauth.pkce.metadata",
    needs=[*CODE, Capability.METADATA],
    sources=["RFC9700-2.1.1-metadata", "CWE-757"],
)
async def metadata_tells_of_pkce(target: Target) -> None:
    """The metadata lists S256 among the challenge methods, and `plain` only where it is meant to work.

    Careful clients use PKCE where it is announced; where it is not, many leave it out.

    Remedy: publish `code_challenge_methods_supported: ["S256"]`.
    """
    told = target.authorization.metadata.get("code_challenge_methods_supported")
    if not isinstance(told, list) or "S256" not in told:
        said = f"it says {told!r}" if told is not None else "it says nothing"
        target.violation("code_challenge_methods_supported lists S256", said, target.metadata_evidence())
