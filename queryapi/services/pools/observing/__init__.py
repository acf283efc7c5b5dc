"""Looks at pools' nodes behind the callers, and stores what has changed."""
