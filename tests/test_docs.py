"""The documentation says what the code does: generated parts are current, links lead somewhere, commands exist."""

from __future__ import annotations

import argparse
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance import cli
from conformance.model import Capability
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.target.description import Description, parse
from conformance.target.preflight import preflight
from docs import generate
from reference_impl import build
from reference_impl.hosting import Hosted
from reference_impl.hosting import _parser as serve_parser

ROOT = Path(__file__).parent.parent
WRITTEN = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")])
"""Pages that people write; those of the checks are generated."""
PAGES = [*WRITTEN, *sorted(ROOT.glob("docs/checks/*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
PASSWORDS = {"ALICE_PASSWORD": "alice-Keeps-9-Blue-Herons", "BOB_PASSWORD": "bob-Plants-7-Quiet-Larches"}


def name(path: Path) -> str:
    """A page by its path in the project."""
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [body for found, body in FENCE.findall(path.read_text()) if found == language]


def fragments(path: Path) -> set[str]:
    """What a link may name in a page."""
    text = FENCE.sub("", path.read_text())
    return {generate.anchor(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def commands(path: Path) -> Iterator[list[str]]:
    """Every `pickproof …` that a page shows, in words."""
    text = path.read_text().replace("\\\n", " ")
    shown = [body for language, body in FENCE.findall(text) if language in ("sh", "console", "yaml", "text", "")]
    lines = "\n".join(shown).splitlines() + re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    for line in lines:
        for found in re.findall(r"(?:^|[\s/])pickproof (\S.*)", line):
            words = re.split(r"\s+(?:#|&|&&|\||;|>)(?:\s|$)|\s{3,}", found.replace("…", ""))[0]
            yield shlex.split(words)


def options(command: str) -> set[str]:
    """The options that a command has."""
    if command == "serve":
        return set(serve_parser()._option_string_actions)
    parser = cli._parser(command)
    chosen = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    if command.startswith("-"):
        return set(parser._option_string_actions)
    assert command in chosen.choices, f"`pickproof {command}` does not exist: one of {', '.join(chosen.choices)}"
    return set(chosen.choices[command]._option_string_actions)


def test_generated_parts_are_current() -> None:
    stale = [name(path) for path in generate.stale(generate.pages())]
    assert not stale, f"stale: {', '.join(stale)}\nrun: {generate.COMMAND}"


def test_each_check_has_its_place() -> None:
    index = (ROOT / "docs/checks/README.md").read_text()
    missing = [id for id in catalogue() if f"`{id}`" not in index]
    assert not missing, f"run: {generate.COMMAND}"


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", path.read_text())):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        place, _, fragment = link.partition("#")
        there = (path.parent / place).resolve() if place else path
        assert there.exists(), f"{link} leads nowhere"
        assert not fragment or fragment in fragments(there), f"{link}: no such heading"


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_commands_exist_with_their_options(path: Path) -> None:
    for words in commands(path):
        given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        unknown = given - options(words[0])
        assert not unknown, f"`pickproof {shlex.join(words)}` has no {', '.join(sorted(unknown))}"


def test_commands_are_found_at_all() -> None:
    shown = {words[0] for path in WRITTEN for words in commands(path)}
    assert {"demo", "doctor", "certify", "list", "explain", "serve", "faults"} <= shown


@pytest.mark.parametrize("path", WRITTEN, ids=name)
def test_checks_that_are_named_exist(path: Path) -> None:
    named = {words[at + 1] for words in commands(path) for at, word in enumerate(words[:-1]) if word == "--only"}
    explained = {words[1] for words in commands(path) if words[0] == "explain" and words[1:] != ["ID"]}
    for id in named | explained - {"ID"}:
        if id not in ("ID", "GLOB"):
            catalogue().select([id])


def a_key() -> str:
    """A private key, where a description names one."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("path", WRITTEN, ids=name)
def test_descriptions_are_valid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for block in blocks(path, "toml"):
        for variable in re.findall(r'"env:(\w+)"', block):
            monkeypatch.setenv(variable, a_key() if variable.endswith("_KEY") else "a-password-of-a-test")
        if "base_url" in (table := tomllib.loads(block)):
            parse(table, name(path))


def test_every_description_of_the_pages_is_seen() -> None:
    pages = [path for path in WRITTEN if any("base_url" in block for block in blocks(path, "toml"))]
    assert {"README.md", "docs/describing-a-target.md", "docs/writing-an-adapter.md"} <= set(map(name, pages))


def codes(text: str) -> dict[str, str]:
    """Exit codes and their meanings in one sentence of the shape ``0 conforms; 1 violations``."""
    flat = " ".join(text.replace("*", "").split()).lower()
    return dict(re.findall(r"\b([0-5]) ([a-z][^;.]*)", flat.partition("exit codes")[2].partition(".")[0]))


def test_exit_codes_are_those_of_the_command() -> None:
    told = codes(cli.EXIT_CODES)
    assert set(told) == {"0", "1", "2", "3", "5"}
    assert codes((ROOT / "README.md").read_text()) == told
    rows = re.findall(r"^\| (\d) \| ([^|]+?) \|", (ROOT / "docs/ci.md").read_text(), re.MULTILINE)
    assert {code: meaning.lower() for code, meaning in rows} == told


def test_short_codes_name_words_of_the_kit() -> None:
    known = {str(c) for c in Capability}
    for rows in tomllib.loads((ROOT / "docs/codes.toml").read_text()).values():
        for code, text in rows.items():
            for word in re.findall(r"`([^`]+)`", text):
                assert word in known or _is_key(word), f"{code}: {word} is neither a capability nor a key"


def _is_key(word: str) -> bool:
    table, _, key = word.partition(".")
    field = Description.model_fields.get(table)
    return field is not None and (not key or key in type(field.default).model_fields)


def test_the_check_of_the_tutorial_is_the_real_one() -> None:
    shown = max(blocks(ROOT / "CONTRIBUTING.md", "python"), key=len)
    assert shown.startswith("@check(")
    assert shown in (ROOT / "conformance/checks/session/termination.py").read_text()


@pytest.mark.asyncio
async def test_the_adapter_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs/writing-an-adapter.md"
    for variable, value in PASSWORDS.items():
        monkeypatch.setenv(variable, value)
    async with Hosted(build("session")) as server:
        described = blocks(page, "toml")[0].replace("http://127.0.0.1:8000", server.base_url)
        (tmp_path / "target.toml").write_text(described.replace("login:Shop", "login_of_the_page:Shop"))
        (tmp_path / "login_of_the_page.py").write_text(blocks(page, "python")[0])
        async with opened(str(tmp_path / "target.toml"), Options()) as system:
            keys = [proof.key async for proof in preflight(system)]
    assert keys.count("logout") == 1
    assert Capability.LOGOUT in system.capabilities
