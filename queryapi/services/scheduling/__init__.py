"""Scheduler monitoring: GPU nodes as workers, GPU pods as operations."""
