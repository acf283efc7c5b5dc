"""Answers five documented JSON APIs by PromQL."""
