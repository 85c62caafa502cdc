"""Tokens bound to a key (DPoP): which proofs of the key are refused."""

from conformance.attacks.dpop_proofs import (
    ALGORITHMS,
    METHODS,
    PRIVATE_KEYS,
    SIGNATURES,
    TIMES,
    TWO_HEADERS,
    TYPES,
    URLS,
    lacking,
)
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

DPOP = [Capability.AUTHORIZE, Capability.DPOP]


@check(
    "oauth.dpop.typ", needs=DPOP, sources=["RFC9449-4.3-4", "RFC9449-11.5", "RFC8725-3.11", "CWE-843"],
    logins=1, requests=42,
)  # fmt: skip
async def proofs_say_their_type(target: Target) -> None:
    """A proof that does not say `dpop+jwt` is refused, at the token endpoint and at the API.

    A client may sign other tokens with the same key, for another use. Whoever gets hold of one could present it as a
    proof where nobody looks at the type.

    Remedy: compare the header's `typ` with `dpop+jwt` before anything else of the proof is read.
    """
    await target.expect_refused_in_both_places(await target.own_login("alice"), TYPES)


@check(
    "oauth.dpop.alg", needs=DPOP, sources=["RFC9449-4.3-5", "RFC9449-4.3-6", "RFC8725-3.1", "CWE-347"],
    logins=1, requests=50,
)  # fmt: skip
async def proofs_are_signed_asymmetrically(target: Target) -> None:
    """A proof without a signature, or with one that needs no private key, is refused.

    With `none`, or with an HMAC whose secret stands in the proof or is the public key, anyone who stole a token makes
    a proof that shows the victim's key.

    Remedy: accept a fixed list of asymmetric algorithms, and let the key's type decide which of them fits.
    """
    await target.expect_refused_in_both_places(await target.own_login("alice"), ALGORITHMS)


@check(
    "oauth.dpop.signature", needs=DPOP, sources=["RFC9449-4.3-6", "CWE-347"], logins=1, requests=58,
)  # fmt: skip
async def proofs_verify_with_their_key(target: Target) -> None:
    """A proof whose signature is not that of the key which it shows is refused.

    The public key is in every proof that was ever sent. If the signature is not checked with it, showing the key is
    all that a thief needs.

    Remedy: verify the signature with the key of the header's `jwk`, and refuse what does not verify.
    """
    await target.expect_refused_in_both_places(await target.own_login("alice"), SIGNATURES)


@check(
    "oauth.dpop.private-jwk", needs=DPOP, sources=["RFC9449-4.3-7", "CWE-312"], logins=1, requests=28,
)  # fmt: skip
async def private_keys_are_not_taken(target: Target) -> None:
    """A proof that shows a private key is refused.

    A client that sends its private key around has lost it: every proxy and log on the way can make its proofs. Only
    the server can tell it so.

    Remedy: refuse a `jwk` that has a private member such as `d`.
    """
    await target.expect_refused_in_both_places(await target.own_login("alice"), PRIVATE_KEYS)


@check(
    "oauth.dpop.required-claims", needs=DPOP, sources=["RFC9449-4.3", "RFC9449-4.3-3", "CWE-345"],
    logins=1, requests=52,
)  # fmt: skip
async def proofs_are_complete(target: Target) -> None:
    """A proof that lacks `jti`, `htm`, `htu` or `iat`, or at the API `ath`, is refused.

    Each claim ties the proof to something: one use, a method, an address, a moment, a token. What is missing is not
    checked, and a proof that was caught once is good for more.

    Remedy: demand all of them before any is compared.
    """
    alice = await target.own_login("alice")
    await target.expect_no_token_by(alice, lacking("jti", "htm", "htu", "iat"))
    await target.expect_no_access_by(alice, lacking("jti", "htm", "htu", "iat", "ath"))


@check(
    "oauth.dpop.htm", needs=DPOP, sources=["RFC9449-4.3-8", "CWE-345"], logins=1, requests=28,
)  # fmt: skip
async def proofs_are_for_their_method(target: Target) -> None:
    """A proof that was made for another method is refused.

    Whoever catches the proof of a harmless read could use it to write or to delete.

    Remedy: compare `htm` with the method of the request.
    """
    await target.expect_refused_in_both_places(await target.own_login("alice"), METHODS)


@check(
    "oauth.dpop.htu", needs=DPOP, sources=["RFC9449-4.3-9", "CWE-345"], logins=1, requests=38,
)  # fmt: skip
async def proofs_are_for_their_address(target: Target) -> None:
    """A proof that was made for another address is refused; the query of a request does not count.

    A server that a client trusts less, or one that an attacker runs, is sent proofs, too. They must be worth nothing
    here.

    Remedy: compare `htu` with the address of the request as clients know it, query and fragment left out, both in
    normal form.
    """
    alice = await target.own_login("alice")
    await target.expect_refused_in_both_places(alice, URLS)
    bound = await target.bound_at_api(alice)
    await target.expect_query_left_out(bound)
    await target.advise_normal_form(bound)


@check(
    "oauth.dpop.iat-window", needs=DPOP, sources=["RFC9449-4.3-11", "RFC9449-11.1", "CWE-294"], logins=1, requests=36,
)  # fmt: skip
async def proofs_are_fresh(target: Target) -> None:
    """A proof from yesterday or from tomorrow is refused.

    A proof that leaked with a log or a crash report must be worth nothing by the time that somebody reads it, and
    whoever could sign for a moment must not be able to sign ahead.

    Remedy: accept proofs for some seconds or minutes around the server's own time, or give nonces that hold the time.
    """
    await target.expect_old_and_early_refused(await target.own_login("alice"), TIMES)


@check(
    "oauth.dpop.one-header", needs=DPOP, sources=["RFC9449-4.3-1", "RFC9449-4.3-2", "CWE-235"], logins=1, requests=34,
)  # fmt: skip
async def two_proofs_are_refused(target: Target) -> None:
    """A request with two DPoP fields is refused, also where the first of them is sound.

    A gateway that checks one and a server that binds the token to the other can be told two different stories.

    Remedy: count the fields before one is read.
    """
    await target.expect_refused_in_both_places(await target.own_login("alice"), TWO_HEADERS)


@check(
    "oauth.dpop.jti-replay", needs=DPOP, sources=["RFC9449-11.1-once", "CWE-294"], logins=1, requests=26,
)  # fmt: skip
async def proofs_are_good_once(target: Target) -> None:
    """A proof that was used is refused when it comes again.

    Within its short window a proof that was caught, together with the token, repeats what its client did. Servers may
    leave it at the window.

    Remedy: remember the `jti` of each proof, per address, for as long as the proof would be accepted.
    """
    alice = await target.own_login("alice")
    bound = await target.bound_at_api(alice)
    await target.expect_all_refused([target.proving(bound, await target.proof_caught(bound))])
    await target.expect_once_at_token_endpoint(alice)


@check(
    "oauth.race.dpop-jti", needs=DPOP, sources=["RFC9449-11.1-once", "CWE-367"], logins=1, requests=60,
)  # fmt: skip
async def proof_is_good_once_in_a_race(target: Target) -> None:
    """Of many requests with one proof that arrive together, one is served at the most.

    Between looking a proof up and noting it lies a gap, and whoever caught the proof uses it.

    Remedy: note the `jti` with one conditional insert, and serve only when it made a row.
    """
    bound = await target.bound_at_api(await target.own_login("alice"))
    await target.expect_once_in_a_race(bound)
    await target.expect_accepted(bound)
    target.note = f"one success at the most in {target.ROUNDS} rounds of {target.AT_ONCE} requests each"


@check(
    "oauth.dpop.error-form", needs=DPOP, sources=["RFC9449-5-error", "RFC9449-7.1-challenge"], logins=1, requests=22,
)  # fmt: skip
async def refusals_name_the_proof(target: Target) -> None:
    """A bad proof is answered with `invalid_dpop_proof`, and at the API with 401 and a challenge for DPoP.

    A client that is told something else takes its code or its token for dead, and throws it away.

    Remedy: answer with the error of RFC 9449 section 5, and challenge with `DPoP` and `algs` (section 7.1).
    """
    await target.expect_proof_named_in_errors(await target.own_login("alice"), METHODS[0])
