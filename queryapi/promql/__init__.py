"""Asks Prometheus: text of queries, transport, typed answers."""
