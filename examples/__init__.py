"""Real products as targets."""
