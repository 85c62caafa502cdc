"""What a server announces about itself (RFC 8414)."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

METADATA = [Capability.AUTHORIZE, Capability.METADATA]


@check("oauth.meta.issuer-match", needs=METADATA, sources=["RFC8414-3.3", "CWE-346"])
async def issuer_is_where_the_metadata_is(target: Target) -> None:
    """The issuer in the metadata is the address that the metadata was fetched for.

    A document that names another issuer lets one server speak for another.

    Remedy: configure the issuer as the https address under which clients reach the server.
    """
    issuer, places = target.announced_issuer()
    if issuer not in places:
        target.violation(f"the issuer is {' or '.join(places)}", f"it is {issuer!r}", target.metadata_evidence())


@check("oauth.meta.required-fields", needs=METADATA, sources=["RFC8414-2", "RFC8414-3.2", "RFC9700-2.6-metadata"])
async def metadata_has_what_is_required(target: Target) -> None:
    """The metadata holds the required members, each of its type.

    Clients configure themselves from it. What is missing they guess, or they fall back to weaker defaults.

    Remedy: publish issuer, endpoints and `response_types_supported`.
    """
    wrong = target.wrong_metadata()
    if wrong:
        target.violation("every required member, of its type", "; ".join(wrong), target.metadata_evidence())


@check("oauth.meta.truthful-positive", needs=METADATA, sources=["PICKPROOF-T4", "RFC8414-2"])
async def what_is_announced_works(target: Target) -> None:
    """What the metadata announces works: the code flow, S256, refreshing, each endpoint.

    Clients choose their protection by what is announced; a promise that does not hold makes them fail, or go
    without it.

    Remedy: generate the metadata from the configuration that the server runs with.
    """
    party = await target.granted(await target.own_login("alice"))
    await target.expect_accepted(party)
    await target.expect_announced_works(party)
