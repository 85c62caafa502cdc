"""The keys behind tokens: what is published of them, and what can be guessed."""

from conformance.attacks.account_data import mask
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.key.jwks-private",
    needs=[Capability.PUBLIC_KEY],
    sources=["RFC7517-9.2", "CWE-321"],
)
async def key_set_holds_public_keys_alone(target: Target) -> None:
    """The published key set holds no private or shared key.

    Whoever reads it signs tokens for everybody. The set is public, so that nothing in any log tells who did.

    Remedy: publish kty, kid, n and e, or crv, x and y, picked by name; never serialise the key object that signs.
    Replace the key: it has been read.
    """
    grave, light, shown = target.published_flaws()
    if grave:
        target.violation("public keys alone", "; ".join(grave), shown)
    if light:
        target.advise("a sound key set", "; ".join(light), shown)


@check(
    "token.secret.dictionary",
    needs=[Capability.JWT],
    sources=["RFC8725-3.5", "RFC7515-10.1", "RFC7518-8.8", "RFC7518-3.2", "CWE-1391", "CWE-521"],
)
async def secret_stands_in_no_list(target: Target) -> None:
    """The secret that signs tokens is no published default, no documentation example and no word about the target.

    One token is enough to try secrets offline, hundreds of thousands a second, unseen. Published defaults, words made
    of issuer, host and product, and the user's own list (keys.wordlist) are tried as text, as base64 and as
    hexadecimal; nothing is sent.

    Remedy: draw 32 bytes or more from the system's secure random generator, and keep them in the secret store; a
    password or a phrase is no key. Replace the secret: tokens can be forged with it.
    """
    alice = await target.shared_login("alice")
    _, token = target.jwt(alice)
    secret = await target.guessed_secret(token)
    if secret is not None:
        actual = f"it is {mask(secret.decode('latin-1'))}" if secret else "it is empty"
        target.violation("a secret that no dictionary holds", f"{actual}, found in a list", alice.history)


@check(
    "token.secret.rsa-size",
    needs=[Capability.JWT],
    sources=["RFC7518-3.3", "CWE-326"],
)
async def rsa_key_is_long_enough(target: Target) -> None:
    """An RSA key that signs tokens has 2048 bits or more.

    Shorter keys have been factored. Whoever does it once signs tokens for everybody.

    Remedy: sign with a key of 2048 bits at least, or with ES256.
    """
    alice = await target.shared_login("alice")
    _, token = target.jwt(alice)
    bits = target.rsa_bits(token)
    if bits < 2048:
        target.violation("an RSA key of 2048 bits or more", f"one of {bits} bits", alice.history)
    target.note = f"{bits} bits"


@check(
    "token.secret.nonce",
    needs=[Capability.JWT],
    sources=["RFC8725-3.2-ecdsa", "CWE-338"],
    logins=12,
)
async def no_signature_shares_its_nonce(target: Target) -> None:
    """No two ECDSA signatures of different tokens share their first number.

    Each signature needs a secret number of its own. Two with the same one give the private key away by two lines of
    arithmetic, and with it everybody's tokens. Samples refute, they do not prove.

    Remedy: use a library with deterministic nonces (RFC 6979), and a sound random generator. Replace the key: it can
    be computed from tokens.
    """
    repeats, count, shown = await target.repeated_nonces(target.credential)
    if not count:
        target.not_applicable("the target's tokens are not ECDSA-signed")
    if repeats:
        target.violation("every signature has a nonce of its own", f"{repeats} of {count} repeat one", shown)
    target.note = f"no repeat among {count}"


@check(
    "token.jti.unique",
    needs=[Capability.JWT],
    sources=["RFC7519-4.1.7", "CWE-340"],
    logins=12,
    requests=20,
)
async def every_token_has_a_name_of_its_own(target: Target) -> None:
    """No two tokens have the same jti.

    The jti is what a list of ended tokens knows them by: where it repeats, ending one ends others, or none.

    Remedy: draw the jti from the secure random generator for every token.
    """
    found, shown = await target.claims_of_sample(target.credential, "jti")
    if not found:
        target.not_applicable("the target's tokens carry no jti")
    repeats = len(found) - len(set(map(repr, found)))
    if repeats:
        target.violation("every token has a jti of its own", f"{repeats} of {len(found)} are repeats", shown)
    target.note = f"no repeat among {len(found)}"
