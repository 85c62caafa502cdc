"""Code verifiers outside the grammar (RFC 7636 section 4.1)."""

BAD_GRAMMAR = {
    "of 42 characters": "pickproof-verifier-of-forty-two-characters"[:42].ljust(42, "x"),
    "of 129 characters": "pickproof-verifier-".ljust(129, "x"),
    "with a space": "pickproof verifier with spaces in it, 43 of it".ljust(48, "x"),
    "with a plus sign": "pickproof+verifier+with+plus+signs+in+it+43+of+it",
}
"""What is wrong, and a verifier that is wrong in that way alone."""
