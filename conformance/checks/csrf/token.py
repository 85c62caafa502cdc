"""A change of state needs the anti-forgery value of the very session that asks."""

from conformance.attacks.crosssite import BLIND, WrongToken, forgeries, wrong_tokens
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target


@check(
    "csrf.token.missing",
    needs=[Capability.MUTATE, Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.5.1", "NIST-SP800-63B-4-5.1-h", "CSS-csrf-prevention", "WSTG-SESS-05", "CWE-352"],
    requests=36,
)
async def change_without_its_token_has_no_effect(target: Target) -> None:
    """A change of state that comes without its anti-forgery value has no effect.

    The page of another site makes the victim's browser send the request; the browser adds the session cookie, here
    whatever its SameSite is: that some browsers would keep it back does not replace a check by the server.

    Remedy: Refuse every change whose value is absent, before anything else is looked at.
    """
    async with target.csrf_victim() as victim:
        target.need_csrf_token(victim)
        await target.expect_no_effect(forgeries(BLIND, victim.bodies, said=", without the token"))


@check(
    "csrf.token.wrong",
    needs=[Capability.MUTATE, Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.5.1", "NIST-SP800-63B-4-5.1-h", "CSS-csrf-prevention", "WSTG-SESS-05", "CWE-352"],
    requests=8,
)
@given(examples=48, token=wrong_tokens)
async def change_with_a_wrong_token_has_no_effect(target: Target, token: WrongToken) -> None:
    """A change of state with any other anti-forgery value than the session's own has no effect.

    Values that are empty, of another type, shortened, lengthened or altered in one place.

    Remedy: Compare the whole value with the session's own, in constant time, and accept nothing but text.
    """
    async with target.csrf_victim() as victim:
        target.need_open_csrf_token(victim)
        made = token.made(victim.act.token)
        if made:
            said = f", with a wrong token ({token})"
            await target.expect_no_effect(forgeries(BLIND, victim.typical_bodies, made, said))


@check(
    "csrf.token.other-user",
    needs=[Capability.MUTATE, Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-3.5.1", "NIST-SP800-63B-4-5.1-h", "CSS-csrf-prevention", "CWE-352"],
    requests=37,
)
async def token_of_another_user_has_no_effect(target: Target) -> None:
    """A change of state with the anti-forgery value of another user has no effect.

    The attacker has an account too, so he has a valid value: he writes it into the page that the victim opens.

    Remedy: Bind the value to the session, by deriving it from the session id or by keeping it with the session.
    """
    async with target.csrf_victim() as victim:
        target.need_open_csrf_token(victim)
        token = await target.token_of(await target.own_login("bob"))
        said = ", with the attacker's own token"
        await target.expect_no_effect(forgeries(BLIND, victim.bodies, token, said))


@check(
    "csrf.token.other-session",
    needs=[Capability.MUTATE, Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.5.1", "CSS-csrf-prevention", "CWE-352"],
    requests=37,
)
async def token_of_another_session_has_no_effect(target: Target) -> None:
    """A change of state with the anti-forgery value of another session has no effect, of the same user too.

    A value that holds for every session and for ever is a password that stands in every page: once it has leaked,
    no login makes it good.

    Remedy: Bind the value to the session, not to the user, and make a new one at login.
    """
    async with target.csrf_victim() as victim:
        target.need_open_csrf_token(victim)
        token = await target.token_of(await target.own_login("alice"))
        said = ", with the token of another session of the victim"
        await target.expect_no_effect(forgeries(BLIND, victim.bodies, token, said))
