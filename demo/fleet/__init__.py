"""Fleets that move: a recorded trace or a generated one, as Kubernetes objects over time."""
