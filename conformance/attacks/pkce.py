"""Code verifiers and challenges outside the grammar (RFC 7636 sections 4.1 to 4.3)."""

from __future__ import annotations

from collections.abc import Callable

BAD_GRAMMAR = {
    "of 42 characters": "pickproof-verifier-of-forty-two-characters"[:42].ljust(42, "x"),
    "of 129 characters": "pickproof-verifier-".ljust(129, "x"),
    "with a space": "pickproof verifier with spaces in it, 43 of it".ljust(48, "x"),
    "with a plus sign": "pickproof+verifier+with+plus+signs+in+it+43+of+it",
}
"""What is wrong, and a verifier that is wrong in that way alone."""

UNKNOWN_METHODS = ("S512", "none", "pickproof")
"""Challenge methods that nobody defined (RFC 7636 section 4.3)."""
BAD_CHALLENGES: dict[str, Callable[[str], str]] = {
    "cut to half": lambda challenge: challenge[: len(challenge) // 2],
    "cut by a character": lambda challenge: challenge[:-1],
    "in another case": str.swapcase,
    "with letters behind": lambda challenge: challenge + "pickproof",
}
"""How to spoil a challenge of S256, by what is wrong with it; nothing may fit what comes out."""
