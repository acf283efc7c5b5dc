"""Jobs: what workers tell of them, and what is told of that."""
