"""Errors are refusals without explanation."""

from conformance.attacks.malformed import BODIES, IDS, ROUTES, trace_in
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "error.status.unauth",
    sources=["ASVS-v5.0.0-16.5.3", "WSTG-ATHN-04", "CWE-755"],
    requests=80,
)
async def whoever_is_nobody_is_refused_properly(target: Target) -> None:
    """No credential, a malformed one and one of an ended session are refused as strangers are, never by a crash.

    An error on the way to a decision is where servers fail open.

    Remedy: Treat whatever cannot be read as a credential as none at all, before it reaches a parser.
    """
    alice = await target.shared_login("alice")
    await target.expect_all_handled([target.stranger()])
    await target.expect_all_handled(alice.holding(text, label=f"somebody with the id {text[:20]!r}") for text in IDS)
    if target.has(Capability.LOGOUT):
        ended = await target.own_login("alice")
        copy = ended.stolen("somebody whose session has ended")
        await target.expect_logged_out(ended)
        await target.expect_no_crash([copy, target.stranger()])
    await target.expect_no_crash(alice.holding(text) for text in IDS)


@check(
    "error.no-trace",
    sources=["ASVS-v5.0.0-16.5.1", "WSTG-ERRH-01", "CWE-209"],
    requests=74,
)
async def errors_show_nothing_of_the_inside(target: Target) -> None:
    """No answer to a malformed request shows a stack trace, a query or a path of the server.

    Traces tell an attacker the framework, its version, paths and queries: which attack to try next, for free.

    Remedy: Answer every unexpected error with the same short text, and write the details to the log.
    """
    alice = await target.shared_login("alice")
    async for what, exchange in target.malformed(alice, BODIES, IDS, ROUTES):
        found = trace_in(exchange.answer.body) if exchange.answer else None
        if found:
            target.violation(f"the answer to {what} shows nothing of the inside", f"it shows {found}", [exchange])


@check(
    "error.oracle.reason",
    needs=[Capability.COOKIE, Capability.LOGOUT],
    sources=["CSS-session-management", "CWE-203", "CWE-210"],
)
async def refusals_do_not_say_why(target: Target) -> None:
    """An ended session and one that never was are refused in the same words, and no refusal repeats the id.

    Whoever guesses or collects ids learns which of them were real, and when somebody was logged in.

    Remedy: Answer every session that does not count with one and the same refusal.
    """
    await target.expect_no_reason(await target.tour())
