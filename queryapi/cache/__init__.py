"""Keeps what was read for as long as it may be served."""
