"""The login endpoint."""
