"""Browser sessions whose id is a JWT, for the variant ``session-jwt``: readable, and a reference all the same."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial

from .oauth_browser import ISSUER
from .oauth_policy import OAuthPolicy
from .oauth_switch import browser
from .session_cookie import only_value
from .session_policy import Issue
from .token_keys import sign

TYPE = "session+jwt"
"""Keeps a session out of the API, though the same key signs access tokens (RFC 8725 section 3.11)."""
LONGEST = 2048
"""Characters: a signature alone has 342."""


def session_as_jwt(policy: OAuthPolicy) -> OAuthPolicy:
    """Sessions are found by the digest of the whole value, so that logout ends them as it ends any other."""

    def new_id(issue: Issue) -> str:
        subject = {"sub": issue.account.sub} if issue.account else {}
        claims = {"iss": ISSUER, **subject, "iat": int(issue.now), "jti": secrets.token_hex(16)}
        return sign(policy.keys(), claims, TYPE)

    read = partial(only_value, longest=LONGEST)
    return browser(life=replace(policy.browser.life, new_id=new_id, read=read))(policy)
