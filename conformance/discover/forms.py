"""HTML forms: which one logs in, which one logs out, which one changes a password, and what goes into which field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from conformance.discover.probe import WORD, Probe, is_page
from conformance.discover.routes import CAPTCHA, HANDS_OFF, LOGIN, LOGIN_PAGES, LOGOUT, MAIL, ONE_LOGOUT, USER_FIELDS
from conformance.model import Exchange
from conformance.target.templates import Form, absolute, forms, links

TYPED = frozenset({"", "text", "email", "tel"})
MOST_LINKS = 6
VOLATILE = re.compile(r"tok|csrf|nonce|hash", re.IGNORECASE)
"""Parameters of links that another session has with another value."""
LONGEST_WORDS = 30
OLD = re.compile(r"old|current|exist|present", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Control:
    """A field of a form that a person fills in."""

    name: str
    kind: str
    autocomplete: str


@dataclass(frozen=True, slots=True)
class PageForm:
    """A form together with the page that shows it."""

    page: str
    form: Form
    action: str
    """As a path of the target."""
    controls: tuple[Control, ...]
    words: str
    """What its buttons say."""
    whole: str
    """The page with its query, without which some show another form or none."""
    captcha: bool = False
    """It asks for a proof that a person fills it in."""

    @property
    def passwords(self) -> tuple[Control, ...]:
        """The fields whose letters a browser hides."""
        return tuple(c for c in self.controls if c.kind == "password")


def forms_on(probe: Probe, exchange: Exchange) -> tuple[PageForm, ...]:
    """Every form of a page that leads to this target and that a description can name."""
    from selectolax.lexbor import LexborHTMLParser

    page = probe.path_of(exchange.request.url)
    if exchange.answer is None or not is_page(exchange) or page is None:
        return ()
    nodes = LexborHTMLParser(exchange.answer.body.decode("utf-8", "replace")).css("form")
    found = zip(forms(exchange.answer.body, exchange.request.url), nodes, strict=True)
    return tuple(
        PageForm(
            page.partition("?")[0],
            form,
            action,
            tuple(_controls(node)),
            _button_words(node),
            page,
            bool(CAPTCHA.search(node.html or "")),
        )
        for form, node in found
        if (action := probe.path_of(form.action)) is not None
    )


def _controls(node: Any) -> Iterator[Control]:
    for control in node.css("input"):
        told = {name: (value or "").lower() for name, value in control.attributes.items() if name != "name"}
        name = control.attributes.get("name") or ""
        if WORD.fullmatch(name) and told.get("type", "") not in ("hidden", "submit", "button", "image", "reset"):
            yield Control(name, told.get("type", ""), told.get("autocomplete", ""))


def _button_words(node: Any) -> str:
    buttons = node.css("button, input[type=submit]")
    return " ".join(f"{b.text(strip=True)} {b.attributes.get('value') or ''}" for b in buttons)[:200]


def login_fill(found: PageForm) -> dict[str, str] | None:
    """What goes where in a login form; None for a form that is none."""
    if found.form.method != "POST" or len(found.passwords) != 1 or HANDS_OFF.search(f"{found.action} {found.words}"):
        return None
    password = found.passwords[0]
    typed = [c for c in found.controls if c.kind in TYPED]
    if password.autocomplete == "new-password" or OLD.search(password.name):
        return None
    user = min(typed, key=_likeness, default=None)
    return {**({user.name: "{user}"} if user else {}), password.name: "{password}"}


def _likeness(control: Control) -> int:
    """How far a field is from a user name's; 0 is nearest."""
    if control.autocomplete in ("username", "email"):
        return 0
    lower = control.name.lower()
    if lower in USER_FIELDS:
        return 1 + USER_FIELDS.index(lower)
    return 20 if any(word in lower for word in USER_FIELDS) else 30


def change_fill(found: PageForm) -> dict[str, str] | None:
    """What goes where in a form that changes the password; None for a form that is none."""
    if found.form.method != "POST" or len(found.passwords) not in (2, 3) or len(found.controls) > len(found.passwords):
        return None
    old = [c for c in found.passwords if OLD.search(c.name) or c.autocomplete == "current-password"]
    if len(old) != 1 or HANDS_OFF.search(found.action):
        return None
    return {c.name: "{password}" if c is old[0] else "{new_password}" for c in found.passwords}


def login_verb(found: PageForm, fill: dict[str, str]) -> dict[str, Any]:
    """The step that fills a login form."""
    return {"page": found.page, "fill": fill}


def logout_verbs(probe: Probe, exchange: Exchange) -> list[dict[str, Any]]:
    """Forms and links of a page that end a session, the own one first."""
    page = probe.path_of(exchange.request.url)
    if page is None or exchange.answer is None:
        return []
    acts = [
        f.action for f in forms_on(probe, exchange)
        if _ends_session(f"{f.action} {f.words}") and not f.passwords and f.form.method == "POST"
    ]  # fmt: skip
    linked = [path for path in own_links(probe, exchange) if _ends_session(path)]
    linked = list(dict.fromkeys([*linked, *_called_logout(probe, exchange)]))
    chosen = [{"page": page, "action": act} for act in acts] + [_followed(page, path) for path in linked]
    return sorted(chosen, key=lambda verb: bool(ONE_LOGOUT.search(verb.get("action") or verb["send"])))


def _ends_session(words: str) -> bool:
    return bool(LOGOUT.search(words)) and not MAIL.search(words)


def _followed(page: str, link: str) -> dict[str, Any]:
    """A link as a step; one with a value against forgery is looked up on its page each time."""
    path, _, query = link.partition("?")
    kept = [f"{name}={value}" for name, value in parse_qsl(query) if not VOLATILE.search(name)]
    lost = len(kept) < len(parse_qsl(query))
    return {"page": page, "action": f"{path}?{'&'.join(kept)}"} if kept and lost else {"send": f"GET {link}"}


def _called_logout(probe: Probe, exchange: Exchange) -> Iterator[str]:
    """Links that say to a person that they log out, wherever they go."""
    from selectolax.lexbor import LexborHTMLParser

    body = exchange.answer.body if exchange.answer and is_page(exchange) else b""
    for node in LexborHTMLParser(body.decode("utf-8", "replace")).css("a[href]")[:300]:
        words = str(node.text(strip=True))
        path = probe.path_of(absolute(exchange.request.url, node.attributes["href"] or "").partition("#")[0])
        if path and len(words) <= LONGEST_WORDS and _ends_session(words) and not MAIL.search(path):
            yield path


def own_links(probe: Probe, exchange: Exchange) -> list[str]:
    """Paths that a page links to on this target."""
    if exchange.answer is None or not is_page(exchange):
        return []
    paths = [probe.path_of(url.partition("#")[0]) for url in links(exchange.answer.body, exchange.request.url)[:300]]
    return list(dict.fromkeys(path for path in paths if path and not HANDS_OFF.search(path)))


async def find_login_forms(probe: Probe) -> list[tuple[PageForm, dict[str, str]]]:
    """Login forms: on the start page, behind its links and redirects, at the usual places."""
    first = await probe.front()
    found = _login_forms(probe, first)
    linked = [path for path in own_links(probe, first) if LOGIN.search(path)][:MOST_LINKS]
    for path in dict.fromkeys([*linked, *LOGIN_PAGES]):
        if found or probe.budget.left <= 0:
            break
        if path not in linked and probe.absent(await probe.look(path)):
            continue
        found = _login_forms(probe, await probe.open(probe.stranger(), path))
    # Some targets show their login only in place of a page that wants one.
    for path in [path for path in own_links(probe, first) if path not in linked][:MOST_LINKS]:
        if found or probe.budget.left <= 0:
            break
        found = _login_forms(probe, await probe.open(probe.stranger(), path))
    return found


def _login_forms(probe: Probe, exchange: Exchange) -> list[tuple[PageForm, dict[str, str]]]:
    found = [(form, fill) for form in forms_on(probe, exchange) if (fill := login_fill(form))]
    return sorted(found, key=lambda pair: not LOGIN.search(f"{urlsplit(pair[0].action).path} {pair[0].words}"))
