"""What an authorization response says besides its code."""

from conformance.attacks.states import states
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target

AUTHORIZE = [Capability.AUTHORIZE]


@check(
    "oauth.state.echo",
    needs=AUTHORIZE,
    sources=["RFC6749-4.1.2", "RFC6749-4.1.2.1", "OAUTH21-4.1.2", "CWE-352"],
    requests=2,
)
@given(examples=24, state=states)
async def state_comes_back_unchanged(target: Target, state: str) -> None:
    """The state that a client sends comes back byte for byte, long and odd ones included.

    The client compares it with what it stored for this browser; a state that is cut, decoded twice or left out
    makes clients turn the comparison off.

    Remedy: keep the state as it came and encode it once, as a query parameter, in the response.
    """
    response = await target.authorize(await target.shared_login("alice"), state=state)
    code = target.code_of(response, await target.shared_login("alice"))
    if code.response.values("state") != [state]:
        target.violation(f"state {state!r} comes back", f"state {code.response.values('state')!r} came")


@check("oauth.iss.present", needs=[*AUTHORIZE, Capability.METADATA], sources=["RFC9207-2", "RFC9207-3", "CWE-346"])
async def response_names_its_issuer(target: Target) -> None:
    """A server whose metadata announces `iss` sends it with every response, errors too, equal to its issuer.

    A client of several servers tells by it which one answered; without it, a malicious server can have the code of
    an honest one sent to itself.

    Remedy: add the issuer to each redirect, in the code that makes redirects.
    """
    alice, client = await target.own_login("alice"), target.client()
    if target.authorization.metadata.get("authorization_response_iss_parameter_supported") is not True:
        target.not_applicable("the metadata does not announce iss in authorization responses")
    target.expect_issuer((await target.code(alice, client)).response)
    refused = await target.authorize(alice, client, response_type="pickproof")
    target.demand_answer(refused)
    if refused.error:
        target.expect_issuer(refused)
