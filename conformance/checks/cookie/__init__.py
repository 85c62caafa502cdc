"""Cookies: what a browser is told about them."""
