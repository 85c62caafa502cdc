"""Renderers: each reads a Report and knows nothing else."""
