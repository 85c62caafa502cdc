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


@check("bearer.query-private", needs=[Capability.TOKEN], sources=["RFC6750-2.3-private", "CWE-525"])
async def answer_to_a_token_in_the_query_is_private(target: Target) -> None:
    """Where a token in the query counts, the answer is kept out of shared caches.

    For a cache the address is the key, and nothing in it says that the answer is one user's.

    Remedy: read the token from the Authorization header alone; else send `Cache-Control: private`.
    """
    alice = await target.shared_login("alice")
    await target.expect_private(target.in_query(target.bare(alice, "a client"), alice.secret(target.bearer)))


@check(
    "bearer.two-methods",
    needs=[Capability.TOKEN, Capability.SECOND_ACCOUNT],
    sources=["RFC6750-3.1", "OAUTH21-5.3.2", "CWE-436"],
)
async def two_ways_at_once_are_refused(target: Target) -> None:
    """Where tokens in the query count, a request with one there and another in the header is refused.

    A gateway that reads the one and a server that obeys the other let a user act as another.

    Remedy: read the token from the Authorization header alone; else count the ways, and answer two with 400.
    """
    await target.expect_refused(await target.both_ways())


@check("bearer.not-from-cookie", needs=[Capability.TOKEN], sources=["CWE-352"])
async def token_in_a_cookie_does_not_count(target: Target) -> None:
    """A token that clients send in a header does not count when it comes in a cookie.

    Cookies travel with requests that other sites start. What is safe in a header, since scripts add it, then needs a
    defence against forged requests that an API does not have.

    Remedy: read the token from the Authorization header alone.
    """
    alice = await target.shared_login("alice")
    judged = await target.in_cookies(alice).whoami()
    await target.expect_not_alice(judged, "a cookie")
