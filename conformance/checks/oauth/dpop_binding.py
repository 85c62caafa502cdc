"""Tokens bound to a key (DPoP): what they are worth without it, and the nonces of proofs."""

from conformance.attacks.dpop_proofs import NO_PROOF, OTHER_KEY, of_token
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

DPOP = [Capability.AUTHORIZE, Capability.DPOP]


@check(
    "oauth.dpop.token-type", needs=DPOP, sources=["RFC9449-5", "CWE-757"], logins=1, requests=8,
)  # fmt: skip
async def bound_tokens_say_so(target: Target) -> None:
    """A token that is bound to a key comes with `token_type` `DPoP`.

    A client that is told Bearer sends the token without a proof, is refused, and may fall back to asking for one that
    is not bound.

    Remedy: answer with `token_type` `DPoP` whenever the token is bound to the key of the request's proof.
    """
    await target.expect_type_told(await target.own_login("alice"))


@check(
    "oauth.dpop.ath", needs=DPOP, sources=["RFC9449-4.3-12", "CWE-345"], logins=1, requests=16,
)  # fmt: skip
async def proofs_are_for_their_token(target: Target) -> None:
    """A proof that was made for another access token is refused.

    A client that holds several tokens sends proofs of one key for all of them. Whoever catches a proof for one must not
    use it with another.

    Remedy: compare `ath` with the SHA-256 hash of the token of the request.
    """
    alice = await target.own_login("alice")
    bound = await target.bound_at_api(alice)
    other = (await target.bound(alice)).tokens["access"]
    await target.expect_all_refused([target.proving(bound, of_token(other, "another token"))])


@check(
    "oauth.dpop.key-binding", needs=DPOP, sources=["RFC9449-4.3-12", "RFC9449-6", "CWE-345"], logins=1, requests=12,
)  # fmt: skip
async def tokens_open_with_their_key(target: Target) -> None:
    """A bound token with a proof by another key is refused, however sound the proof is in itself.

    This is what binding is for: a thief has the token and makes a key of his own.

    Remedy: compare the thumbprint of the proof's key with `cnf.jkt` of the token, or of its introspection.
    """
    bound = await target.bound_at_api(await target.own_login("alice"))
    await target.expect_all_refused([target.proving(bound, OTHER_KEY)])


@check(
    "oauth.dpop.no-proof", needs=DPOP, sources=["RFC9449-7.1", "CWE-294"], logins=1, requests=12,
)  # fmt: skip
async def bound_token_without_proof_is_refused(target: Target) -> None:
    """A bound token that comes by the DPoP scheme without any proof is refused.

    Otherwise the binding holds only for those who submit to it.

    Remedy: demand the DPoP field wherever the scheme is DPoP.
    """
    bound = await target.bound_at_api(await target.own_login("alice"))
    await target.expect_all_refused([target.proving(bound, NO_PROOF)])


@check(
    "oauth.dpop.bearer-downgrade", needs=DPOP, sources=["RFC9449-7.2", "CWE-757"], logins=1, requests=12,
)  # fmt: skip
async def bound_token_is_no_bearer_token(target: Target) -> None:
    """A bound token that comes by the Bearer scheme is refused, where the API takes both kinds.

    A thief does not choose the scheme that asks for a proof.

    Remedy: refuse a token with `cnf.jkt` wherever it comes by another scheme than DPoP.
    """
    bound = await target.bound_at_api(await target.own_login("alice"))
    await target.expect_all_refused([target.as_bearer(bound)])


@check(
    "bearer.sender-constrained", needs=DPOP,
    sources=["RFC9700-2.2.1", "RFC9700-4.10", "RFC9449-7.1", "CWE-294"], logins=1, requests=20,
)  # fmt: skip
async def stolen_token_opens_nothing(target: Target) -> None:
    """A bound token that was stolen without its key opens no protected route.

    Tokens leak with logs, with crash reports and through servers that were sent them. Bound to a key, they are of no
    use to who finds them, unless one route forgot to ask.

    Remedy: check the binding where tokens are read, once for all routes.
    """
    bound = await target.bound_at_api(await target.own_login("alice"))
    for thief in target.thieves(bound):
        await target.expect_refused(thief, everywhere=True)


@check(
    "oauth.dpop.cross-endpoint", needs=DPOP, sources=["RFC9449-4.3-9", "RFC9700-4.9.3", "CWE-294"],
    logins=1, requests=16,
)  # fmt: skip
async def proofs_stay_at_their_endpoint(target: Target) -> None:
    """A proof that was made for the token endpoint, or for another route of the API, opens nothing here.

    Servers pass requests on and write logs. A proof that one of them saw must not work at the next.

    Remedy: compare the whole address with `htu`, not only the host or the beginning of the path.
    """
    await target.expect_bound_to_its_endpoint(await target.own_login("alice"))


@check(
    "oauth.dpop.refresh-binding", needs=[*DPOP, Capability.PUBLIC_CLIENT, Capability.REFRESH],
    sources=["RFC9449-5", "RFC9700-2.2.2", "CWE-345"], logins=1, requests=18,
)  # fmt: skip
async def refresh_tokens_of_public_clients_are_bound(target: Target) -> None:
    """The refresh token of a public client works with the key of its first proof, and with no other.

    A public client has no secret. If its refresh token is not bound, whoever steals that asks for access tokens that
    are bound to a key of his own.

    Remedy: keep the key's thumbprint with the refresh token, and compare it whenever the token is used.
    """
    alice = await target.own_login("alice")
    bound = await target.bound(alice, target.client("public"))
    await target.expect_refresh_needs_key(bound, alice)


@check(
    "oauth.dpop.code-binding", needs=DPOP, sources=["RFC9449-10", "CWE-345"], logins=1, requests=24,
)  # fmt: skip
async def codes_are_bound_to_the_key(target: Target) -> None:
    """A code whose request named a key (`dpop_jkt`) is redeemed with that key alone.

    It binds the flow from its first step: a code that was stolen, verifier and all, is of no use without the key.

    Remedy: keep `dpop_jkt` with the code, and compare it with the thumbprint of the proof at redemption.
    """
    await target.expect_code_needs_key(await target.own_login("alice"))


@check(
    "oauth.dpop.nonce-required", needs=DPOP, sources=["RFC9449-4.3-10", "RFC9449-8", "RFC9449-11.3", "CWE-294"],
    logins=1, requests=14,
)  # fmt: skip
async def nonces_are_compared(target: Target) -> None:
    """Where the server gives nonces for proofs, one with another nonce is refused; where it demands them, one without.

    A nonce shows that the proof was made after the server spoke. Whoever could sign ahead, through a script in the
    client, is stopped by nothing else.

    Remedy: demand the nonce in every proof, and accept only those that the server gave a short while ago.
    """
    alice = await target.own_login("alice")
    bound = await target.bound(alice)
    asked = await target.nonces_asked(alice, bound)
    for place in asked:
        await target.expect_nonce_heeded(alice, bound, place)
    target.advise_demand(asked)


@check(
    "oauth.dpop.nonce-random", needs=DPOP, sources=["RFC9449-8", "CWE-330"], logins=1, requests=14,
)  # fmt: skip
async def nonces_cannot_be_foreseen(target: Target) -> None:
    """The nonces that the server gives for proofs are neither a time nor a count, and each answer has one.

    Whoever foresees the nonce signs proofs ahead, and the nonce is worth nothing.

    Remedy: make nonces of random bits, or seal the time in them with a secret of the server.
    """
    alice = await target.own_login("alice")
    bound = await target.bound(alice)
    for place in await target.nonces_asked(alice, bound):
        target.expect_unforeseeable(await target.nonces_given(alice, bound, place))
