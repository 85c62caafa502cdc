"""Refresh tokens: rotation, replay, binding and the ends of a family."""
