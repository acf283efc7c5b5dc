"""Promises of gpuscope, shown by running it."""
