"""Runs the application under gunicorn, inside this process."""

import errno
import socket
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from queryapi import app
from queryapi.errors import ConfigurationError
from queryapi.settings import Settings, split_address

# Waiting requests are threads that wait for a fetch; they cost little and 16 are plenty to keep
# one interpreter busy with answers that are ready.
_THREADS = 16
_KEEPALIVE_SECONDS = 75
_GRACEFUL_SECONDS = 30


def serve(settings: Settings) -> None:
    """Serve until a signal ends the process.

    Raises:
        ConfigurationError: When an address cannot be listened on.
    """
    for address in settings.listen:
        _probe(address)
    _Gunicorn(settings).run()


def _probe(address: str) -> None:
    """Find out now, in one sentence, what gunicorn would find out by trying for five seconds."""
    host, port = split_address(address)
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        why = "it is in use" if error.errno == errno.EADDRINUSE else error.strerror
        raise ConfigurationError(
            f"listen: cannot listen on {address}: {why}; stop what listens there or choose another"
        ) from error


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """One worker with threads: cache and connections are the process's own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Set every option here; gunicorn's own files and variables are not read."""
        options: dict[str, Any] = {
            "bind": list(self._settings.listen),
            "worker_class": "gthread",
            "workers": 1,
            "threads": _THREADS,
            "keepalive": _KEEPALIVE_SECONDS,
            "graceful_timeout": _GRACEFUL_SECONDS,
            # A door that can stop the service, open by default: closed.
            "control_socket_disable": True,
            "logger_class": _PropagatingLogger,
            "loglevel": self._settings.log.level,
            "proc_name": "gpuscope-api",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application; runs in the worker, so that no thread or socket is inherited."""
        return app.build(self._settings).wsgi


class _PropagatingLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Leaves the form of lines to our own logging; requests are logged by the application."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's handlers away."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
