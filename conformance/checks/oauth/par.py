"""Pushed authorization requests: a client sends its request itself, and the browser carries a reference (RFC 9126)."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.pushing import MADE_UP, past_reference

PUSH = [Capability.AUTHORIZE, Capability.PUSHED_REQUESTS]


@check("oauth.par.single-use", needs=PUSH, sources=["RFC9126-4-once", "RFC9126-7.3", "CWE-294"])
async def reference_is_used_once(target: Target) -> None:
    """A `request_uri` that led to a code leads another browser to none.

    The reference stands in the address that the browser opens, and so in its history and in logs. Whoever reads it
    there can start the same request again, and have another user's code sent where the client waits for the first.

    Remedy: mark the pushed request as used in the same step that issues its code; a reload before that may pass.
    """
    alice, client = await target.own_login("alice"), target.pusher()
    pushed = await target.pushed(alice, client)
    target.code_of(await target.ask(alice, pushed), alice)
    again = await target.own_login("alice")
    target.demand_no_code(await target.ask(again, pushed), "a request_uri that was used gives no second code")
    await target.expect_push_works(again, client)


@check(
    "oauth.par.expiry",
    needs=PUSH,
    sources=["RFC9126-4", "CWE-613"],
    waits=past_reference,
)
async def reference_expires(target: Target) -> None:
    """A `request_uri` that nobody brought is refused once its `expires_in` has passed.

    A reference that lives on is an authorization request on store: it can be slipped to a user at any later time, with
    all that the client has since been forbidden.

    Remedy: compare the age of the pushed request with the lifetime that you announced, each time it is brought.
    """
    alice, client = await target.own_login("alice"), target.pusher()
    request = target.request(client)
    answer = await target.push(alice, request)
    pushed = target.by_reference(request, answer)
    await target.clock.until(target.beyond(answer))
    again = await target.own_login("alice")
    target.demand_no_code(await target.ask(again, pushed), "an expired request_uri gives no code")
    await target.expect_push_works(again, client)


@check(
    "oauth.par.client-binding",
    needs=[*PUSH, Capability.SECOND_CLIENT],
    sources=["RFC9126-2.2-bound", "CWE-863"],
)
async def reference_belongs_to_its_client(target: Target) -> None:
    """A `request_uri` that one client pushed gives no code under the `client_id` of another.

    A client could start flows in the name of another one, whose scopes and redirect URIs it does not have.

    Remedy: store the client with the pushed request, and compare it with the `client_id` of the browser's request.
    """
    alice, client = await target.own_login("alice"), target.pusher()
    other = target.other_client(client)
    pushed = await target.pushed(alice, client)
    response = await target.ask(alice, target.beside(pushed, client_id=other.id))
    target.demand_no_code(response, f"a request_uri of {client} gives no code to {other}")
    await target.expect_push_works(alice, client)


@check(
    "oauth.par.auth-required",
    needs=[*PUSH, Capability.CONFIDENTIAL_CLIENT],
    sources=["RFC9126-2.1", "ASVS-v5.0.0-10.4.10", "CWE-306"],
)
async def push_authenticates_the_client(target: Target) -> None:
    """A confidential client's request is not pushed by somebody without its secret.

    That the client is known before a user is involved is what pushing is for. Where anybody may push, a request that
    looks like the client's own, and is trusted more for having been pushed, can be anybody's.

    Remedy: authenticate the client at this endpoint exactly as at the token endpoint.
    """
    alice, client = await target.own_login("alice"), target.pusher("confidential")
    request = target.request(client)
    impostor = target.pretending(client, "pickproof-wrong-secret")
    for what, answer in {
        "without its secret": await target.push(alice, request, "without its secret", auth="none"),
        "with a wrong secret": await target.push(alice, request, "with a wrong secret", client=impostor),
    }.items():
        target.demand_not_pushed(answer, f"no push for {client} {what}")
    await target.expect_push_works(alice, client)


@check("oauth.par.no-request-uri", needs=PUSH, sources=["RFC9126-2.1-reference", "CWE-918"])
async def push_holds_no_reference(target: Target) -> None:
    """A push that itself brings a `request_uri` is refused, be it another reference or an address.

    A server that follows it reads a request that was never checked with the one that it checked, or calls an address
    of the attacker's choosing.

    Remedy: refuse `request_uri` at this endpoint, whatever its value.
    """
    alice, client = await target.own_login("alice"), target.pusher()
    request = target.request(client)
    reference = (await target.pushed(alice, client)).reference
    for what, value in {"another reference": reference, "a made-up reference": MADE_UP}.items():
        answer = await target.push(alice, request, f"with {what}", request_uri=value)
        target.demand_not_pushed(answer, f"no push with {what} as its request_uri")
    await target.expect_push_works(alice, client)


@check("oauth.par.post-only", needs=PUSH, sources=["RFC9126-2.3", "CWE-650"])
async def push_takes_no_get(target: Target) -> None:
    """A push by GET is refused, with 405.

    The request, and the secret of a client that sends it along, would stand in an address, and so in logs.

    Remedy: route POST alone to the endpoint.
    """
    alice, client = await target.own_login("alice"), target.pusher()
    answer = await target.push(alice, target.request(client), "by GET", method="GET")
    await target.expect_push_works(alice, client)
    target.expect_only_post(answer)


@check(
    "oauth.par.redirect-validated",
    needs=PUSH,
    sources=["RFC9126-7.2", "RFC9126-2.1-valid", "CWE-601"],
    requests=24,
)
async def pushed_redirect_uri_is_validated(target: Target) -> None:
    """A pushed redirect URI that is not registered leads no browser there.

    The code would go to the attacker, under the name of a client that the user trusts. A client that has shown its
    secret may be allowed to bring a new address with its push; for a client without one it is anybody's.

    Remedy: compare the redirect URI with the registered ones when a request is pushed, too.
    """
    alice, client = await target.own_login("alice"), target.pusher()
    await target.expect_push_works(alice, client)
    for client in target.web_clients():
        await target.expect_no_evil_place(alice, client)


@check("oauth.par.entropy", needs=PUSH, sources=["RFC9126-7.1", "RFC9126-2.2", "CWE-330"], requests=24)
async def reference_has_room_for_128_bits(target: Target) -> None:
    """References differ from each other, and what changes in them has room for 128 random bits.

    Whoever guesses the reference of a request that another user is about to open can open it first. Length and alphabet
    refute; they never prove.

    Remedy: draw 32 bytes from the system's secure random generator for each reference.
    """
    alice, client = await target.shared_login("alice"), target.pusher()
    pushed = [await target.pushed(alice, client) for _ in range(24)]
    target.expect_unguessable([request.reference for request in pushed], "references")


@check("oauth.par.required-policy", needs=PUSH, sources=["RFC9126-4-required", "ASVS-v5.0.0-10.4.13", "CWE-757"])
async def unpushed_request_is_refused(target: Target) -> None:
    """A client that must push its requests gets no code for one that the browser brings, with or without a reference.

    What the client's registration promises is worth nothing if an attacker can go the old way: edit the request in the
    browser, and start it under the client's name without the client.

    Remedy: refuse requests of such a client that come without a reference of yours, with `invalid_request`.
    """
    alice, client = await target.own_login("alice"), target.bound_to_push()
    request = target.request(client)
    for what, plain in {
        "a plain request": target.unpushed(request),
        "a plain request with a made-up reference": target.unpushed(request, request_uri=MADE_UP),
    }.items():
        target.demand_no_code(await target.ask(alice, plain), f"{what} gives {client} no code: it must push")
    await target.expect_push_works(alice, client)


@check(
    "oauth.par.no-override",
    needs=PUSH,
    sources=["RFC9126-4-any", "RFC9101-6.3", "CWE-235"],
    requests=24,
)
async def query_changes_nothing_that_was_pushed(target: Target) -> None:
    """Parameters beside a `request_uri` in the query never replace the pushed ones.

    The user, or whoever wrote the link, could exchange the redirect URI, the scope or the challenge after they were
    checked, and pushing would protect nothing.

    Remedy: once a request was pushed read nothing from the query but `client_id` and `request_uri`.
    """
    alice, client = await target.own_login("alice"), target.pusher()
    await target.expect_push_works(alice, client)
    await target.expect_not_overridden(alice, client)


@check("oauth.par.response-form", needs=PUSH, sources=["RFC9126-2.2", "CWE-20"])
async def push_is_answered_in_form(target: Target) -> None:
    """A push is answered with 201, a `request_uri` and a positive `expires_in`, and not to be stored.

    Clients that do not learn how long a reference lives send users into errors, or keep references for later.

    Remedy: answer with 201 and both members, with `Cache-Control: no-store`.
    """
    alice, client = await target.shared_login("alice"), target.pusher()
    target.expect_proper_answer(await target.push(alice, target.request(client)))


@check(
    "oauth.par.ssrf",
    needs=[Capability.AUTHORIZE, Capability.LISTENER],
    sources=["RFC9101-10.4.1", "ASVS-v5.0.0-1.3.6", "CWE-918"],
)
async def no_address_is_fetched(target: Target) -> None:
    """An address as `request_uri` makes the server fetch nothing.

    Anybody can send such a request, without a login and without being a client. A server that follows it calls hosts
    inside its own network, and lets the attacker write the request that it goes on with. The kit listens at an address
    of its own; a fetch is a finding whatever comes of the request.

    Remedy: take references of your own alone; where clients keep requests at addresses, fetch those that were
    registered and no others.
    """
    alice, client = await target.own_login("alice"), target.client()
    await target.send_to_listener(alice, client)
    await target.expect_no_visit()
    await target.code(alice, client)


@check(
    "oauth.race.par-double-use",
    needs=PUSH,
    sources=["RFC9126-4-once", "RFC9126-7.3", "CWE-362"],
    logins=4,
    requests=50,
)
async def reference_is_used_once_in_a_race(target: Target) -> None:
    """Several browsers that bring one `request_uri` at the same time get one code between them at the most.

    Between looking a reference up and spending it lies a gap, as wide as a user's decision takes. Who knows the
    reference waits on the same page of consent as the victim.

    Remedy: spend the reference with one conditional update when the user decides, and issue a code only if it changed a
    row.
    """
    browsers, client = await target.browsers(4), target.pusher()
    rounds = [
        await target.bring_together(browsers, await target.pushed(browsers[0], client)) for _ in range(target.ROUNDS)
    ]
    if not any(rounds):
        target.inconclusive("no browser got a code in any round")
    target.note = f"one code at the most in {target.ROUNDS} rounds of {len(browsers)} browsers"
