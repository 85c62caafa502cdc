"""Faults of the logout that applications ask for: who may ask, where the browser goes, what else ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from .oauth_clients import Client
from .oauth_end_session import as_at_any_logout
from .oauth_params import Params
from .oauth_server import OAuthServer
from .oauth_switch import PAUSE, declared, end_session, fault, grant_types
from .oauth_tokens import TokenEndpoint, by_code
from .oauth_variants import OPENID, QUIET
from .session_store import Session
from .token_guard import Rejected, canonical
from .token_keys import Keys


def _as_it_reads(_keys: Keys, hint: str) -> Mapping[str, Any]:
    """The claims of a token, whoever signed it."""
    try:
        claims = json.loads(canonical(hint.split(".")[1]))
    except (IndexError, ValueError):
        raise Rejected("no token") from None
    return claims if isinstance(claims, dict) else {}


def _begins(client: Client, uri: str) -> bool:
    return uri.startswith(client.logout_uris) if client.logout_uris else False


def _same_host(client: Client, uri: str) -> bool:
    return any(uri.split("/")[:3] == own.split("/")[:3] for own in client.logout_uris)


async def _session_alone(server: OAuthServer, session: Session) -> None:
    server.browser.table.end(session.digest)


async def _as_it_was(server: OAuthServer, session: Session) -> None:
    """Ends the session, and writes its grants back as they were when they were granted."""
    server.browser.table.end(session.digest)
    own = "SELECT id FROM grants WHERE session = ?"
    server.db.change(f"UPDATE families SET ended = 0 WHERE data IN ({own})", session.handle)  # noqa: S608
    server.db.change("UPDATE grants SET live = 1 WHERE session = ?", session.handle)
    server.db.change("DELETE FROM ended")


async def _clients_of_everybody(server: OAuthServer, session: Session) -> None:
    """Ends the session, and tells the other clients that were used in it to end all that they have."""
    await as_at_any_logout(server, session)
    rows = server.db.rows("SELECT client FROM grants WHERE session = ? ORDER BY rowid", session.handle)
    used = [row[0] for row in rows]
    for client in set(used) - set(used[:1]):
        server.db.change("UPDATE grants SET live = 0 WHERE client = ?", client)


async def _written_back(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    """Reads the grant, works on it, and stores it as it was read."""
    data = await by_code(endpoint, client, params)
    claims = await endpoint.server.access.genuine(data["access_token"], endpoint.server.clock.now())
    # Longer than other races: the logout that it has to outlast is two requests.
    await asyncio.sleep(5 * PAUSE)
    endpoint.server.db.change("UPDATE grants SET live = 1 WHERE id = ?", claims["grant"])
    return data


FAULTS = (
    fault(
        "end-session-unasked", "oauth.logout.csrf", "OIDC-LOGOUT-2 CWE-352",
        "Whoever sends a browser to the logout logs its user out.", OPENID,
        end_session(asks=lambda _named, _user: False),
    ),
    fault(
        "end-session-any-hint", "oauth.logout.csrf", "OIDC-LOGOUT-2 CWE-352",
        "An ID token of any user logs out the one who is there.", OPENID,
        end_session(asks=lambda named, _user: named is None),
    ),
    fault(
        "end-session-hint-unverified", "oauth.logout.csrf", "OIDC-LOGOUT-4 CWE-352",
        "The ID token of a logout request is read and not verified.", OPENID, QUIET, end_session(hint=_as_it_reads),
    ),
    fault(
        "end-session-prefix", "oauth.logout.post-redirect-exact", "OIDC-LOGOUT-3 CWE-601",
        "After a logout the browser goes to whatever begins like the registered address.", OPENID,
        end_session(registered=_begins),
    ),
    fault(
        "end-session-same-host", "oauth.logout.post-redirect-exact", "OIDC-LOGOUT-3 CWE-601",
        "After a logout the browser goes to any address at the registered host.", OPENID,
        end_session(registered=_same_host),
    ),
    fault(
        "end-session-anywhere", "oauth.logout.post-redirect-exact", "OIDC-LOGOUT-3 CWE-601",
        "Without an ID token the browser goes wherever the request says.", OPENID,
        end_session(unproven=lambda uri: uri),
    ),
    fault(
        "end-session-spares-grants", "oauth.logout.access-policy", "PICKPROOF-T5 CWE-613",
        "A logout that an application asks for ends no token, though the description promises that.", OPENID,
        end_session(end=_session_alone), declared(policy={"access_revocation": True}),
    ),
    fault(
        "end-session-writes-back", "oauth.logout.other-client-kept", "RFC7009-2 CWE-613",
        "A logout writes back what the user or a client had ended before.", OPENID, end_session(end=_as_it_was),
    ),
    fault(
        "end-session-of-everybody", "oauth.logout.other-client-kept", "RFC7009-2.1 CWE-645",
        "A logout ends the tokens of every user of the other clients that were used.", OPENID,
        end_session(end=_clients_of_everybody),
    ),
    fault(
        "redemption-revives", "oauth.race.code-vs-logout", "7.4.1 15.4.2 CWE-362",
        "A redemption that was under way at logout brings the grant back.",
        grant_types(authorization_code=_written_back),
    ),
)  # fmt: skip
"""Primary killers are rows of group R of the catalogue's OAuth part, and the race of code and logout."""
