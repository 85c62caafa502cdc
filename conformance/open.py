"""From a word on the command line to a system: a description, a reference server or an app of the user's."""

from __future__ import annotations

import contextlib
import importlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from conformance.errors import DescriptionError, UsageError
from conformance.model import Capability, Exchange
from conformance.target.adapter import load_adapter
from conformance.target.clock import Clock, Jump, RealClock, TravellingClock, command_jump, faketime_jump
from conformance.target.description import ClockHook, Description, digest, load, parse
from conformance.target.hooks import request_jump
from conformance.target.system import System
from conformance.target.wire import PATIENCE, Limits, Log, Wire, origins_of

REPLICA = "replica"
"""In ``ref:SCHEME+replica``: two servers on one store, the second one listed in `replicas`."""
CONNECT = 5.0
"""Seconds for a connection at the most."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to reach a target."""

    limits: Limits = field(default_factory=Limits)
    ca: Path | None = None
    """A file of certificate authorities to trust instead of the system's."""
    insecure: bool = False
    """Accept any certificate."""
    proxy: str | None = None
    seed: int = 0
    timeout: float = 10.0
    """Seconds without a byte after which an answer is given up."""
    onlooker: Callable[[Exchange], None] | None = None
    """Told of every exchange outside the checks."""
    transport: Callable[[], httpx.AsyncBaseTransport] | None = None
    """In place of the kit's own sender, for tests."""

    @property
    def words(self) -> tuple[str, ...]:
        """The options of the command line that say this; those that say nothing new are left out."""
        usual = Options()
        told = (
            ("--ca", self.ca, usual.ca), ("--proxy", _without_password(self.proxy), usual.proxy),
            ("--rate", self.limits.rate, usual.limits.rate),
            ("--concurrency", self.limits.concurrency, usual.limits.concurrency),
            ("--timeout", self.timeout, usual.timeout),
        )  # fmt: skip
        words = [word for name, value, ordinary in told if value != ordinary for word in (name, _word(value))]
        return (*words, *(("--insecure",) if self.insecure else ()))


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _without_password(url: str | None) -> str | None:
    """A command is printed and kept, so that whoever runs it again fills this in."""
    start, at, host = (url or "").rpartition("@")
    scheme, _, user = start.rpartition("://")
    return f"{scheme}://{user.partition(':')[0]}:PASSWORD@{host}" if at and ":" in user else url


@contextlib.asynccontextmanager
async def opened(word: str, options: Options) -> AsyncIterator[System]:
    """The system behind a TARGET; closed, and what was started for it stopped, at the end.

    Raises:
        DescriptionError: the description is wrong.
        UsageError: the word names nothing.
    """
    async with contextlib.AsyncExitStack() as stack:
        table, where, sha, clock = await _described(word, stack, options)
        system = make_system(table, where, sha, clock, options)
        stack.push_async_callback(system.close)
        yield system


def _file(word: str) -> Path:
    path = Path(word)
    return path / "target.toml" if path.is_dir() else path


def _meant(word: str) -> str:
    """What somebody may have meant by a word that names nothing."""
    host, _, port = word.partition("/")[0].partition(":")
    if port.isdecimal() and host:
        return f"; for a URL say http://{word}"
    if Path(word).suffix == ".toml":
        return ": `pickproof init URL` drafts one"
    return ". A TARGET is a target.toml, a URL, ref:SCHEME or app:module:attribute"


async def _described(
    word: str, stack: contextlib.AsyncExitStack, options: Options
) -> tuple[Description, str, str, Clock | None]:
    if word.startswith("ref:"):
        return await _reference(word, stack)
    if word.startswith(("http://", "https://")):
        return await _discovered(word, options)
    if word.startswith("app:"):
        return await _app(word, stack)
    path = _file(word)
    if not path.exists():
        raise UsageError(f"{word}: no such file{_meant(word)}")
    description, sha = load(path)
    return description, str(path), sha, None


async def _discovered(word: str, options: Options) -> tuple[Description, str, str, Clock | None]:
    """What discovery finds out about a URL, told on standard error: it is a guess until somebody has read it."""
    from conformance.discover.shortcut import described_by

    table, plain = await described_by(word, options)
    return parse({**table, "accounts": plain}, word), word, digest(table), None


async def _reference(word: str, stack: contextlib.AsyncExitStack) -> tuple[Description, str, str, Clock | None]:
    from reference_impl import build
    from reference_impl.clock import Clock as ReferenceClock
    from reference_impl.hosting import Hosted

    scheme, *switches = word.removeprefix("ref:").split("+")
    chosen = [switch for switch in switches if switch != REPLICA]
    several = REPLICA in switches or _needs_replica(scheme, chosen)
    store = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/shared.db" if several else "memory://"
    time_of_all = ReferenceClock()
    try:
        servers = [build(scheme, chosen, clock=time_of_all, store=store) for _ in range(2 if several else 1)]
    except ValueError as problem:
        raise UsageError(f"{word}: {problem}") from None
    hosted, *others = [await stack.enter_async_context(Hosted(server)) for server in servers]
    table = servers[0].describe(hosted.base_url)
    steady = {**table, "base_url": word}

    async def jump(by: float, _offset: float) -> None:
        time_of_all.advance(by)

    clock = TravellingClock(jump, "in-process")
    if others:
        table, steady = {**table, "replicas": [o.base_url for o in others]}, {**steady, "replicas": [REPLICA]}
    # Ports change from run to run and are no part of what was certified.
    return parse({"name": word, **table}, word), word, digest(steady), clock


def _needs_replica(scheme: str, switches: Iterable[str]) -> bool:
    """Whether one of these faults shows on a second replica only."""
    from conformance.registry import catalogue
    from reference_impl import FAULTS

    killers = {fault.primary for fault in FAULTS if fault.scheme == scheme and fault.id in switches}
    known = catalogue()
    return any(Capability.SECOND_REPLICA in known[id].needs for id in killers if id in known)


async def _app(word: str, stack: contextlib.AsyncExitStack) -> tuple[Description, str, str, Clock | None]:
    from conformance.target.hosting import hosted_app

    _, module, attribute = [*word.split(":"), "", ""][:3]
    try:
        holder = importlib.import_module(module)
        app = getattr(holder, attribute)
    except (ImportError, AttributeError, ValueError) as problem:
        raise UsageError(f"{word}: {problem}. Spell it app:module:attribute") from None
    table: dict[str, Any] | None = getattr(holder, "PICKPROOF", None)
    if table is None:
        raise UsageError(
            f"{word}: module {module} says nothing of how one logs in: give it a dict PICKPROOF with the keys of a "
            "target.toml"
        )
    base_url = await stack.enter_async_context(hosted_app(app))
    return parse({"name": word, **table, "base_url": base_url}, f"{module}.PICKPROOF"), word, digest(table), None


def make_system(description: Description, where: str, sha: str, clock: Clock | None, options: Options) -> System:
    """The system of a description, not yet preflighted."""
    wire = Wire(
        origins_of([description.base_url, *description.replicas, *_named(description)]),
        options.transport or sender(options),
        options.limits,
    )
    file = Path(where) if where.endswith(".toml") else None
    system = System(
        description, where, sha, description.name or description.base_url, wire, clock or RealClock(),
        seed=options.seed, log=Log(options.onlooker), reached=options.words,
        adapter=load_adapter(description.adapter, file) if description.adapter else None,
    )  # fmt: skip
    if description.oauth:
        from conformance.target.authorization import AuthorizationServer

        system.authorization = AuthorizationServer(system, description.oauth)
    if description.clock and clock is None:
        system.clock = TravellingClock(_jump(description.clock, system), _kind(description.clock))
    # Where time travels, its seconds are not the kit's, and what it throttles is told by its own clock.
    wire.patience = 0.0 if system.clock.travels else PATIENCE
    _check_methods(system)
    return system


def _named(description: Description) -> list[str]:
    """The addresses of hosts of their own that the description names: an authorization server, a mail server."""
    table = description.oauth.model_dump() if description.oauth else {}
    told = [table.get(key) for key in ("metadata", *(name for name in table if name.endswith("_endpoint")))]
    # A message about a forgotten password is read at the mail server of the test.
    recovery = description.reset_password.steps if description.reset_password else []
    told += [(step.send or step.page or "").rpartition(" ")[2] for step in recovery]
    return [url for url in told if isinstance(url, str) and url.startswith("http")]


def _check_methods(system: System) -> None:
    """Verbs that neither the description nor the adapter has."""
    for verb in ("login", "identity"):
        if getattr(system.description, verb) is None and not (system.adapter and system.adapter.offers(verb)):
            raise DescriptionError(system.where, verb, "is missing, and the adapter lacks it too")


def sender(options: Options) -> Callable[[], httpx.AsyncBaseTransport]:
    """The kit's own sender, reaching a target as the options say."""
    from conformance.target.idle_connections import Keeping
    from conformance.target.sender import TLS, Sender

    tls, keeping = TLS(ca=options.ca, verify=not options.insecure), Keeping()
    return lambda: Sender(
        tls=tls, proxy=options.proxy, connect_timeout=min(CONNECT, options.timeout), read_timeout=options.timeout,
        total_timeout=3 * options.timeout, keeping=keeping,
    )  # fmt: skip


def _jump(hook: ClockHook, system: System) -> Jump:
    if hook.command:
        return command_jump(hook.command)
    if hook.faketime_file:
        return faketime_jump(Path(hook.faketime_file))
    return request_jump(hook, system)


def _kind(hook: ClockHook) -> str:
    return "command" if hook.command else "faketime" if hook.faketime_file else "endpoint"
