"""The documentation site: every page of the project, built by `nox -s site` with the project's folder as source."""

from __future__ import annotations

project = "Pickproof"
author = "The Pickproof maintainers"
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**.md", "examples/*/README.md"]
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "Pickproof"
