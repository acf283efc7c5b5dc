"""What callers may write of pools, and what is kept of it."""
