"""The catalogue: one function for each attack, grouped by what is attacked."""
