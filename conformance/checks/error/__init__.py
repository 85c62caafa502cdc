"""What errors say."""
