"""A token of another kind, or for another service."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.cross.id-as-access",
    needs=[],
    sources=["ASVS-v5.0.0-9.2.2", "RFC8725-3.12", "RFC8725-2.8"],
)
async def id_token_opens_nothing(target: Target) -> None:
    """An ID token is refused where an access token is expected.

    It was made for the client to read, lies in browsers and logs of third parties, and often lives longer. It carries
    the same issuer, subject and signature; only its kind keeps it apart.

    Remedy: give access tokens a typ of their own, at+jwt, and demand it; demand the audience of the service.
    """
    alice = await target.shared_login("alice")
    id_token = alice.tokens.get("id_token") or target.not_applicable("the login gives no ID token, `take.id_token`")
    await target.expect_refused(alice.holding(id_token, target.credential, "alice with her ID token"))


@check(
    "token.cross.audience",
    needs=[Capability.OTHER_AUDIENCE],
    sources=[
        "ASVS-v5.0.0-10.3.1",
        "ASVS-v5.0.0-9.2.3",
        "RFC8725-3.9",
        "RFC9700-2.3",
        "RFC9068-5",
        "ASVS-v5.0.0-9.2.4",
        "CWE-863",
    ],
)
async def token_for_another_service_is_refused(target: Target) -> None:
    """A token that the issuer made for another service is refused here.

    Otherwise the weakest service of the house, or one that a user only tries out, collects tokens for all of them.

    Remedy: demand the own audience in every token, or in the answer of introspection.
    """
    target.need_token()
    await target.expect_refused(await target.for_another_service())
