"""Faults of authorization codes, races among them; each race loses at a fixed point where it gives way to others."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .accounts import Account, Accounts
from .oauth_access import alive
from .oauth_clients import Client, sha256
from .oauth_codes import Claim, Codes, Verdict, judge, redeem, same_client, same_party, same_redirect_uri
from .oauth_grants import Code, Grant, Grants
from .oauth_params import Params, words
from .oauth_switch import PAUSE, Change, access, both, codes, fault, fresh, grant_types
from .oauth_tokens import TokenEndpoint, by_refresh_token
from .token_claims import Claims


def _as_if_unspent(policy: Codes, grants: Grants, code: Code | None, claim: Claim) -> Verdict:
    return judge(policy, grants, replace(code, spent=False) if code else None, claim)


def _replay_first(policy: Codes, grants: Grants, code: Code | None, claim: Claim) -> Verdict:
    return Verdict.REPLAY if code is not None and code.spent else judge(policy, grants, code, claim)


def _end_refresh_only(grants: Grants, code: Code) -> None:
    grants.db.change("UPDATE families SET ended = 1 WHERE data = ?", code.grant)


def _end_access_only() -> Change:
    ended: set[str] = set()

    def behind(grants: Grants, accounts: Accounts, claims: Claims) -> tuple[Grant, Account] | None:
        return None if claims["grant"] in ended else alive(grants, accounts, claims)

    return both(codes(replayed=lambda _grants, code: ended.add(code.grant)), access(alive=behind))


def _end_the_first(grants: Grants, code: Code) -> None:
    """Knows the tokens that the code was exchanged for, and not those that they were exchanged for since."""
    used = """SELECT 1 FROM refresh_tokens JOIN families ON families.id = family
              WHERE families.data = ? AND parent <> ''"""
    if grants.db.row(used, code.grant) is None:
        grants.end(code.grant)


async def _code_as_refresh_token(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    server, policy = endpoint.server, endpoint.policy.codes
    lax = replace(policy, proofs=(same_client,))
    value = params.need("refresh_token")
    code = await policy.redeem(lax, server.grants, value, Claim(client.id, None, None, server.clock.now()))
    grant = server.live_grant(code.grant) if code is not None else None
    if grant is None:
        return await by_refresh_token(endpoint, client, params)
    return endpoint.issued(grant, grant.scope, server.refresh.begin(grant), None)


async def _looked_then_spent(policy: Codes, grants: Grants, value: str, claim: Claim) -> Code | None:
    code = grants.code(policy.digest(value))
    verdict = policy.judge(policy, grants, code, claim)
    await asyncio.sleep(PAUSE)
    if code is None or verdict is not Verdict.REDEEM:
        return await redeem(policy, grants, value, claim)
    grants.spend(code.digest)
    return code


def _losers_forgiven() -> Change:
    busy: set[str] = set()

    async def one_at_a_time(policy: Codes, grants: Grants, value: str, claim: Claim) -> Code | None:
        if value in busy:
            return None
        busy.add(value)
        await asyncio.sleep(PAUSE)
        busy.discard(value)
        return await redeem(policy, grants, value, claim)

    return codes(redeem=one_at_a_time)


FAULTS = (
    fault(
        "code-reusable", "oauth.code.single-use", "10.4.2 RFC6749-4.1.2 RFC9700-4.2.4 CWE-294",
        "A code works until it expires.", codes(judge=_as_if_unspent),
    ),
    fault(
        "replay-spares-access", "oauth.code.reuse-revokes-access", "10.4.2 RFC6749-4.1.2-reuse CWE-613",
        "A replayed code ends the refresh token, but no access token.", codes(replayed=_end_refresh_only),
    ),
    fault(
        "replay-spares-refresh", "oauth.code.reuse-revokes-refresh", "10.4.2 RFC6749-4.1.2-reuse CWE-613",
        "A replayed code ends the access tokens, but no refresh token.", fresh(_end_access_only),
    ),
    fault(
        "replay-spares-descendants", "oauth.code.reuse-revokes-descendants", "10.4.2 RFC6749-4.1.2-reuse CWE-613",
        "A replayed code ends nothing that was refreshed since.", codes(replayed=_end_the_first),
    ),
    fault(
        "failed-replay-revokes", "oauth.code.invalid-replay-no-dos", "CWE-645",
        "Whoever presents a spent code ends the grant, without any proof.", codes(judge=_replay_first),
    ),
    fault(
        "code-lives-long", "oauth.code.expiry", "10.4.3 RFC6749-4.1.2 CWE-613",
        "Codes live for a day.", codes(lifetime=86400.0),
    ),
    fault(
        "code-of-any-client", "oauth.code.client-binding", "RFC6749-4.1.3 CWE-863",
        "A client may redeem the code of another.", codes(proofs=(same_redirect_uri, same_party)),
    ),
    fault(
        "code-short", "oauth.code.entropy", "RFC6749-10.10 CWE-330",
        "Codes have 40 random bits.", codes(new=lambda: secrets.token_hex(5)),
    ),
    fault(
        "code-any-case", "oauth.code.mutation", "RFC6749-4.1.3 CWE-178",
        "The case of a code does not matter.", codes(digest=lambda value: sha256(value.lower())),
    ),
    fault(
        "code-prefix", "oauth.code.mutation", "RFC6749-4.1.3 CWE-187",
        "Only the first 32 characters of a code are compared.", codes(digest=lambda value: sha256(value[:32])),
    ),
    fault(
        "code-as-refresh-token", "oauth.code.type-confusion", "RFC6749-6 CWE-843",
        "A code passes as a refresh token, and needs no verifier then.",
        grant_types(refresh_token=_code_as_refresh_token),
    ),
    fault(
        "scope-at-redemption", "oauth.code.scope-frozen", "RFC6749-3.3 CWE-269",
        "The token request can name another scope than the user saw.",
        codes(scope=lambda code, asked: words(asked) or code.asked.scope),
    ),
    fault(
        "code-race", "oauth.race.code-double-redeem", "10.4.2 RFC6749-4.1.2 CWE-367",
        "A code is looked up first and spent later.", codes(redeem=_looked_then_spent),
    ),
    fault(
        "race-losers-forgiven", "oauth.race.code-losers-revoke", "10.4.2 RFC6749-4.1.2-reuse CWE-362",
        "A replay that arrives while the code is being redeemed is refused, and nothing more.",
        fresh(_losers_forgiven),
    ),
)  # fmt: skip
"""Primary killers are rows of the groups D and I of the catalogue's OAuth part."""
