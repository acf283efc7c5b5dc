"""Forgets what is too old or too much of jobs, in one process of all."""
