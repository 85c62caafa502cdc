"""Everything that CI and a contributor run, by name: `nox -l` lists it."""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "venv"


@nox.session
def tests(session: nox.Session) -> None:
    """The kit's own tests, the kill matrix and false alarms among them."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting."""
    session.install("ruff>=0.9")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types."""
    session.install("-e", ".[dev]")
    session.run("mypy")


@nox.session
def matrix(session: nox.Session) -> None:
    """The kill matrix alone; `nox -s matrix -- --update-matrix` stores it afresh."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "tests/test_kill_matrix.py", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel made from the sdist, installed in an environment of its own, gives the same verdicts as the clone."""
    session.install("build", "pytest-xdist")
    built = session.create_tmp()
    session.run("python", "-m", "build", "--outdir", built)
    session.run("sh", "-c", f"pip install --force-reinstall --no-deps {built}/*.whl && pip install {built}/*.whl",
                external=True)  # fmt: skip
    session.chdir(built)
    session.run("pickproof", "demo")
    session.run("pytest", "--pyargs", "conformance", "--target", "ref:session", "-q")


@nox.session
def examples(session: nox.Session) -> None:
    """Start each example's product, certify it, compare with its expected verdicts."""
    session.install("-e", ".")
    session.run("python", "-m", "examples.compare", *session.posargs)


@nox.session(name="model-power")
def model_power(session: nox.Session) -> None:
    """What `lifecycle.model` finds alone; `-- --write` makes docs/model-power.md, `-- --clean 50` tries clean ones."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "bench.model_power", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Ratios of speed, each against a control in the same run."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "bench", *session.posargs)


@nox.session
def site(session: nox.Session) -> None:
    """The documentation as a site, in `build/site`; a broken link ends it."""
    session.install("sphinx>=8", "myst-parser>=4", "furo>=2024.8")
    session.run(
        "sphinx-build", "-b", "html", "-c", "docs", "-W", "--keep-going", "-n", ".", "build/site", *session.posargs
    )


@nox.session
def audit(session: nox.Session) -> None:
    """Known vulnerabilities in what `requirements-ci.txt` pins; what cannot be looked up is a failure, too."""
    session.install("pip-audit>=2.9")
    session.run(
        "pip-audit", "--strict", "--disable-pip", "--require-hashes", "--requirement", "requirements-ci.txt",
        *session.posargs,
    )  # fmt: skip


@nox.session(name="soak-clean")
def soak_clean(session: nox.Session) -> None:
    """Certify the sound servers again and again on a busy machine: no verdict may ever differ."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "bench.soak", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Pin afresh what CI installs, with hashes, for every platform and Python that is supported."""
    session.install("uv>=0.5")
    session.run(
        "uv", "pip", "compile", "pyproject.toml", "--extra", "dev", "--universal", "--python-version", "3.11",
        "--generate-hashes", "--no-annotate", "--no-emit-package", "pickproof", "--upgrade", "--quiet",
        "--custom-compile-command", "nox -s lock", "--output-file", "requirements-ci.txt", *session.posargs,
    )  # fmt: skip
