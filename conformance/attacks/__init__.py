"""What attackers build: forged tokens, mutated credentials, sampled identifiers."""
