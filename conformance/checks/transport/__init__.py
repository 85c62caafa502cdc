"""Transport: where credentials must never stand, and who may keep or read the answers."""
