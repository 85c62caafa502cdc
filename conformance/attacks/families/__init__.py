"""Forgeries by family; each module is a table from check id to what it sends."""
