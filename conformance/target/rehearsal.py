"""Proving the rest of a description: verbs that change an account or end its sessions. Nothing here attacks.

Preflight proves login, identity and logout only. What is tried here leaves traces on the target: it needs
``--allow destructive``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from conformance.errors import Inconclusive, NotApplicable, PreflightError
from conformance.model import Capability, Check, Exchange
from conformance.target.facade import Target
from conformance.target.preflight import Proof
from conformance.target.system import System

HINT = "compare the step with what a browser sends; `pickproof doctor -v` shows each request"


async def rehearse(system: System) -> AsyncIterator[Proof]:
    """Perform each further verb that is described, after preflight, and see that it has an effect.

    Raises:
        PreflightError: a verb does not do what the description says.
    """
    target = Target(system, _REHEARSAL)
    for capability, key, act in _ACTS:
        if not target.has(capability):
            continue
        try:
            yield Proof(key, await act(target))
        except NotApplicable as stop:
            yield Proof(key, f"is left out: {stop.reason}", doubt=True)
        except Inconclusive as stop:
            at = stop.key or key
            raise PreflightError(at, stop.reason.removeprefix(f"{at}: "), HINT, stop.evidence[-3:]) from None
        # Whatever it was, it may have ended sessions that a later one relies on.
        system.doubt_shared()


async def _refresh(target: Target) -> str:
    alice = await target.own_login("alice")
    exchange = await alice.verb("refresh", target.system.description.refresh, "alice refreshes her token")
    status = _done(exchange, "refresh")
    await target.expect_accepted(alice, "refresh")
    return f"answered {status}; the new token is accepted"


async def _mutate(target: Target) -> str:
    async with target.csrf_victim():
        return "a change is written and read back; what stood there before is put back"


async def _step_up(target: Target) -> str:
    alice = await target.own_login("alice")
    verb = target.system.description.step_up
    return f"answered {_done(await alice.verb('step_up', verb, 'alice proves her password again'), 'step_up')}"


async def _logout_all(target: Target) -> str:
    first, second = await target.own_login("alice"), await target.own_login("alice")
    await target.log_out_everywhere(second)
    ended = [(await party.whoami()).refused for party in (first, second)]
    return "every session of the account is ended" if all(ended) else "sessions of the account still live"


async def _register(target: Target) -> str:
    await target.newcomer()
    return "a newcomer registers and logs in"


async def _change_password(target: Target) -> str:
    somebody = await target.somebody_with_a_password()
    await target.change_password(somebody)
    return "the new password " + ("is taken, and put back" if somebody.owner else "logs a newcomer in")


async def _reset_password(target: Target) -> str:
    somebody = await target.somebody_with_a_password()
    async with target.recovered(somebody):
        pass
    return "the password that a recovery gave " + ("is taken, and put back" if somebody.owner else "logs a newcomer in")


async def _delete_account(target: Target) -> str:
    newcomer = await target.newcomer()
    verb = target.system.description.delete_account
    status = _done(await newcomer.verb("delete_account", verb, "a newcomer deletes the account"), "delete_account")
    ended = (await newcomer.whoami()).refused
    return f"answered {status}; the account " + ("is gone" if ended else "still counts as signed in")


def _done(exchange: Exchange, key: str) -> int:
    """The status of a verb that was taken.

    Raises:
        Inconclusive: it was refused, or not answered.
    """
    status = exchange.answer.status if exchange.answer else 0
    if not status or status >= 400:
        raise Inconclusive(f"answered {status or exchange.error}", (exchange,), key)
    return status


_ACTS: tuple[tuple[Capability, str, Callable[[Target], Awaitable[str]]], ...] = (
    (Capability.REFRESH, "refresh", _refresh),
    (Capability.MUTATE, "mutate", _mutate),
    (Capability.STEP_UP, "step_up", _step_up),
    (Capability.LOGOUT_ALL, "logout_all", _logout_all),
    (Capability.REGISTER, "register", _register),
    (Capability.CHANGE_PASSWORD, "change_password", _change_password),
    (Capability.RESET_PASSWORD, "reset_password", _reset_password),
    (Capability.DELETE_ACCOUNT, "delete_account", _delete_account),
)
"""In an order in which none spoils the next."""


async def _nothing(_: Target) -> None: ...


_REHEARSAL = Check("doctor", "The description works", "", "", (), (), _nothing)
"""The view of a target belongs to a check: what it makes up at random depends on the check's id."""
