"""The Authorization header: the forms that must work, and those that must not."""

from conformance.attacks.bearer import MalformedField, malformed_fields
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target


@check(
    "bearer.header-ok",
    needs=[Capability.TOKEN],
    sources=["RFC6750-2.1", "PICKPROOF-T2"],
)
async def bearer_header_works(target: Target) -> None:
    """An access token works in the Authorization header with the scheme Bearer.

    It is the one way that every client library, proxy and log filter knows: logs leave this header out, and caches do
    not share what was fetched with it. A header of one's own has none of that protection.

    Remedy: read the token from Authorization: Bearer.
    """
    target.need_unbound_tokens()
    alice = await target.shared_login("alice")
    client = target.presenting(alice, f"Bearer {alice.secret(target.bearer)}", label="alice with Authorization: Bearer")
    if target.declared_otherwise and (judged := await client.whoami()).refused:
        target.advise("Authorization: Bearer works", f"{judged}; it is described otherwise", [judged.exchange])
    await target.expect_served(client, "Authorization: Bearer with alice's token works")


@check(
    "bearer.scheme-case",
    needs=[Capability.TOKEN],
    sources=["RFC9110-11.1", "OAUTH21-5.1.1", "CWE-178"],
)
async def scheme_is_read_in_any_case(target: Target) -> None:
    """The scheme is understood as bearer and BEARER too.

    Where a gateway understands more spellings than the server behind it, or fewer, the two disagree on who is calling.

    Remedy: compare the scheme without regard to case, the token exactly.
    """
    alice = await target.speaker()
    for scheme in ("bearer", "BEARER"):
        client = target.presenting(alice, f"{scheme} {alice.secret(target.bearer)}", label=f"alice with {scheme}")
        await target.expect_served(client, f"the scheme {scheme} works as Bearer does")


@check(
    "bearer.two-headers",
    needs=[Capability.TOKEN, Capability.SECOND_ACCOUNT],
    sources=["RFC9110-5.3", "CWE-436"],
)
async def two_authorizations_are_refused(target: Target) -> None:
    """A request with two different Authorization fields is refused, whichever comes first.

    A gateway that checks the first and a server that obeys the last let a user act as another.

    Remedy: count the fields before reading one, and refuse the request when there is more than one.
    """
    alice, bob = await target.speaker(), await target.shared_login("bob")
    one, other = (f"Bearer {party.secret(target.bearer)}" for party in (alice, bob))
    pairs = {
        "alice's, then bob's": (one, other),
        "bob's, then alice's": (other, one),
        "both in one": (f"{one}, {other}",),
    }
    pairs["Basic, then alice's"] = ("Basic cGlja3Byb29mOnBpY2twcm9vZg==", one)
    await target.expect_all_refused(
        target.presenting(alice, *fields, label=f"a client with two Authorization fields ({name})")
        for name, fields in pairs.items()
    )


@check(
    "bearer.grammar",
    needs=[Capability.TOKEN],
    sources=["RFC6750-3.1", "CWE-20"],
    requests=0.65,
)
@given(form=malformed_fields, examples=160)
async def malformed_authorization_is_refused(target: Target, form: MalformedField) -> None:
    """An Authorization field that breaks the grammar is refused, and never a server error.

    Quotes, control characters, look-alike schemes and 64 KiB of letters come from broken clients and from attackers;
    whoever repairs them reads something else than the gateway in front. Two spaces, a scheme in another case and
    white space round the value are valid, and left out.

    Remedy: match the whole field against the grammar of RFC 6750 section 2.1, and answer everything else with 400 or
    401.
    """
    alice = await target.speaker()
    field = form.write(alice.secret(target.bearer))
    await target.expect_no_reading(target.presenting(alice, field, label=f"a client whose field is malformed ({form})"))
