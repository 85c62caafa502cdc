"""report.html in a real browser: nothing runs, nothing is fetched, nothing sticks out, light and dark."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from conformance.masking import Secrets
from conformance.model import Outcome, Report, Verdict
from conformance.report.page import to_html
from tests.test_report import a_check, report, secrets, thief_step

__all__ = ["report", "secrets"]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
    "--hide-scrollbars",
)  # fmt: skip
ATTACKS = (
    "<script>document.title = 'owned'</script>",
    "<img src=x onerror=\"document.title = 'owned'\">",
    "\"'><svg/onload=document.title='owned'>",
    "</style><script>document.title = 'owned'</script>",
    "javascript:alert(1)",
    "x" * 3000,
)
# A page of the same origin looks into the report, which lets no script run.
LENS = """<!doctype html><body style="margin:0">
<iframe src="report.html" style="width:WIDTHpx; height:800px; border:0"></iframe>
<pre></pre><script>
onload = () => {
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement;
  document.querySelector("pre").textContent = JSON.stringify({
    title: page.title,
    scripts: page.scripts.length,
    handlers: [...page.querySelectorAll("*")].filter(e => [...e.attributes].some(a => a.name.startsWith("on"))).length,
    fetched: page.defaultView.performance.getEntriesByType("resource").length,
    wider: root.scrollWidth - root.clientWidth,
    paper: page.defaultView.getComputedStyle(page.body).backgroundColor,
    ink: page.defaultView.getComputedStyle(page.body).color,
    first: page.querySelector("h1").getBoundingClientRect().top,
    profiles: page.querySelector(".profiles").getBoundingClientRect().bottom,
  });
};
</script></body>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture
def page(report: Report, secrets: Secrets, tmp_path: Path) -> Path:
    """A report in which every text of the target attacks the reader."""
    hostile = tuple(
        Verdict(
            a_check(f"hostile.text.n{n}"), outcome, "L1", text, text, text, text, evidence=(thief_step(text.encode()),)
        )
        for n, text in enumerate(ATTACKS)
        for outcome in (Outcome.FAIL, Outcome.NOT_APPLICABLE)
    )
    target = replace(report.target, name=ATTACKS[0] + ATTACKS[1])
    told = replace(report, target=target, verdicts=(*report.verdicts, *hostile), partial=ATTACKS[3])
    (tmp_path / "report.html").write_text(to_html(told, secrets), encoding="utf-8")
    return tmp_path


def browse(folder: Path, dark: bool, *more: str) -> str:
    own = (f"--blink-settings=preferredColorScheme={0 if dark else 1}", f"--user-data-dir={folder / 'profile'}")
    command = [str(CHROMIUM), *FLAGS, *own, "--window-size=1280,800", *more]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390], ids=["desktop", "phone"])
def test_a_hostile_report_is_inert_and_fits(page: Path, width: int, dark: bool) -> None:
    lens = page / "lens.html"
    lens.write_text(LENS.replace("WIDTH", str(width)), encoding="utf-8")
    dom = browse(page, dark, "--dump-dom", lens.as_uri())
    found = json.loads(unescape(re.search(r"<pre>(.*?)</pre>", dom, re.DOTALL)[1]))  # type: ignore[index]
    assert found["title"].startswith("Pickproof")
    assert (found["scripts"], found["handlers"], found["fetched"]) == (0, 0, 0)
    assert found["wider"] == 0
    paper, ink = (sum(map(int, re.findall(r"\d+", found[name])[:3])) for name in ("paper", "ink"))
    assert (paper < 200 < 500 < ink) if dark else (ink < 200 < 500 < paper)
    assert 0 <= found["first"] < found["profiles"] < 800, "the verdicts stand on the first screen"


def test_it_can_be_photographed(page: Path) -> None:
    browse(page, False, f"--screenshot={page / 'shot.png'}", (page / "report.html").as_uri())
    width, height = struct.unpack(">II", (page / "shot.png").read_bytes()[16:24])
    assert (width, height) == (1280, 800)
