"""Whether a session id can be guessed. A sample refutes gross faults and never proves randomness."""

from conformance.attacks.identifiers import capacity
from conformance.attacks.randomness import bit_defect, tellable_bits
from conformance.attacks.reproduction import reproduce
from conformance.attacks.sequences import sequence_defect, time_defect
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

BITS = 128
"""ASVS 7.2.3: a reference token holds at least as many bits of entropy."""
ROOM = 48
"""Bits that a counter or clock beside 128 random ones may take: then its order tells the attacker nothing of use."""


@check(
    "session.id.capacity",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.3", "ASVS-v5.0.0-11.5.1", "NIST-SP800-63B-4-5.1-2", "CSS-session-management", "CWE-331"],
    sampled=True,
)
async def session_id_has_room_for_128_bits(target: Target) -> None:
    """The session id is long enough, in its own alphabet, to hold 128 random bits.

    The bound is generous: length and alphabet can refute, never prove. A version 4 UUID holds 122 bits.

    Remedy: draw 16 bytes or more from the system's secure random generator, and encode all of them.
    """
    for carrier in target.cookies:
        sample = await target.reference_sample(carrier)
        kind = sample.kind
        whole = capacity(kind.parts)
        if kind.certain and whole.full_bits < BITS - 1e-9:
            actual = f"at most {whole.full_bits:.0f} bits: {whole.positions} characters, {whole.alphabet}, in {sample}"
            target.violation(f"{carrier} has room for {BITS} bits", actual, sample.evidence)
        target.note = f"room for {whole.full_bits:.0f} bits, judged on {sample}"


@check(
    "session.id.static-part",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.3", "WSTG-SESS-01", "CSS-session-management", "CWE-331"],
    sampled=True,
)
async def varying_part_has_room_for_128_bits(target: Target) -> None:
    """What changes from one session id to the next still has room for 128 random bits.

    Length deceives: an attacker only has to guess what changes.

    Remedy: do not pad ids with constants; draw every character from the secure random generator.
    """
    for carrier in target.cookies:
        sample = await target.reference_sample(carrier)
        kind = sample.kind
        whole, varying = capacity(kind.parts), capacity(kind.parts, kind.id_span)
        if kind.certain and whole.full_bits >= BITS - 1e-9 > varying.bits:
            actual = f"at most {varying.bits:.0f} bits vary; the rest is the same in {sample}"
            target.violation(f"the varying part of {carrier} has room for {BITS} bits", actual, sample.evidence)
        target.note = f"room for {varying.bits:.0f} varying bits, judged on {sample}"


@check(
    "session.id.sequence",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.3", "WSTG-SESS-01", "CWE-341"],
    sampled=True,
)
async def session_ids_follow_no_order(target: Target) -> None:
    """Neither the session id nor a field of it counts up or down, or takes equal steps.

    An attacker who gets two ids of his own computes the ones issued between them.

    Remedy: draw ids from the secure random generator instead of deriving them from a counter.
    """
    for carrier in target.cookies:
        sample = await target.reference_sample(carrier)
        defect = sequence_defect(sample.kind.parts)
        if defect:
            target.predictable(sample, f"{carrier} follows no order", defect.detail, BITS + ROOM)
        target.note = f"no order in {sample}"


@check(
    "session.id.bits",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.3", "WSTG-SESS-01", "CWE-330"],
    sampled=True,
)
async def session_ids_look_random_bit_by_bit(target: Target) -> None:
    """The bits of session ids are as even and as unordered as random ones, in one half of a sample and in the other.

    A generator whose bits lean to one side, or repeat a pattern, leaves fewer ids to try than their length promises.

    Remedy: draw ids from the system's secure random generator and encode its bytes as they are.
    """
    for carrier in target.cookies:
        sample = await target.reference_sample(carrier)
        ids = sample.kind.ids
        if not tellable_bits(ids):
            target.note = f"the bits of {sample} cannot be told: too few, or in no encoding of whole bits"
            continue
        defect = await target.in_worker(bit_defect, ids)
        if defect:
            target.violation(f"the bits of {carrier} look random", f"{defect.detail}, in {sample}", sample.evidence)
        target.note = f"no test of bits refutes {sample}"


@check(
    "session.id.time",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.3", "WSTG-SESS-01", "CWE-341"],
    sampled=True,
)
async def session_ids_do_not_tell_the_time(target: Target) -> None:
    """No field of the session id follows the time at which it was issued.

    Whoever knows roughly when a victim logged in needs to try few values.

    Remedy: draw ids from the secure random generator instead of deriving them from the time.
    """
    for carrier in target.cookies:
        sample = await target.reference_sample(carrier)
        defect = time_defect(sample.kind.parts, sample.times)
        if defect:
            target.predictable(sample, f"{carrier} does not tell the time", defect.detail, BITS + defect.taken(ROOM))
        target.note = f"no trace of the time in {sample}"


@check(
    "session.id.reproduce",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.3", "WSTG-SESS-01", "CWE-330"],
    sampled=True,
)
async def session_ids_cannot_be_computed(target: Target) -> None:
    """No session id is a counter, a time, a name or a hash of such.

    Hashing makes a counter look random to every statistical test; trying the likely inputs finds it at once.

    Remedy: draw ids from the secure random generator; a hash adds no randomness to what goes in.
    """
    for carrier in target.cookies:
        sample = await target.unsealed_sample(carrier)
        facts = target.facts_about(await target.shared_login("alice"))
        defect = await target.in_worker(reproduce, sample.computable, facts, sample.times)
        if defect:
            target.violation(f"{carrier} cannot be computed", defect.detail, sample.evidence)
        target.note = f"no rule found for {sample}"


@check(
    "session.id.same-input",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.2", "WSTG-SESS-01", "CWE-330"],
    logins=4,
)
async def simultaneous_logins_get_different_ids(target: Target) -> None:
    """Logins of one account at the same moment, from the same client, get different session ids.

    An id that is computed from what an attacker knows can be computed by the attacker, too.

    Remedy: draw ids from the secure random generator, not from the user, the time and the browser.
    """
    for carrier in target.cookies:
        await target.reference_sample(carrier)
        repeat = target.repeated(await target.logins_at_once("alice", 4), carrier)
        if repeat:
            first, second = repeat
            evidence = (*first.history, *second.history)
            target.violation("every login gets an id of its own", "two simultaneous logins share one", evidence)
