"""Serves the application over HTTP: gunicorn, held to our manners, inside this process."""

from queryapi.server.process import serve

__all__ = ["serve"]
