"""The value of a refresh token: that nobody guesses or alters it, and that it opens nothing but a refresh."""

from conformance.attacks.edits import TextEdit, text_edits
from conformance.attacks.identifiers import capacity
from conformance.attacks.sequences import sequence_defect
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target

BITS = 128
"""RFC 6749 section 10.10: a guess succeeds with probability 2^-128 at most."""


@check(
    "refresh.entropy",
    needs=[Capability.REFRESH],
    sources=["RFC6749-10.10", "ASVS-v5.0.0-7.2.3", "CWE-330", "CWE-331"],
    requests=70,
)
async def refresh_token_cannot_be_guessed(target: Target) -> None:
    """What changes from one refresh token to the next has room for 128 random bits, repeats nothing, follows no order.

    The tokens are those of one chain, so that a successor computed from its parent shows as well as a short one. This
    can refute, never prove.

    Remedy: draw 16 bytes or more from the secure random generator for each refresh token, and encode all of them.
    """
    sample = await target.refresh_sample()
    bits = min(capacity(sample.kind.parts).full_bits, capacity(sample.kind.parts, sample.kind.id_span).bits)
    if sample.repeats:
        target.violation("no refresh token is issued twice", f"{sample.repeats} of {sample} were", sample.evidence)
    if sample.kind.certain and bits < BITS - 1e-9:
        target.violation(f"room for {BITS} varying bits", f"at most {bits:.0f}, in {sample}", sample.evidence)
    if defect := sequence_defect(sample.kind.parts):
        target.predictable(sample, "refresh tokens follow no order", defect.detail, BITS)
    target.note = f"room for {bits:.0f} varying bits, judged on {sample}; this refutes, it does not prove randomness"


@check(
    "refresh.mutation",
    needs=[Capability.REFRESH],
    sources=["RFC6749-10.4", "ASVS-v5.0.0-7.2.1", "RFC9700-4.14.2-integrity", "CWE-345", "CWE-697"],
    logins=2,
)
@given(edit=text_edits)
async def altered_refresh_token_is_refused(target: Target, edit: TextEdit) -> None:
    """A refresh token that differs from a live one in any way gives nothing.

    A comparison without regard to case, or of the first characters only, makes tokens shorter than they look.

    Remedy: look up a digest of the whole token, byte for byte.
    """
    await target.need_reference()
    await target.expect_altered_refused(edit.apply)


@check(
    "refresh.not-a-bearer",
    needs=[Capability.REFRESH],
    sources=["ASVS-v5.0.0-9.2.2", "RFC8725-3.12", "RFC6749-1.5", "CWE-843"],
)
async def refresh_token_is_no_access_token(target: Target) -> None:
    """A refresh token opens no protected route: it is for the refresh alone.

    It lives for days where an access token lives for minutes. A server that takes one for the other has long-lived
    access tokens.

    Remedy: keep the kinds apart, by their typ where they are signed and by the table where they are not.
    """
    alice = await target.own_login("alice")
    token = await target.refresh_token(alice)
    await target.expect_refused(
        alice.holding(token, label="a thief who shows alice's refresh token as an access token")
    )
    await target.refreshed(alice)


@check(
    "refresh.access-not-refresh",
    needs=[Capability.REFRESH],
    sources=["ASVS-v5.0.0-9.2.2", "RFC8725-3.12", "RFC6749-6", "CWE-843"],
)
async def access_token_refreshes_nothing(target: Target) -> None:
    """No access token, nor an ID token, works as a refresh token.

    An access token is shown to every API, and each of them could turn it into a login that lasts.

    Remedy: keep the kinds apart, by their typ where they are signed and by the table where they are not.
    """
    alice = await target.own_login("alice")
    for kind, value in await target.other_kinds(alice):
        thief = alice.stolen(f"a thief with alice's {kind}")
        await target.expect_no_renewal(thief, f"with {kind} in the place of a refresh token", value=value)
    await target.refreshed(alice)
