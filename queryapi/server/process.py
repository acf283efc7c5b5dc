"""Runs the application under gunicorn, and the stream gateway beside it."""

import errno
import itertools
import math
import resource
import socket
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from queryapi import app, storage
from queryapi.api import bounds
from queryapi.bus.choice import bus_of, needs_pair
from queryapi.bus.pair import pair
from queryapi.errors import ConfigurationError
from queryapi.server.arbiter import Arbiter
from queryapi.server.children import fork, start_gateway
from queryapi.server.counting import counting_together
from queryapi.server.database import prepare
from queryapi.server.supervisor import Supervisor, hold_signals
from queryapi.server.worker import Worker
from queryapi.settings import Settings, split_address
from queryapi.storage.exclusive import exclusive
from queryapi.telemetry import processes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# Waiting requests are threads that wait for a fetch; they cost little and 16 are plenty to keep
# one interpreter busy with answers that are ready.
_THREADS = 16
_KEEPALIVE_SECONDS = 75
_CONNECTIONS = 4096
_OTHER_FILES = 128
# What a client is given to take its answer, beyond what we may take to make it.
_TAKING_SECONDS = 25


def serve(settings: Settings) -> int:
    """Serve until a signal ends the process; returns the exit status.

    Raises:
        ConfigurationError: When an address cannot be listened on, or another service has the
            database's file.
    """
    for address in settings.listen:
        _probe("listen", address)
    if settings.stream_listen is not None:
        _probe("stream_listen", settings.stream_listen)
    if settings.database_url is not None:
        storage.load()
    with exclusive(settings.database_url):
        return prepare(settings) or _serve(settings)


def _serve(settings: Settings) -> int:
    if settings.stream_listen is None:
        _serve_http(settings)
        return 0
    # Before there are children: they inherit it, those that are started anew too.
    speaking, hearing = pair() if needs_pair(settings) else (None, None)
    hold_signals()
    service = fork(partial(_serve_http, settings, speaking))
    return Supervisor(service, partial(start_gateway, settings, hearing)).run()


def _serve_http(settings: Settings, speaking: socket.socket | None = None) -> None:
    """Answer HTTP until a signal ends the process: one that listens, and its workers."""
    with counting_together(settings.workers):
        _Gunicorn(settings, speaking).run()


def _probe(setting: str, address: str) -> None:
    """Find out now, in one sentence, what gunicorn would find out by trying for five seconds."""
    host, port = split_address(address, setting)
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
            f"{setting}: cannot listen on {address}: {why}; stop what listens there or choose"
            " another"
        ) from error


def _connections() -> int:
    """Return how many clients one worker takes in: no more than it may open files for."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(_THREADS + 1, min(_CONNECTIONS, files - _OTHER_FILES))


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """The application as gunicorn wants it; what is loaded belongs to one worker."""

    def __init__(self, settings: Settings, speaking: socket.socket | None = None) -> None:
        self._settings = settings
        self._speaking = speaking
        # Of the service: a worker that is started anew later has not begun it.
        self._started = time.time()
        self._application: app.Application | None = None
        super().__init__()

    def load_config(self) -> None:
        """Set every option here; gunicorn's own files and variables are not read."""
        options: dict[str, Any] = {
            "bind": list(self._settings.listen),
            "worker_class": Worker,
            "workers": self._settings.workers,
            "threads": _THREADS,
            "worker_connections": _connections(),
            "keepalive": _KEEPALIVE_SECONDS,
            "graceful_timeout": math.ceil(self._settings.timeouts.request + _TAKING_SECONDS),
            "limit_request_line": bounds.REQUEST_LINE_BYTES,
            "limit_request_fields": bounds.HEADERS,
            "limit_request_field_size": bounds.HEADER_BYTES,
            # Proxies tell the client's address, which the application judges; nobody tells another
            # path or scheme.
            "forwarded_allow_ips": "",
            # A door that can stop the service, open by default: closed.
            "control_socket_disable": True,
            "logger_class": _PropagatingLogger,
            "loglevel": self._settings.log.level,
            "proc_name": "gpuscope-api",
            "pre_fork": _give_a_place,
            "post_fork": _take_the_place,
            "child_exit": _leave_the_place,
            "worker_exit": _close,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> "WSGIApplication":
        """Build the application; runs in the worker, so that no thread or socket is inherited."""
        bus = bus_of(self._settings, self._speaking)
        self._application = app.build(self._settings, started=self._started, bus=bus)
        self._application.begin()
        return self._application.wsgi

    def drain(self) -> None:
        """Say that the application will end."""
        if drain := getattr(self._application, "drain", None):
            drain()

    def refused(self, method: str, status: int, seconds: float) -> None:
        """Count a request that never reached the application."""
        if self._application:
            self._application.refused(method, status, seconds)

    def close(self) -> None:
        """Close what the application holds, where it was built."""
        if self._application:
            self._application.close()

    def run(self) -> None:
        """Serve until a signal ends it."""
        Arbiter(self).run()


def _give_a_place(arbiter: Any, worker: Any) -> None:
    """Give the next worker the lowest place that no living one has.

    Process ids would leave one more set of metrics behind with every worker that ends.
    """
    taken = {living.place for living in arbiter.WORKERS.values()}
    worker.place = next(place for place in itertools.count() if place not in taken)
    worker.began = time.monotonic()


def _take_the_place(_arbiter: Any, worker: Any) -> None:
    processes.become(worker.place)


def _leave_the_place(arbiter: Any, worker: Any) -> None:
    processes.forget(worker.place)
    arbiter.lost(time.monotonic() - worker.began)


def _close(_arbiter: Any, worker: Any) -> None:
    worker.app.close()


class _PropagatingLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Leaves the form of lines to our own logging; requests are logged by the application."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's handlers away."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
