"""Watching one job: what is told of it, what is shown of that, by which way it comes."""
