"""What a client without a usable token is told."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "bearer.no-token-401",
    needs=[Capability.TOKEN],
    sources=["RFC6750-3", "RFC6750-3.1-no-token", "RFC9110-11.6.1", "OAUTH21-5.3.1", "RFC9110-15.5.2"],
)
async def missing_token_is_challenged(target: Target) -> None:
    """A request without a token gets 401 with a Bearer challenge that names no error.

    Clients learn from the challenge that a token is missing, as opposed to wrong. Many good servers answer otherwise;
    only the profile rfc6750 demands this form, and a target that never says 401 is told so as advice.

    Remedy: answer 401 with WWW-Authenticate: Bearer and a realm, without error.
    """
    await target.need_bearer_scheme()
    expected = "401 with a Bearer challenge that names no error"
    told = await target.refusal(target.stranger())
    if told.status != 401:
        target.advise(expected, str(told), [told.exchange])
    if not told.bearer or told.error:
        target.violation(expected, str(told), [told.exchange])


@check(
    "bearer.invalid-token-401",
    needs=[Capability.TOKEN],
    sources=["RFC6750-3.1-invalid-token", "OAUTH21-5.3.2"],
)
async def wrong_token_is_called_invalid(target: Target) -> None:
    """A token that nobody issued gets 401 with a Bearer challenge and error="invalid_token".

    By this a client knows that it must fetch a new token instead of repeating the request.

    Remedy: answer 401 with WWW-Authenticate: Bearer error="invalid_token", for every reason alike.
    """
    await target.need_bearer_scheme()
    expected = '401 with a Bearer challenge and error="invalid_token"'
    told = await target.refusal(await target.made_up())
    if (await target.refusal(target.stranger())).status != 401:
        target.advise(expected, str(told), [told.exchange])
    if told.status != 401 or told.error != "invalid_token":
        target.violation(expected, str(told), [told.exchange])


@check("bearer.challenge-grammar", needs=[Capability.TOKEN], sources=["RFC6750-3-repeat", "OAUTH21-5.3.1", "CWE-113"])
async def challenge_can_be_read(target: Target) -> None:
    """A Bearer challenge is a list of name=value pairs in which no name stands twice.

    A client that cannot read it does not learn whether to fetch a new token, and tries the old one for ever.

    Remedy: quote values, separate them by commas, and write each parameter once.
    """
    await target.need_bearer_scheme()
    for party in (target.stranger(), await target.made_up()):
        await target.expect_challenge_well_formed(party)
