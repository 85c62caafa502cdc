"""The list of a user's own sessions: reading it, and ending what stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.errors import Inconclusive
from conformance.model import Answer, Exchange
from conformance.target.party import Party
from conformance.target.sensitive import Reauthentication
from conformance.target.templates import json_of, pointer
from conformance.target.unproven import Unproven
from conformance.target.verbs import perform

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from conformance.target.description import SessionList

ATTRIBUTE = re.compile(r"(.*)@([A-Za-z_:][\w:.-]*)", re.DOTALL)
MOST_ITEMS = 1000
NOT_SET: tuple[object, ...] = (None, False, 0, "", "false", "0", "no", [], {})


@dataclass(frozen=True, slots=True)
class Listed:
    """One item of the list."""

    handle: str
    current: bool
    """Marked as the session that asks."""


def listed(description: SessionList, answer: Answer) -> list[Listed] | None:
    """The items in an answer; None where nothing stands at `items`, or an item has no handle."""
    items = _items(description.items, answer)
    if items is None:
        return None
    handles = [_at(description.handle, item) for item in items]
    marked = [description.current is not None and _is_marked(description.current, item) for item in items]
    if not all(_is_handle(handle) for handle in handles):
        return None
    return [Listed(str(handle), current) for handle, current in zip(handles, marked, strict=True)]


def _items(source: str, answer: Answer) -> list[Any] | None:
    kind, _, spot = source.partition(":")
    if kind == "json":
        found = pointer(json_of(answer), spot)
        return found[:MOST_ITEMS] if isinstance(found, list) else None
    from selectolax.lexbor import LexborHTMLParser

    try:
        return LexborHTMLParser(answer.body.decode("utf-8", "replace")).css(spot)[:MOST_ITEMS]
    except Exception:
        return None


def _at(source: str, item: Any) -> Any:
    """What stands at a source inside an item; None for nothing."""
    kind, _, spot = source.partition(":")
    if kind == "json":
        return pointer(item, spot)
    return _in_node(spot, item)


def _in_node(spot: str, item: LexborNode) -> str | None:
    found = ATTRIBUTE.fullmatch(spot)
    selector, attribute = (found[1], found[2]) if found else (spot, None)
    try:
        node = item.css_first(selector) if selector else item
    except Exception:
        return None
    if node is None:
        return None
    if attribute:
        return None if attribute not in node.attributes else node.attributes[attribute] or "true"
    return str(node.text(strip=True))


def _is_marked(source: str, item: Any) -> bool:
    """Whether something stands there; in HTML an element that is there marks even when it is empty."""
    value = _at(source, item)
    element = source.startswith("html:") and not ATTRIBUTE.fullmatch(source)
    return value is not None if element else value not in NOT_SET


def _is_handle(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


class Listing(Reauthentication):
    """Verbs about the list of sessions."""

    async def sessions_of(self, party: Party) -> list[Listed]:
        """What the list shows a party.

        Raises:
            Inconclusive: the list is not where the description says.
        """
        return (await self._read_list(party))[0]

    async def _read_list(self, party: Party) -> tuple[list[Listed], Exchange]:
        described = self.system.description.sessions.list_
        if described is None:
            self.not_applicable("describe `sessions.list`")
        exchange = await perform(party, "sessions.list", described, f"{party.label} lists the sessions")
        answer = exchange.answer
        if answer is None or answer.status >= 300:
            status = answer.status if answer else exchange.error
            raise Inconclusive(f"the list of sessions answered {status}: is `sessions.list` right?", (exchange,))
        found = listed(described, answer)
        if found is None or len({item.handle for item in found}) < len(found):
            where = f"items = {described.items!r} with handle = {described.handle!r}"
            raise Inconclusive(f"the list of sessions has no {where}, each of its own, in its answer", (exchange,))
        return found, exchange

    async def on_another_device(self, user: Party) -> tuple[Party, str]:
        """Another login of a user, and its handle: what the list shows since.

        A list without it, or with more than it, is no true list.
        """
        before = {item.handle for item in await self.sessions_of(user)}
        other = await self.second_login(user)
        if not await self.survives(user):
            self.not_applicable("a second login ends the first")
        after, exchange = await self._read_list(user)
        new = [item.handle for item in after if item.handle not in before]
        if len(new) != 1:
            await self.expect_accepted(other)
            actual = f"{len(new)} new items after one login"
            self.violation("the list shows the session that began a moment ago", actual, (*other.history, exchange))
        return other, new[0]

    async def expect_listed(self, handle: str, reader: Party, party: Party) -> None:
        """The list shows a session that lives."""
        found, exchange = await self._read_list(reader)
        if handle not in {item.handle for item in found}:
            await self.expect_accepted(party)
            actual = f"one that lives is not among the {len(found)}"
            self.violation("the list shows every live session", actual, (*party.history, exchange))

    async def expect_unlisted(self, handle: str, party: Party, why: str) -> None:
        """The list does not show a session."""
        found, exchange = await self._read_list(party)
        if handle in {item.handle for item in found}:
            self.violation(f"{party.label} is shown no {why}", f"it stands in the list of {len(found)}", (exchange,))

    async def expect_current(self, party: Party, handle: str = "") -> None:
        """The list marks the session that asks, and no other; where the description says how."""
        described = self.system.description.sessions.list_
        if described is None or not described.current:
            return
        found, exchange = await self._read_list(party)
        marked = [item.handle for item in found if item.current]
        if len(marked) != 1 or (handle and marked != [handle]):
            other = "another one" if len(marked) == 1 else f"{len(marked)} of {len(found)}"
            self.violation("the list marks the session that asks, and no other", f"it marks {other}", (exchange,))

    async def expect_no_secret_listed(self, reader: Party, parties: Sequence[Party]) -> None:
        """Nothing in the list is worth a session: no credential stands there, and no handle is one."""
        found, exchange = await self._read_list(reader)
        body = exchange.answer.body.decode("utf-8", "replace") if exchange.answer else ""
        for party in parties:
            if any(value and value in body for carrier in self.system.carriers if (value := party.secret(carrier))):
                self.violation("no session's credential stands in the list", f"that of {party.label} does", (exchange,))
        await self.expect_all_refused(self._holding_handles(reader, found))

    def _holding_handles(self, reader: Party, found: Iterable[Listed]) -> Iterator[Party]:
        for item in found:
            yield reader.holding(item.handle, label="a thief who read a handle in the list, and sends it as credential")

    # -- revoking

    def unproven_revocations(self, user: Party) -> list[Unproven]:
        """Revocations by somebody who has no more than the session."""
        return self.unproven(user, self.system.description.sessions.revoke)

    async def expect_not_revoked(self, victim: Party, thief: Party, handle: str, attempt: Unproven) -> None:
        """An attempt to revoke a session leaves it alone."""
        exchange = await self.tried(thief, "sessions.revoke", attempt, handle=handle)
        judged = await victim.whoami()
        if judged.refused:
            await self.system.control(judged.exchange.sent_at)
            self.violation(f"revoking a session {attempt} is refused", f"{victim.label} is {judged}")
        if not judged.accepted:
            self.inconclusive(f"whether {victim.label} is still signed in is {judged}")
        self.must_be_clear(exchange, f"revoking a session {attempt}")

    async def revoke(self, user: Party, handle: str) -> None:
        """Revoke one of a user's sessions.

        Raises:
            Inconclusive: it was refused.
        """
        verb = self.system.description.sessions.revoke
        purpose = f"{user.label} revokes a session"
        exchange = await user.verb("sessions.revoke", verb, purpose, handle=handle)
        if exchange.answer is None or exchange.answer.status >= 400:
            self.inconclusive("the revocation was refused: is `sessions.revoke` right?", (exchange,))

    def as_foreigner(self) -> Unproven:
        """A revocation by another user, who proves no more than who that is."""
        verb = self.system.description.sessions.revoke
        return Unproven("of another user", verb) if verb else self.not_applicable("describe `sessions.revoke`")
