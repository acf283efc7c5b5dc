"""From what a worker tells to what is stored, many of them together."""
