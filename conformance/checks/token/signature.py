"""A signed token is believed for its signature alone."""

from conformance.attacks.edits import SignatureEdit, spread_signature_edits
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target


@check(
    "token.alg.none",
    needs=[Capability.JWT],
    sources=[
        "RFC8725-3.1",
        "RFC8725-3.2",
        "ASVS-v5.0.0-9.1.2",
        "RFC8725-2.1",
        "RFC8725-3.2-none",
        "RFC8725bis-3.2",
        "RFC7518-3.6",
        "RFC9068-2.1",
        "WSTG-SESS-10",
        "CSS-rest-security",
        "CWE-347",
    ],
)
async def unsigned_token_is_refused(target: Target) -> None:
    """A token that says it is not signed (alg none) is refused.

    Anyone can write such a token: a verifier that believes it lets every visitor be any user.

    Remedy: give the verifier a fixed list of algorithms; never take the algorithm from the token.
    """
    await target.expect_all_refused(await target.forged("token.alg.none"))


@check(
    "token.payload.tamper",
    needs=[Capability.JWT],
    sources=[
        "ASVS-v5.0.0-9.1.1",
        "RFC8725-3.3",
        "RFC6749-10.3",
        "RFC6750-5.2",
        "RFC7519-11.1",
        "RFC8725bis-3.3",
        "ASVS-v5.0.0-8.3.1",
        "PICKPROOF-T3",
        "CWE-345",
    ],
)
async def changed_claims_are_refused(target: Target) -> None:
    """A token whose claims were changed under its old signature is refused.

    Editing one's own token into an administrator's is the first thing that an attacker tries.

    Remedy: verify the signature over the whole token before reading any claim, and reject the token if that fails.
    """
    await target.expect_all_refused(await target.forged("token.payload.tamper"))


@check(
    "token.sig.bitflip",
    needs=[Capability.JWT],
    sources=["ASVS-v5.0.0-9.1.1", "RFC8725-3.3", "CWE-347"],
    requests=0.2,
)
@given(edit=spread_signature_edits)
async def edited_signature_is_refused(target: Target, edit: SignatureEdit) -> None:
    """A token whose signature was edited in any way is refused.

    A verifier that compares a part of the signature, or gives up quietly on a malformed one, can be forged against.

    Remedy: let a maintained library verify the whole signature, and treat every error of it as a refusal.
    """
    alice = await target.shared_login("alice")
    carrier, genuine = target.jwt(alice)
    edited = edit.apply(genuine)
    if edited is not None:
        await target.expect_refused(alice.holding(edited, carrier, f"an attacker with an edited signature ({edit})"))
