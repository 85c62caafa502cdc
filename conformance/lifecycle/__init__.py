"""The life of credentials as a model: what a target must say of each one that it ever issued."""
