"""Hijacking: what somebody with a stolen session can do besides using it."""
