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


@check("oauth.meta.https", needs=METADATA, sources=["RFC8414-2", "RFC8414-3", "CWE-319"])
async def endpoints_are_https(target: Target) -> None:
    """Issuer, endpoints and key set in the metadata are https addresses; those of this machine are let pass.

    Over plain http everybody on the way reads codes and secrets, or answers in the server's place.

    Remedy: configure the public address, with https, and behind a proxy too.
    """
    clear = target.clear_endpoints()
    if clear:
        target.violation("https", f"{', '.join(clear)} at plain http", target.metadata_evidence())


@check("oauth.meta.no-none-alg", needs=METADATA, sources=["RFC8414-2", "CWE-327"])
async def unsigned_assertions_are_not_offered(target: Target) -> None:
    """No list of signing algorithms for the assertions by which clients authenticate offers `none`.

    Where it is offered, a client is whoever says so.

    Remedy: list the algorithms that you accept, all of them with a key.
    """
    names = [name for name in target.authorization.metadata if name.endswith("auth_signing_alg_values_supported")]
    offering = sorted(name for name in names if "none" in (target.announced(name) or ()))
    if offering:
        target.violation("none is not offered", f"it is, in {', '.join(offering)}", target.metadata_evidence())


@check("oauth.meta.host-header", needs=METADATA, sources=["CWE-644"])
async def metadata_is_not_what_the_request_says(target: Target) -> None:
    """Fields in which a proxy would name the host choose none of the addresses in the metadata.

    A cache that keeps such an answer sends every client of the server to the attacker's endpoints. Behind a proxy
    that overwrites these fields the server is safe; without it, it is not.

    Remedy: configure the issuer, and take such fields from known proxies alone.
    """
    await target.expect_host_ignored(target.stranger())


@check("oauth.meta.truthful-negative", needs=METADATA, sources=["CWE-684"])
async def what_is_not_announced_does_not_work(target: Target) -> None:
    """Ways of client authentication that the metadata does not list do not work.

    What nobody knows to be on, nobody looks after, and nobody switches off.

    Remedy: generate the metadata from the configuration that the server runs with.
    """
    alice = await target.own_login("alice")
    offered = target.announced("token_endpoint_auth_methods_supported")
    if offered is None:
        target.not_applicable("the metadata does not list ways of client authentication")
    client = target.client("confidential")
    for auth in ("basic", "post"):
        answer = await target.redeem(await target.code(alice, client), auth=auth)
        if answer.granted and f"client_secret_{auth}" not in offered:
            target.violation(f"client_secret_{auth}, which is not announced, does not work", str(answer))
