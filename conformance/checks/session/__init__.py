"""Sessions: how they are issued, identified, ended."""
