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
    """The wheel, installed in an environment of its own, gives the same verdicts as the clone."""
    session.install("build", "pytest", "pytest-asyncio", "jsonschema", "respx", "pytest-xdist")
    built = session.create_tmp()
    session.run("python", "-m", "build", "--wheel", "--outdir", built)
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


@nox.session
def bench(session: nox.Session) -> None:
    """Ratios of speed, each against a control in the same run."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "bench", *session.posargs)
