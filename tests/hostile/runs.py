"""Running the kit against a hostile target as users do, and looking at all that it wrote and printed."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import stat
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from conformance import cli
from reference_impl.hosting import toml

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
TAGS = frozenset({
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "ul", "ol", "li", "strong",
    "span", "code", "section", "details", "summary", "article", "dl", "dt", "dd", "a", "pre", "br", "table", "thead",
    "tbody", "tr", "th", "td", "div", "footer",
})  # fmt: skip


@dataclass(frozen=True)
class Done:
    """One run of the kit."""

    code: int
    out: str
    err: str
    folder: Path
    seconds: float
    peak: int = 0
    """Bytes of Python objects at the most, where they were counted."""

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        document = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        return {check["id"]: check for check in document["checks"]}

    def having(self, *outcomes: str) -> dict[str, str]:
        """What was said of the checks with these outcomes."""
        return {id: c["reason"] or c["actual"] for id, c in self.checks.items() if c["outcome"] in outcomes}


def described(table: dict[str, Any], folder: Path, **changes: Any) -> Path:
    """A target.toml."""
    path = folder / "target.toml"
    path.write_text(toml({k: v for k, v in {**table, **changes}.items() if v is not None}), encoding="utf-8")
    return path


def certified(target: Path, only: Sequence[str], *more: str, weigh: bool = False) -> Done:
    """Certify in this process, through the command's own entry."""
    folder = target.parent / "report"
    globs = [word for glob in only for word in ("--only", glob)]
    words = ["certify", str(target), "--out", str(folder), "--budget", "1", *globs, *more]
    out, err = io.StringIO(), io.StringIO()
    began = time.monotonic()
    if weigh:
        tracemalloc.start()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(words)
    finally:
        peak = tracemalloc.get_traced_memory()[1] if weigh else 0
        if weigh:
            tracemalloc.stop()
    return Done(code, out.getvalue(), err.getvalue(), folder, time.monotonic() - began, peak)


def as_command(words: Sequence[str]) -> Done:
    """The same as a process of its own; `peak` is what the whole process took at the most, 0 where nothing tells."""
    began = time.monotonic()
    # Not ru_maxrss: on Linux that begins with what the process took that this one was forked from.
    measured = (
        "import pathlib, re, runpy, sys; sys.argv[0] = 'pickproof'\n"
        "try: runpy.run_module('conformance', run_name='__main__')\n"
        "finally:\n"
        "  status = pathlib.Path('/proc/self/status')\n"
        "  told = status.read_text() if status.exists() else 'VmHWM: 0'\n"
        "  print('PEAK', re.search(r'VmHWM:\\s*(\\d+)', told)[1], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", measured, *words], capture_output=True, timeout=60, check=False)
    err, _, kilobytes = run.stderr.decode().rpartition("PEAK ")
    folder = Path(words[words.index("--out") + 1])
    return Done(run.returncode, run.stdout.decode(), err, folder, time.monotonic() - began, int(kilobytes) * 1024)


# -- what must hold of whatever was written


class Page(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}


def assert_harmless(done: Done) -> None:
    """No traceback, nothing that steers a terminal, every artefact valid and free of markup of the target's."""
    for text in (done.out, done.err):
        assert "Traceback" not in text
        assert not STEERING.search(text), text
    if not done.folder.exists():
        return
    texts = {p.relative_to(done.folder): p.read_text(encoding="utf-8") for p in done.folder.rglob("*") if p.is_file()}
    for name, text in texts.items():
        assert not STEERING.search(text), name
        if name.suffix in (".json", ".har", ".sarif"):
            told = json.dumps(json.loads(text, parse_constant=_no_number), ensure_ascii=False)
            assert not STEERING.search(told), name
    ElementTree.fromstring((done.folder / "junit.xml").read_text(encoding="utf-8"))
    _assert_inert((done.folder / "report.html").read_text(encoding="utf-8"))
    # GitHub shows Markdown with HTML in it: the only elements are the two that fold a list.
    markup = re.sub(r"</?(details|summary)>", "", (done.folder / "summary.md").read_text(encoding="utf-8"))
    assert not re.search(r"<[a-z/!]", markup, re.IGNORECASE)
    _assert_private(done.folder)
    _assert_nothing_runs(done.folder)


def _no_number(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def _assert_inert(text: str) -> None:
    page = Page(text)
    assert page.tags <= TAGS, page.tags - TAGS
    names = {name for name, _ in page.attributes}
    assert names <= {"lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "style", "title",
                     "value", "open"}, names  # fmt: skip
    assert all(v.startswith(("#", "evidence/")) for k, v in page.attributes if k == "href")
    assert {v for k, v in page.attributes if k == "http-equiv"} == {"Content-Security-Policy"}


def _assert_private(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert not list(folder.rglob(".pickproof-*"))


def _assert_nothing_runs(folder: Path, most: int = 4) -> None:
    """A curl script calls curl and nothing else, whatever the target put into it."""
    shell = shutil.which("sh")
    scripts = sorted(folder.glob("evidence/*.sh"))[:most]
    if not shell or not scripts:
        return
    room = folder.parent / "room"
    room.mkdir(exist_ok=True)
    (room / "curl").write_text("#!/bin/sh\nexit 0\n")
    (room / "curl").chmod(0o755)
    for path in scripts:
        # No other program is on the path, so that whatever else it called would be told.
        run = subprocess.run([shell, "-eu", str(path)], cwd=room, env={"PATH": str(room)}, capture_output=True)
        assert (run.returncode, run.stderr) == (0, b""), (path.name, run.stderr)
    assert [one.name for one in room.iterdir()] == ["curl"]
