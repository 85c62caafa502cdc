"""Client secrets that are nearly right."""

from __future__ import annotations


def wrong_secrets(secret: str) -> tuple[tuple[str, str], ...]:
    """What is wrong, and the secret: all differ from the genuine one."""
    found = (
        ("that is another one", "pickproof-wrong-secret"), ("that is empty", ""), ("cut by a character", secret[:-1]),
        ("cut to half", secret[: len(secret) // 2]), ("with a character more", secret + "x"),
        ("in another case", secret.swapcase()), ("with a space behind", secret + " "), ("with a null", secret + "\0x"),
    )  # fmt: skip
    return tuple((what, wrong) for what, wrong in found if wrong != secret)
