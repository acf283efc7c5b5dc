"""Answers documented JSON APIs by PromQL."""
