"""A token dies by itself, and soon."""

from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.limits import (
    HOUSE_ACCESS_LIFETIME,
    NIST_AAL2_ABSOLUTE,
    access_expiry,
    declared_life,
    until_token_expires,
)


@check(
    "token.exp.enforced",
    sources=["ASVS-v5.0.0-9.2.1", "RFC7519-4.1.4", "RFC6749-7", "OAUTH21-5.2", "OAUTH21-5", "CWE-613"],
    waits=until_token_expires,
)
async def expired_token_is_refused(target: Target) -> None:
    """A token is refused once it has expired, the declared leeway included.

    Expiry is all that ends a stolen token where nobody can take it back. Unchecked, it works for ever.

    Remedy: check exp on every request against a synchronised clock, with a leeway of seconds, not minutes.
    """
    alice = await target.own_login("alice")
    wait = access_expiry(target.system, alice)
    if wait is None:
        target.not_applicable("no credential of the login says when it expires, or by our clock it has")
    await target.expect_accepted(alice)
    await target.clock.until(alice.issued_at + wait)
    await target.expect_refused(alice.stolen("a thief with alice's expired token"))


@check(
    "token.life.access",
    sources=["ASVS-v5.0.0-7.3.2", "NIST-SP800-63B-4-2.2.3", "PICKPROOF-T6", "RFC6750-5.3-short", "CWE-613"],
)
async def access_token_lives_shortly(target: Target) -> None:
    """An access token lives no longer than declared, and never for ever.

    A stolen signed token works until it expires: its lifetime is the thief's. An opaque one says nothing of itself, so
    that the login states its life as expires_in, or the description does.

    Remedy: issue access tokens for minutes and renew them with a refresh token that the server can revoke; declare
    the lifetime as policy.access_lifetime.
    """
    target.need_token()
    alice = await target.shared_login("alice")
    if not target.signed(alice):
        await target.expect_known_life(alice)
        return
    life = declared_life(alice)
    if life is None:
        target.violation("the token expires", "it carries no exp: it works for ever", alice.history)
    declared = target.policy.access_lifetime
    limit = NIST_AAL2_ABSOLUTE if declared is None else declared
    if life > limit + 2:
        target.violation(f"a life of at most {limit:.0f} s", f"{life:.0f} s", alice.history)
    if declared is None and life > HOUSE_ACCESS_LIFETIME:
        target.advise(f"a life of at most {HOUSE_ACCESS_LIFETIME:.0f} s", f"{life:.0f} s, none declared", alice.history)
    target.note = f"it lives {life:.0f} s"
