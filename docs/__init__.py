"""Pages for people, and the generator of those that repeat what the code says."""
