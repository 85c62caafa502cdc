"""The anti-forgery value itself: hard to guess, new at login, in no address, and no pair of the attacker's making."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "csrf.token.quality",
    needs=[Capability.MUTATE, Capability.COOKIE],
    sources=["ASVS-v5.0.0-11.5.1", "CSS-csrf-prevention", "CWE-330"],
)
async def form_token_cannot_be_guessed(target: Target) -> None:
    """The anti-forgery value differs from session to session and has room for 128 random bits.

    A value that can be guessed, or is everybody's, is written into the attacker's page like any other field.

    Remedy: Draw 16 bytes or more from the secure random generator for each session, or derive them from its id.
    """
    target.expect_form_tokens_apart(await target.form_tokens())


@check(
    "csrf.token.rotates",
    needs=[Capability.MUTATE, Capability.COOKIE],
    sources=["CSS-csrf-prevention", "CWE-352", "CWE-384"],
)
async def form_token_from_before_login_is_spent(target: Target) -> None:
    """The anti-forgery value that a visitor had before the login has no effect after it.

    Whoever used the browser before, or planted the visitor's session, knows the value. If it survives the login, it
    opens the account's forms to every site.

    Remedy: Make a new value at login, and forget the old one with the old session.
    """
    token, jar = await target.token_before_login()
    await target.expect_spent(token, jar)


@check(
    "csrf.token.leaks",
    needs=[Capability.MUTATE, Capability.COOKIE],
    sources=["CSS-csrf-prevention", "CWE-598", "CWE-346"],
)
async def form_token_stays_in_pages(target: Target) -> None:
    """The anti-forgery value stands in no address, and no other site can read it.

    Addresses end in logs, histories and Referer headers; an answer with the value that every origin may read gives it
    to whoever asks.

    Remedy: Send the value in a field of a POST or in a header, and allow no foreign origin to read it.
    """
    target.expect_not_in_addresses(await target.tour())
    await target.expect_not_readable(await target.shared_login("alice"))


@check(
    "csrf.double-submit.forge",
    needs=[Capability.MUTATE, Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["CSS-csrf-prevention", "WSTG-SESS-05", "CWE-352", "CWE-565"],
)
async def pair_of_the_attacker_has_no_effect(target: Target) -> None:
    """A cookie and a field that agree with each other, but not with the session, change nothing.

    A sibling host can plant the cookie. Where the server only compares the two, the attacker brings both: his own, or
    any that he makes up.

    Remedy: Sign the value together with the session's id, or keep it in the session; name its cookie __Host-something.
    """
    async with target.csrf_victim() as victim:
        target.need_open_csrf_token(victim)
        bob = await target.own_login("bob")
        for planted, token, said in target.attackers_pair(victim, bob, await target.token_of(bob)):
            await target.expect_no_effect(target.pair_forgeries(victim, token, said), planted)
