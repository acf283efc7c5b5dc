"""How one look is taken: every service asked at once, each in the ways it can be known."""
