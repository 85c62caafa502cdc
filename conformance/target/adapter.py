"""Verbs in Python, for targets whose steps TOML cannot say.

An adapter is a class with any of the methods ``login``, ``identity``, ``logout``, ``refresh`` … Each gets a `Client`
and returns what the verb takes: a table of tokens, or the name for ``identity``. Verbs that the class lacks come
from the description.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.errors import DescriptionError, Inconclusive, PickproofError
from conformance.target.description import TAKEN
from conformance.target.party import form_body, json_body
from conformance.target.templates import json_of

if TYPE_CHECKING:
    from conformance.model import Answer, Exchange
    from conformance.target.party import Party


@dataclass
class Client:
    """What an adapter's method sends requests with: the party's cookies, tokens and connection."""

    party: Party
    words: Mapping[str, str]
    """The account's fields, tokens taken before, ``origin``."""
    purpose: str
    last: Exchange | None = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Send one request; cookies of the answer are kept, redirects are not followed.

        Raises:
            Inconclusive: no answer came.
        """
        kind = None
        if json is not None:
            content, kind = json_body(json), "application/json"
        elif form is not None:
            content, kind = form_body(form.items()), "application/x-www-form-urlencoded"
        self.last = await self.party.send(
            method, path, purpose=self.purpose, headers=headers, query=query, content=content, content_type=kind
        )
        if self.last.answer is None:
            raise Inconclusive(f"{method} {path}: {self.last.error}", (self.last,), "adapter")
        return self.last.answer

    @staticmethod
    def json(answer: Answer) -> Any:
        """The body as JSON, or None."""
        return json_of(answer)


class Adapter:
    """Wraps a user's class in the shape that the kit calls."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def offers(self, verb: str) -> bool:
        """Whether the class has the verb."""
        return callable(getattr(self._inner, verb, None))

    async def perform(self, verb: str, party: Party, words: Mapping[str, str], purpose: str) -> Exchange:
        """Run a verb; the tokens that it returns are kept by the party.

        Raises:
            Inconclusive: it sent nothing, or raised.
        """
        client = Client(party, words, purpose)
        taken = await self._call(verb, client)
        if isinstance(taken, Mapping):
            for name, value in taken.items():
                if name in TAKEN:
                    party.tokens[name] = str(value)
                    party.learn(f"{name} token", str(value))
        return self._last(verb, client)

    async def identify(self, party: Party, purpose: str) -> tuple[Exchange, str | None]:
        """Run ``identity``: the exchange and the name, or None for a stranger."""
        client = Client(party, {**party.system.words(party), **party.tokens}, purpose)
        name = await self._call("identity", client)
        return self._last("identity", client), str(name) if name else None

    async def authorize(self, party: Party, url: str, purpose: str) -> tuple[str, tuple[Exchange, ...]]:
        """Run ``authorize`` at the URL of an authorization request: where the user is sent, and the last exchange.

        Raises:
            Inconclusive: it sent nothing, or raised.
        """
        client = Client(party, {**party.system.words(party), "url": url}, purpose)
        location = await self._call("authorize", client)
        return str(location or ""), (self._last("authorize", client),)

    async def _call(self, verb: str, client: Client) -> Any:
        try:
            return await getattr(self._inner, verb)(client)
        except PickproofError:
            raise
        except Exception as problem:
            raise Inconclusive(
                f"the adapter's `{verb}` raised {type(problem).__name__}", (client.last,) if client.last else (),
                "adapter",
            ) from None  # fmt: skip

    def _last(self, verb: str, client: Client) -> Exchange:
        if client.last is None:
            raise Inconclusive(f"the adapter's `{verb}` sent no request", (), "adapter")
        return client.last


def load_adapter(name: str, where: Path | None) -> Adapter:
    """Import ``module:Class``, beside the description first, and make one.

    Raises:
        DescriptionError: it cannot be imported or made.
    """
    module, _, attribute = name.partition(":")
    place = str(where.parent.resolve()) if where else None
    if place and place not in sys.path:
        sys.path.insert(0, place)
    try:
        return Adapter(getattr(importlib.import_module(module), attribute)())
    except Exception as problem:
        raise DescriptionError(
            str(where or "description"), "adapter", f"{name!r} cannot be loaded: {type(problem).__name__}: {problem}",
            "module:Class, importable from the folder of the description",
        ) from None  # fmt: skip
