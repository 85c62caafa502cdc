"""Tokens: forgery, secrecy and lifetime."""
