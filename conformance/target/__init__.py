"""The target as the kit sees it: description, verbs, parties, oracle, clock."""
