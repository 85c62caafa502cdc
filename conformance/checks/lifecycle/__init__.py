"""Sequences that nobody listed."""
