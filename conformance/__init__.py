"""Pickproof: a conformance kit that attacks a running web authentication and proves what holds."""

__version__ = "0.1.0"
