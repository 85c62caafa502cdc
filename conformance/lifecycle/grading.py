"""What contradicts the model is graded as the check of the same demand: the level belongs to the requirement."""

from __future__ import annotations

from collections.abc import Mapping

TWINS: Mapping[str, tuple[str, ...]] = {
    "send it elsewhere": ("session.issue.via-param",),
    "log out with what is dead": ("session.logout.idempotent",),
    "log out everywhere": ("session.logout-all.complete",),
    "refresh with an altered token": ("refresh.mutation",),
    "replay a spent one": ("refresh.reuse-rejected", "refresh.reuse-revokes-active"),
    "replay beside a refresh": ("refresh.race.double-spend",),
    "refresh twice at once": ("refresh.race.double-spend",),
    "log out while it is refreshed": ("refresh.race.vs-logout",),
    "ask again within the grace": ("refresh.grace-bounded",),
    "use a token of another kind": ("refresh.not-a-bearer", "refresh.access-not-refresh"),
    "refresh as another client": ("refresh.client-binding",),
    "change the password": ("session.pwchange.others",),
    "change the password without knowing it": ("session.pwchange.needs-current",),
    "change the password during logins": ("session.race.pwchange",),
    "change what is sensitive without the password": ("session.sensitive.reauth",),
    "be disabled and enabled": ("session.disable.kills",),
    "be thrown out": ("session.admin.terminate",),
    "be deleted": ("session.delete.kills",),
    "look at the list": ("session.list.truth",),
    "revoke a listed session": ("session.list.revoke",),
    "come in crowds": ("session.limit.policy",),
    "change something without its token": ("csrf.token.missing",),
    "change something at once": ("session.race.lost-update",),
    "redeem a code twice": ("oauth.code.single-use",),
    "redeem a code wrongly": ("oauth.code.client-binding",),
    "log in over a code": ("oauth.code.user-switch",),
    "redeem a code at once": ("oauth.race.code-double-redeem",),
    "revoke a token": ("oauth.revoke.refresh",),
    "revoke the token of another": ("oauth.revoke.client-binding",),
    "refresh while it is revoked": ("refresh.race.vs-revoke",),
    "withdraw a grant": ("refresh.after-grant-withdrawn",),
    "authorize with what is dead": ("oauth.logout.prompt-none",),
    "keep busy": ("session.timeout.absolute",),
    "keep refreshing": ("refresh.absolute-expiry",),
    "let the access token expire": ("token.exp.enforced",),
}
"""Checks that ask what an act shows; of the other acts the model itself is the check, with its own sources."""
