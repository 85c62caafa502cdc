"""What tokens, and the answers about them, tell whoever reads them."""

from conformance.attacks.patterns import internals
from conformance.model import Capability
from conformance.registry import check
from conformance.target.answer_rules import storable_token
from conformance.target.facade import Target

PROFILE = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")
"""RFC 9068 section 2.2."""


@check(
    "token.secrecy.credential",
    needs=[Capability.JWT],
    sources=["PICKPROOF-T7", "ASVS-v5.0.0-14.1.1", "CWE-522", "CWE-312"],
)
async def token_carries_no_secret(target: Target) -> None:
    """No layer of any credential holds a password, the hash of one, a key or another token.

    A token is read by every script, proxy and log that it passes. A password hash in it is cracked offline; a key in
    it opens another door. A user name as subject is no finding.

    Remedy: put identifiers into tokens, never material; build claims from a list of names instead of a whole record.
    """
    alice = await target.shared_login("alice")
    leaks = target.secrets_in(alice)
    if leaks:
        target.violation("no secret in any credential", f"found {'; '.join(leaks)}", alice.history)


@check(
    "token.secrecy.internal",
    needs=[Capability.JWT],
    sources=["PICKPROOF-T7", "CWE-200"],
)
async def token_tells_nothing_of_the_inside(target: Target) -> None:
    """No claim tells a private address, a host of the inner network, a path of the server or a query.

    Whoever reads the token, and every user reads their own, learns where to go next from a first foothold.

    Remedy: build claims from a list of names; what services need to know of each other they look up.
    """
    alice = await target.shared_login("alice")
    _, token = target.jwt(alice)
    told = internals({name: value for name, value in token.claims.items() if name not in target.policy.claims_allowed})
    if told:
        target.violation("no word of the inside in the claims", f"they tell {', '.join(told)}", alice.history)


@check(
    "token.claims.profile",
    needs=[Capability.JWT],
    sources=["RFC9068-2.2"],
)
async def access_token_keeps_its_profile(target: Target) -> None:
    """A token that says at+jwt has every claim that this type promises.

    Resource servers that know the type rely on it: without aud or client_id each decides by itself what absence means.

    Remedy: put iss, exp, aud, sub, client_id, iat and jti into every access token of this type.
    """
    alice = await target.shared_login("alice")
    _, token = target.jwt(alice)
    typ = str(token.header.get("typ")).lower().removeprefix("application/")
    if typ != "at+jwt":
        target.not_applicable(f"the token's typ is {token.header.get('typ')!r}, and only at+jwt promises claims")
    missing = [name for name in PROFILE if token.claims.get(name) in (None, "")]
    if missing:
        target.violation(f"the claims {', '.join(PROFILE)}", f"{', '.join(missing)} missing", alice.history)


@check(
    "token.secrecy.nested",
    needs=[Capability.JWT],
    sources=["PICKPROOF-T7", "ASVS-v5.0.0-14.2.6", "CWE-312"],
)
async def encoding_hides_nothing(target: Target) -> None:
    """No claim or header holds personal data or secrets that appear when it is decoded once more.

    Base64 in a claim, JSON in that, gzip round it: encodings are peeled off, four deep.

    Remedy: leave the data out of the token; encoding is no encryption.
    """
    alice = await target.shared_login("alice")
    _, token = target.jwt(alice)
    leaks = target.nested_data_in(token, alice)
    if leaks:
        target.violation("nothing beneath the claims", f"found {'; '.join(leaks)}", alice.history)


@check(
    "token.secrecy.seeded",
    needs=[Capability.REGISTER],
    sources=["PICKPROOF-T7", "ASVS-v5.0.0-14.2.6", "CWE-312"],
)
async def registered_data_stays_out_of_tokens(target: Target) -> None:
    """What a user enters at registration is not found again in the user's tokens.

    The kit registers an account whose e-mail address and other fields stand nowhere else, and looks for them in all
    tokens and cookies of its login, plain, encoded and hashed. No pattern has to guess what an address looks like.

    Remedy: keep an opaque subject in the token and look the rest up; where a claim is meant to be there, name it in
    policy.claims_allowed.
    """
    target.need_token()
    newcomer = await target.newcomer()
    leaks = target.canaries_in(newcomer)
    if leaks:
        target.violation("nothing of the registration in any credential", f"found {'; '.join(leaks)}")
    target.note = f"looked for {', '.join(target.canaries(newcomer)) or 'nothing: the account has no such field'}"


@check(
    "token.secrecy.error-echo",
    sources=["ASVS-v5.0.0-16.5.1", "CWE-209"],
)
async def refusal_repeats_no_token(target: Target) -> None:
    """The refusal of a token repeats neither the token nor a part of it.

    Error texts travel further than requests: into logs, tickets and screens of support. A token that was refused here
    may be good elsewhere, or a moment later.

    Remedy: answer every refusal with the same words; name a reason by a code, never by what was sent.
    """
    for party in await target.refused_credentials():
        parts, exchange = await target.echoed(party)
        if parts:
            target.violation("a refusal without the token", f"it repeats {' and '.join(parts)}", [exchange])


@check(
    "token.secrecy.cache",
    sources=["RFC6749-5.1", "ASVS-v5.0.0-14.3.2", "CWE-525"],
)
async def answers_with_tokens_are_not_stored(target: Target) -> None:
    """An answer that holds a token says Cache-Control: no-store.

    A cache on the way, or on the disk of a shared computer, keeps the token for whoever looks next.

    Remedy: send Cache-Control: no-store with every answer of the token endpoint.
    """
    target.need_token()
    answers = target.answers_with_tokens(await target.shared_login("alice"))
    target.expect_sound((e, flaw) for e in answers if (flaw := storable_token(e)))
