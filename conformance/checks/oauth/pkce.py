"""Proof Key for Code Exchange: a stolen code is worth nothing without the verifier behind its challenge."""

from conformance.attacks.edits import TextEdit, text_edits
from conformance.attacks.pkce import BAD_GRAMMAR
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target
from conformance.target.oauth_messages import new_verifier, s256

CODE = [Capability.AUTHORIZE]


@check(
    "oauth.pkce.supported",
    needs=CODE,
    sources=[
        "RFC9700-2.1.1",
        "OAUTH21-4.1.1",
        "RFC7636-4.2",
        "ASVS-v5.0.0-10.4.6",
        "RFC9700-2.1.1-detectable",
        "RFC9700-2.1.1-metadata",
    ],
)
async def pkce_with_s256_is_supported(target: Target) -> None:
    """A challenge is understood: with it, a code is redeemed with its verifier and not with another.

    A server that ignores the challenge gives clients the belief of being protected against stolen codes, and
    nothing else.

    Remedy: switch PKCE on; every maintained server has it.
    """
    alice = await target.own_login("alice")
    await target.expect_accepted(await target.granted(alice))
    answer = await target.redeem(await target.code(alice), code_verifier=new_verifier())
    target.demand_refusal(answer, "the server checks the code verifier of a challenge")


@check(
    "oauth.pkce.required-public",
    needs=[*CODE, Capability.PUBLIC_CLIENT],
    sources=[
        "ASVS-v5.0.0-10.4.6",
        "OAUTH21-4.1.1",
        "OAUTH21-4.1.2.1",
        "RFC9700-2.1.1-public",
        "CSS-oauth2",
        "RFC8252-8.1",
        "CWE-345",
    ],
)
async def public_client_must_use_pkce(target: Target) -> None:
    """A public client's request without a challenge leads to no token.

    A public client has nothing else that proves, at redemption, that it is the one that asked.

    Remedy: refuse authorization requests of public clients without `code_challenge`.
    """
    alice, client = await target.own_login("alice"), target.client("public")
    await target.expect_pkce_demanded(alice, client)


@check(
    "oauth.pkce.required-confidential",
    needs=[*CODE, Capability.CONFIDENTIAL_CLIENT],
    sources=["ASVS-v5.0.0-10.4.6", "RFC9700-2.1.1-confidential", "CWE-345"],
)
async def confidential_client_must_use_pkce(target: Target) -> None:
    """A confidential client's request without a challenge leads to no token.

    Its secret does not help when an attacker slips a stolen code into the client's own redirect.

    Remedy: require PKCE of every client.
    """
    alice, client = await target.own_login("alice"), target.client("confidential")
    await target.expect_pkce_demanded(alice, client)


@check(
    "oauth.pkce.wrong-verifier",
    needs=CODE,
    sources=["RFC7636-4.6", "RFC9700-2.1.1", "ASVS-v5.0.0-10.4.6", "CWE-345"],
)
async def wrong_verifier_is_refused(target: Target) -> None:
    """A code is not redeemed with another code verifier.

    The verifier proves that who redeems the code is who asked for it. Without the comparison a stolen code is
    enough.

    Remedy: hash the verifier and compare it with the stored challenge, before the code is looked at any further.
    """
    code = await target.code(await target.own_login("alice"))
    answer = await target.redeem(code, code_verifier=new_verifier())
    await target.expect_no_token(answer, "a wrong code verifier gives no token", code)


@check(
    "oauth.pkce.verifier-mutation",
    needs=CODE,
    sources=["RFC7636-4.6", "RFC9700-2.1.1", "CWE-697"],
    requests=4,
)
@given(examples=24, edit=text_edits)
async def altered_verifier_is_refused(target: Target, edit: TextEdit) -> None:
    """A verifier that differs from the right one in any way is refused.

    A lenient comparison makes the verifier guessable, a few characters at a time.

    Remedy: compare the whole transformed verifier, in constant time, with the stored challenge.
    """
    code = await target.fresh_code()
    altered = target.edited(edit, code.verifier)
    if altered is not None:
        await target.expect_altered_code_refused(await target.redeem(code, code_verifier=altered), code)


@check(
    "oauth.pkce.missing-verifier",
    needs=CODE,
    sources=["RFC9700-2.1.1", "RFC7636-4.6", "OAUTH21-4.1.3", "ASVS-v5.0.0-10.4.6", "CWE-345"],
)
async def missing_verifier_is_refused(target: Target) -> None:
    """A code with a challenge is not redeemed without a verifier.

    Leaving the parameter out is the first thing that a thief of a code tries. It turns the protection off if only
    what is present is compared.

    Remedy: where a challenge is stored with the code, demand the verifier.
    """
    code = await target.code(await target.own_login("alice"))
    answer = await target.redeem(code, code_verifier=None)
    await target.expect_no_token(answer, "a code with a challenge gives no token without its verifier", code)


@check(
    "oauth.pkce.empty-verifier",
    needs=CODE,
    sources=["RFC6749-3.2", "RFC7636-4.6", "CWE-20"],
)
async def empty_verifier_is_refused(target: Target) -> None:
    """An empty code verifier counts as none, and a repeated one is refused.

    If emptiness passes, a thief of a code needs no verifier; if the last of two counts, a proxy and the server can
    be played against each other.

    Remedy: treat empty parameters as absent, and refuse requests that repeat one.
    """
    code = await target.code(await target.own_login("alice"))
    answer = await target.redeem(code, code_verifier="")
    target.demand_refusal(answer, "an empty code verifier gives no token")
    answer = await target.redeem(code, code_verifier=[new_verifier(), new_verifier()])
    await target.expect_no_token(answer, "two wrong code verifiers give no token", code)


@check(
    "oauth.pkce.downgrade",
    needs=CODE,
    sources=["RFC9700-4.8.2", "RFC9700-2.1.1", "OAUTH21-4.1.3", "RFC7636-4.4.1", "CWE-757"],
)
async def verifier_without_a_challenge_is_refused(target: Target) -> None:
    """A verifier for a code that was asked for without a challenge is refused.

    An attacker takes the challenge out of the request of a victim's client; the client still sends its verifier,
    and a server that overlooks it has given PKCE up without a word.

    Remedy: refuse a `code_verifier` where no `code_challenge` came with the authorization request.
    """
    alice = await target.own_login("alice")
    client = target.client_without_pkce()
    response = await target.authorize(alice, client, code_challenge=None, code_challenge_method=None)
    if not response.code:
        target.demand_no_code(response, "no code without a challenge")
        await target.granted(alice, client)
        target.note = "no code comes out without a challenge, so there is nothing to downgrade"
        return
    code = target.code_of(response, alice)
    answer = await target.redeem(code, code_verifier=code.verifier)
    await target.expect_no_token(answer, "a verifier without a challenge gives no token")
    await target.granted(alice, client)


@check(
    "oauth.pkce.s256-not-plain",
    needs=CODE,
    sources=["RFC7636-4.6", "RFC9700-2.1.1", "CWE-757"],
)
async def challenge_is_no_verifier(target: Target) -> None:
    """The S256 challenge itself, which stands in the front channel, is no verifier.

    The challenge travels with the authorization request, where whoever took the code has seen it, too.

    Remedy: remember the method with the challenge, and never try the other one.
    """
    code = await target.code(await target.own_login("alice"))
    answer = await target.redeem(code, code_verifier=s256(code.verifier))
    await target.expect_no_token(answer, "the challenge of S256 gives no token as verifier", code)


@check(
    "oauth.pkce.plain-off",
    needs=CODE,
    sources=["ASVS-v5.0.0-10.4.6", "OAUTH21-7.5.2", "RFC9700-2.1.1-s256", "RFC7636-7.2", "CWE-757"],
)
async def method_plain_is_refused(target: Target) -> None:
    """The challenge method `plain`, which shows the verifier to whoever sees the request, leads to no token.

    No method means plain, too.

    Remedy: accept S256 alone.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    for method in ("plain", None):
        await target.expect_plain_refused(alice, client, method)
    await target.granted(alice, client)


@check(
    "oauth.pkce.verifier-grammar",
    needs=CODE,
    sources=["RFC7636-4.1", "CWE-331"],
)
async def malformed_verifier_is_refused(target: Target) -> None:
    """A verifier of 42 or 129 characters, or with characters outside the grammar, is refused though it fits.

    Short verifiers can be guessed from the challenge, and a server that takes them trusts every client to do well.

    Remedy: check the verifier against its grammar, 43 to 128 unreserved characters, before hashing it.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    for what, verifier in BAD_GRAMMAR.items():
        code = await target.code(alice, client, code_challenge=s256(verifier))
        target.demand_refusal(await target.redeem(code, code_verifier=verifier), f"a verifier {what} gives no token")
    await target.granted(alice, client)


@check(
    "oauth.pkce.cross-flow",
    needs=CODE,
    sources=["RFC9700-2.1.1-transaction", "RFC7636-4.6", "RFC9700-4.5.3", "OAUTH21-7.5.1", "CWE-345"],
)
async def verifier_of_another_flow_is_refused(target: Target) -> None:
    """The verifier of one flow does not redeem the code of another, of the same client and user.

    An attacker's own code, slipped into a victim's flow, must not fit the victim's verifier.

    Remedy: store the challenge with its code, not with the client or the browser's session.
    """
    alice = await target.own_login("alice")
    first, second = await target.code(alice), await target.code(alice)
    for code, other in ((first, second), (second, first)):
        answer = await target.redeem(code, code_verifier=other.verifier)
        target.demand_refusal(answer, "the verifier of another flow gives no token")
    await target.granted(alice)
