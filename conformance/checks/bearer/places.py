"""Where a token must not be read from."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.party import form_body, json_body


@check(
    "bearer.query-refused",
    needs=[Capability.TOKEN],
    sources=["RFC6750-2.3", "ASVS-v5.0.0-14.2.1", "PICKPROOF-T2", "OAUTH21-5.1", "CWE-598"],
)
async def token_in_the_query_does_not_count(target: Target) -> None:
    """A token in the query makes nobody its owner, with or without a token in the header.

    Addresses stand in logs, histories and Referer headers, and a link is easily sent: a victim who follows one with
    the attacker's token works in the attacker's account.

    Remedy: read the token from the Authorization header alone.
    """
    alice = await target.shared_login("alice")
    await target.expect_accepted(alice)
    for asker in await target.askers():
        judged = await target.in_query(asker, alice.secret(target.bearer)).whoami()
        await target.expect_not_alice(judged, "the query")


@check(
    "bearer.body-rules",
    needs=[Capability.TOKEN],
    sources=["RFC6750-2.2", "PICKPROOF-T2", "OAUTH21-5.1.2", "CWE-436"],
)
async def token_in_the_body_does_not_count(target: Target) -> None:
    """A token in the body of a GET, in JSON or in a multipart form makes nobody its owner.

    Bodies are data that users fill in. A parameter called access_token that wins over the header lets a form on any
    page choose the account.

    Remedy: read the token from the Authorization header alone; RFC 6750 allows the body of a plain form with POST at
    most.
    """
    alice = await target.shared_login("alice")
    await target.expect_accepted(alice)
    token = alice.secret(target.bearer)
    part = f'--pp\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n{token}\r\n--pp--\r\n'
    for asker in await target.askers():
        for media, body in (
            ("application/x-www-form-urlencoded", form_body([("access_token", token)])),
            ("application/json", json_body({"access_token": token})),
            ("multipart/form-data; boundary=pp", part.encode()),
        ):
            judged = await target.whoami_with_body(asker, body, media)
            await target.expect_not_alice(judged, f"a body of {media.partition(';')[0]}")
