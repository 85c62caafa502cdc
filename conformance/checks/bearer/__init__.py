"""How a bearer token travels, and how its absence is answered."""
