"""Targets that attack whoever tests them."""
