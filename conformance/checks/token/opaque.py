"""Opaque bearer tokens: random values that mean nothing without the server."""

import itertools

from conformance.attacks.edits import TextEdit, text_edits
from conformance.attacks.identifiers import capacity
from conformance.attacks.patterns import WILDCARDS, relatives
from conformance.attacks.planted import invented_ids
from conformance.attacks.reproduction import reproduce
from conformance.attacks.sequences import sequence_defect, time_defect
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target

BITS = 128
"""ASVS 7.2.3: a reference token holds at least as many bits of entropy."""
ROOM = 48
"""Bits that a counter or clock beside 128 random ones may take: then its order tells the attacker nothing of use."""


@check(
    "token.opaque.entropy",
    needs=[Capability.OPAQUE_TOKEN],
    sources=["ASVS-v5.0.0-7.2.3", "CWE-331"],
    sampled=True,
)
async def opaque_token_has_room_for_128_bits(target: Target) -> None:
    """What changes from one opaque token to the next has room for 128 random bits.

    Length and alphabet can refute, never prove. What all tokens share, such as a prefix that names the product, is
    left out of the count: long tokens that differ in six digits are guessed in a day.

    Remedy: draw 16 bytes or more from the system's secure random generator, and encode all of them.
    """
    sample = await target.reference_sample(target.bearer)
    bits = min(capacity(sample.kind.parts).full_bits, capacity(sample.kind.parts, sample.kind.id_span).bits)
    if sample.kind.certain and bits < BITS - 1e-9:
        target.violation(f"room for {BITS} varying bits", f"at most {bits:.0f}, in {sample}", sample.evidence)
    target.note = f"room for {bits:.0f} varying bits, judged on {sample}"


@check(
    "token.opaque.unique",
    needs=[Capability.OPAQUE_TOKEN],
    sources=["ASVS-v5.0.0-7.2.3", "CWE-330", "CWE-340"],
    sampled=True,
)
async def opaque_tokens_never_repeat(target: Target) -> None:
    """No opaque token is issued twice, and none follows a counter or the clock.

    A second user of the same value is the same person to the server; a counter lets anyone name the next.

    Remedy: draw every token anew from the secure random generator.
    """
    sample = await target.reference_sample(target.bearer)
    if sample.repeats:
        actual = f"{sample.repeats} of {sample} had been issued before"
        target.violation("every login gets a token of its own", actual, sample.evidence)
    parts = sample.kind.parts
    defect = sequence_defect(parts) or time_defect(parts, sample.times)
    if defect:
        target.predictable(sample, "tokens follow no order", defect.detail, BITS + defect.taken(ROOM))
    target.note = f"no repeat and no order among {sample}; this refutes, it does not prove randomness"


@check(
    "token.opaque.mutation",
    needs=[Capability.OPAQUE_TOKEN],
    sources=["ASVS-v5.0.0-7.2.1", "CWE-697"],
)
@given(edit=text_edits)
async def altered_opaque_token_is_refused(target: Target, edit: TextEdit) -> None:
    """An opaque token that differs from a live one in any way is nobody's.

    A database that compares without regard to case, or only as many characters as the column holds, makes tokens
    shorter than they look.

    Remedy: look up a digest of the whole token, byte for byte.
    """
    alice = await target.shared_login("alice")
    altered = edit.apply(alice.secret(target.bearer), await target.varying_span(target.bearer))
    if altered is not None:
        await target.expect_refused(alice.holding(altered, target.bearer))


@check(
    "token.opaque.derivable",
    needs=[Capability.OPAQUE_TOKEN],
    sources=["ASVS-v5.0.0-7.2.3", "CWE-340"],
    sampled=True,
)
async def opaque_tokens_cannot_be_computed(target: Target) -> None:
    """No opaque token is a hash of the user, the time, a counter or the token before.

    A hash passes every statistical test; whoever tries the likely inputs computes the next token.

    Remedy: draw tokens from the secure random generator; a hash adds no randomness to what goes in.
    """
    sample = await target.reference_sample(target.bearer)
    facts = target.facts_about(await target.shared_login("alice"))
    defect = await target.in_worker(reproduce, sample.kind.parts, facts, sample.times)
    if defect:
        target.violation("tokens cannot be computed", defect.detail, sample.evidence)
    target.note = f"no rule found for {sample}"


@check(
    "token.opaque.wildcard",
    needs=[Capability.OPAQUE_TOKEN],
    sources=["ASVS-v5.0.0-7.2.1", "ASVS-v5.0.0-1.2.4", "CWE-89", "CWE-943"],
)
async def pattern_is_nobodys_token(target: Target) -> None:
    """A pattern, a condition or a piece of SQL in place of an opaque token is nobody's.

    Where the token becomes part of a query, a pattern finds whichever row comes first, often an administrator's.

    Remedy: look up a digest of the token, as a bound parameter, by equality.
    """
    alice = await target.shared_login("alice")
    forged = [alice.holding(text, target.bearer, f"a stranger with the token {text}") for text in WILDCARDS]
    await target.expect_all_handled(forged)


@check(
    "token.opaque.nul-prefix",
    needs=[Capability.OPAQUE_TOKEN],
    sources=["ASVS-v5.0.0-7.2.1", "CWE-697"],
)
async def part_of_an_opaque_token_is_nobodys(target: Target) -> None:
    """A part of an opaque token, or one with more after it, is nobody's.

    A comparison that ends at the shorter text, at a separator or at NUL makes tokens shorter than they look, and gives
    each many names, of which a list of ended tokens knows one.

    Remedy: look up a digest of the whole token, byte for byte.
    """
    alice = await target.shared_login("alice")
    parts = relatives(alice.secret(target.bearer), await target.varying_span(target.bearer), target.rng)
    await target.expect_all_refused(alice.holding(text, target.bearer, f"a token, {name}") for name, text in parts)


@check(
    "token.opaque.fixation",
    needs=[Capability.OPAQUE_TOKEN],
    sources=["ASVS-v5.0.0-7.2.4", "CWE-384"],
    logins=2,
)
async def login_adopts_no_token(target: Target) -> None:
    """A login that carries an invented token does not make it the user's.

    An attacker who can set a header or a stored token in the victim's client, and waits for a login, would hold the
    victim's token beforehand.

    Remedy: issue a new token at every login, whatever the request carries.
    """
    alice = await target.shared_login("alice")
    for planted in itertools.islice(invented_ids(alice.secret(target.bearer), target.rng), 2):
        attacker = target.stranger().holding(planted, target.bearer, "an attacker who planted an invented token")
        await target.expect_refused(attacker)
        await target.log_in_with(planted, target.bearer)
        await target.expect_refused(attacker)
