"""An authorization code opens one thing, once, for one client."""

from conformance.attacks.edits import TextEdit, text_edits
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target
from conformance.target.limits import SKEW
from conformance.target.oauth_messages import new_verifier

CODE = [Capability.AUTHORIZE]


@check(
    "oauth.code.single-use",
    needs=CODE,
    sources=[
        "ASVS-v5.0.0-10.4.2",
        "RFC9700-4.2.4",
        "RFC6749-4.1.2",
        "RFC6749-10.5",
        "OAUTH21-4.1.3",
        "WSTG-ATHZ-05",
        "CWE-294",
    ],
)
async def code_works_once(target: Target) -> None:
    """An authorization code is redeemed once; the same proper request a second time gets no token.

    Codes pass through browser history, logs of proxies and referrers. One that works twice gives whoever reads them
    a session of the victim's.

    Remedy: mark the code as spent in the same transaction that issues the tokens, and refuse a spent one.
    """
    alice = await target.own_login("alice")
    code = await target.code(alice)
    await target.expect_accepted(await target.tokens(code))
    await target.expect_no_token(await target.redeem(code), "a spent code gives no token", code)


@check(
    "oauth.code.reuse-revokes-access",
    needs=CODE,
    sources=["ASVS-v5.0.0-10.4.2", "RFC6749-4.1.2-reuse", "RFC9700-4.2.4-reuse", "OAUTH21-4.1.3-reuse", "CWE-613"],
)
async def second_use_of_a_code_ends_the_access_token(target: Target) -> None:
    """When a code is redeemed a second time, the access token of the first redemption ends.

    A second use means that the code was stolen, and nobody knows which of the two was the thief.

    Remedy: keep with each grant which code began it, and end the grant when that code comes again.
    """
    alice = await target.own_login("alice")
    code = await target.code(alice)
    first = await target.tokens(code)
    await target.expect_accepted(first)
    await target.redeem(code)
    await target.expect_ended(first, "the second use of its code", target.declared_stateless)


@check(
    "oauth.code.reuse-revokes-refresh",
    needs=[*CODE, Capability.REFRESH],
    sources=["ASVS-v5.0.0-10.4.2", "RFC6749-4.1.2-reuse", "RFC9700-4.2.4-reuse", "OAUTH21-4.1.3-reuse", "CWE-613"],
)
async def second_use_of_a_code_ends_the_refresh_token(target: Target) -> None:
    """When a code is redeemed a second time, the refresh token of the first redemption ends.

    Otherwise the thief who was first keeps renewing the stolen access for as long as the server allows.

    Remedy: end the whole grant, its refresh tokens included, when its code comes again.
    """
    alice = await target.own_login("alice")
    code = await target.code(alice)
    first = await target.tokens(code)
    await target.redeem(code)
    await target.expect_not_renewed(first, "the refresh token ends with the second use of its code", code)


@check(
    "oauth.code.reuse-revokes-descendants",
    needs=[*CODE, Capability.REFRESH],
    sources=["ASVS-v5.0.0-10.4.2", "RFC6749-4.1.2-reuse", "CWE-613"],
)
async def second_use_of_a_code_ends_what_was_renewed(target: Target) -> None:
    """Tokens that were renewed in the meantime end with the second use of the code that began them.

    A thief refreshes at once; if only the first tokens are remembered, the ones in use live on.

    Remedy: keep the grant's id in every token that descends from it, and check that the grant lives.
    """
    alice = await target.own_login("alice")
    code = await target.code(alice)
    heir = target.holder(alice, await target.renewed(await target.tokens(code)))
    await target.expect_accepted(heir)
    await target.redeem(code)
    await target.expect_ended(heir, "the second use of the code that began the grant", target.declared_stateless)


@check(
    "oauth.code.invalid-replay-no-dos",
    needs=CODE,
    sources=["OAUTH21-7.5.3", "CWE-645"],
)
async def failed_replay_ends_nothing(target: Target) -> None:
    """A replay with a wrong code verifier is refused, and the tokens of the rightful client live on.

    If it ended them, whoever sees a code in a log could log the user out without ever being able to use it.

    Remedy: verify client and code verifier before anything is revoked.
    """
    alice = await target.own_login("alice")
    code = await target.code(alice)
    first = await target.tokens(code)
    answer = await target.redeem(code, code_verifier=new_verifier())
    target.demand_refusal(answer, "a spent code with a wrong verifier gives no token")
    await target.expect_kept(first, "somebody else's failed replay of its code")


@check(
    "oauth.code.expiry",
    needs=CODE,
    sources=["ASVS-v5.0.0-10.4.3", "RFC6749-4.1.2", "RFC6749-4.1.2-lifetime", "CWE-613"],
    waits=lambda system: system.description.policy.code_lifetime or 600.0,
)
async def code_expires(target: Target) -> None:
    """A code that nobody redeemed is refused after its lifetime, ten minutes at the most.

    A code found in a log an hour later must be worth nothing; the longer it lives, the more places it is found in.

    Remedy: let codes live for a minute; a browser needs a second.
    """
    alice = await target.own_login("alice")
    code = await target.code(alice)
    await target.clock.until(target.clock.now() + (target.policy.code_lifetime or 600.0) + SKEW)
    again = await target.own_login("alice")
    target.demand_refusal(await target.redeem(code), "an expired code gives no token")
    await target.granted(again, code.client)


@check(
    "oauth.code.client-binding",
    needs=[*CODE, Capability.SECOND_CLIENT],
    sources=["RFC6749-4.1.2", "RFC6749-4.1.3", "OAUTH21-4.1.3", "CWE-863"],
)
async def code_of_another_client_is_refused(target: Target) -> None:
    """A client cannot redeem a code that was issued to another one.

    A malicious or broken client would otherwise turn every code that it catches into a token of its own.

    Remedy: store the client with the code, and compare it with the client that authenticates.
    """
    alice = await target.own_login("alice")
    code = await target.code(alice, target.client("web"))
    thief = target.other_client(code.client)
    answer = await target.redeem(code, client=thief)
    await target.expect_no_token(answer, f"{thief} cannot redeem a code of {code.client}", code)


@check(
    "oauth.code.entropy",
    needs=CODE,
    sources=["RFC6749-10.10", "OAUTH21-7.7", "RFC6749-10.10-better", "CWE-331"],
    logins=1,
    requests=48,
)
async def code_has_room_for_128_bits(target: Target) -> None:
    """Codes differ from each other, and what changes in them has room for 128 random bits.

    Length and alphabet refute; they never prove.

    Remedy: draw 32 bytes from the system's secure random generator for each code.
    """
    alice = await target.own_login("alice")
    target.expect_unguessable([(await target.code(alice)).value for _ in range(24)], "codes")


@check(
    "oauth.code.mutation",
    needs=CODE,
    sources=["RFC6749-4.1.3", "RFC6749-10.10", "CWE-187"],
    requests=4,
)
@given(examples=24, edit=text_edits)
async def altered_code_is_refused(target: Target, edit: TextEdit) -> None:
    """A code that differs from a live one in any way gives no token.

    Codes that are compared in part, or without regard to case, are shorter than they look.

    Remedy: look the whole code up, byte for byte.
    """
    code = await target.fresh_code()
    altered = target.edited(edit, code.value)
    if altered is not None:
        await target.expect_altered_code_refused(await target.redeem(code, code=altered), code)


@check(
    "oauth.code.type-confusion",
    needs=[*CODE, Capability.REFRESH],
    sources=["RFC6749-4.1.3", "RFC6749-6", "CWE-843"],
)
async def credentials_are_no_codes(target: Target) -> None:
    """A code is no bearer token and no refresh token, and neither of these is a code.

    Where kinds share one table, the least protected of them opens what the best protected one does.

    Remedy: store the kind with each credential, and look it up together with the value.
    """
    alice = await target.own_login("alice")
    party = await target.granted(alice)
    code = await target.code(alice)
    await target.expect_refused(party.holding(code.value, label="a thief who sends a code as bearer token"))
    refused = "a code is no refresh token"
    target.demand_refusal(await target.renewed(party, token=code.value), refused)
    for kind in ("access", "refresh"):
        answer = await target.redeem(code, code=party.tokens[kind])
        target.demand_refusal(answer, f"an {kind} token is no code")
    await target.expect_accepted(await target.tokens(await target.code(alice)))


@check(
    "oauth.code.scope-frozen",
    needs=[*CODE, Capability.SCOPES],
    sources=["RFC6749-3.3", "RFC6749-4.1.3", "PICKPROOF-T4", "CWE-269"],
)
async def redemption_widens_nothing(target: Target) -> None:
    """A scope that is added when the code is redeemed does not come with the token.

    The user agreed to what the page of consent named; a client that adds to it later was never allowed to.

    Remedy: store the granted scope with the code, and ignore the parameter at the token endpoint.
    """
    alice = await target.own_login("alice")
    client = target.client("web")
    narrow, wide = target.narrow_and_wide(client)
    code = await target.code(alice, client, scope=narrow)
    answer = await target.redeem(code, scope=f"{narrow} {wide}")
    if answer.granted:
        await target.expect_closed(target.holder(alice, answer), wide, f"consent was given to {narrow} alone")
    await target.expect_open(await target.granted(alice, client), wide)
