"""Compute pools: a registry of what is wanted, beside what Prometheus shows of it."""
