"""What a session id is made of."""

from conformance.attacks.edits import TextEdit, text_edits
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target


@check(
    "session.id.embeds-user",
    needs=[Capability.COOKIE],
    sources=[
        "NIST-SP800-63B-4-5.1.1",
        "ASVS-v5.0.0-14.1.1",
        "CSS-session-management",
        "WSTG-SESS-01",
        "PICKPROOF-S4",
        "NIST-SP800-63B-4-5.1.1-7",
        "NIST-SP800-63B-4-5.1.1-7-opaque",
        "CWE-315",
    ],
)
async def session_id_says_nothing_about_the_user(target: Target) -> None:
    """The session id, decoded in every way, holds nothing about its user.

    An id that carries the account can be guessed from the account, and tells everybody who sees it whose it is. A
    signed cookie that carries its content may name the user, but personal data, roles and secrets in it are readable
    by whoever holds it.

    Remedy: use a random id and keep the data on the server; where the cookie must carry data, encrypt it.
    """
    alice = await target.shared_login("alice")
    for carrier in target.cookies:
        leaks = await target.account_data_in(alice, carrier)
        if leaks:
            expected = f"{carrier}, decoded, holds nothing about alice"
            target.violation(expected, f"it holds {', '.join(leaks)}", alice.history)


@check(
    "session.id.mutate",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.1", "WSTG-SESS-01", "PICKPROOF-S3", "CWE-603"],
)
@given(edit=text_edits)
async def altered_session_id_is_refused(target: Target, edit: TextEdit) -> None:
    """A session id that differs from a live one in any way is nobody's.

    An id that the server compares only in part, without regard to case, or after trimming, is shorter than it
    looks, and one user's id may open another's session.

    Remedy: look the whole id up, byte for byte; for signed cookies verify the signature over the whole value.
    """
    alice = await target.shared_login("alice")
    for carrier in target.cookies:
        altered = edit.apply(alice.secret(carrier), await target.varying_span(carrier))
        if altered is not None:
            await target.expect_refused(alice.holding(altered, carrier))


@check(
    "session.id.unique",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.2", "ASVS-v5.0.0-7.2.3", "WSTG-SESS-01", "CWE-340"],
    sampled=True,
)
async def every_login_gets_an_id_of_its_own(target: Target) -> None:
    """No two logins ever get the same session id.

    A repeat means that ids are fixed for an account or drawn from a small set: old copies work again, or one user
    lands in another's session.

    Remedy: draw at least 128 bits from the system's secure random generator for every login.
    """
    for carrier in target.cookies:
        sample = await target.sampled(carrier)
        # A signed value that carries its content may be the same twice within its clock's second.
        repeats = sample.shared if await target.is_self_contained(carrier) else sample.repeats
        if repeats:
            actual = f"{repeats} of {sample} had been issued before"
            target.violation(f"every login gets a new {carrier.name} cookie", actual, sample.evidence)
        target.note = f"no repeat among {sample}; this refutes fixed ids, it does not prove randomness"
