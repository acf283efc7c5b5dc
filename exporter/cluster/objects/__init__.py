"""Kubernetes objects as records: pure functions from their JSON to what is kept of them."""
