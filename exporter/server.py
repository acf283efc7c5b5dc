"""HTTP for both roles: metrics, `/healthz`, `/readyz` and a page that links them."""

import logging
import re
import threading
from collections.abc import Callable

from exporter.errors import ConfigurationError
from exporter.web.connections import Server
from exporter.web.following import Following
from exporter.web.publisher import Publisher
from exporter.web.site import MOST_REQUESTS, Application, Options, Site

__all__ = [
    "MOST_REQUESTS",
    "Application",
    "Following",
    "Options",
    "Publisher",
    "Site",
    "listen_address",
    "serve",
]

_log = logging.getLogger(__name__)

# Beyond scrapes: probes, the landing page, and those that are told to come again.
_SPARE_THREADS = 6
# What is under way when the process is to end may take so long.
_ENDING_SECONDS = 1.5


def serve(
    application: Application,
    publisher: Publisher,
    *,
    address: str,
    wait: Callable[[], object],
    web: Following | None = None,
    most_requests: int = MOST_REQUESTS,
) -> None:
    """Serve until *wait* returns.

    Raises:
        ConfigurationError: When *address* is not HOST:PORT or cannot be listened on.
    """
    threads = most_requests + _SPARE_THREADS
    server = Server(listen_address(address), application, threads=threads, web=web)
    try:
        server.prepare()
    except (OSError, ValueError) as error:  # ValueError: a name that DNS does not allow
        raise ConfigurationError(
            f"cannot listen on {address}: {error} "
            "(stop what listens there, or choose another with --web.listen-address)"
        ) from error
    publisher.start()
    server.deadlines.start()
    serving = threading.Thread(target=server.serve, name="http", daemon=True)
    serving.start()
    _log.info("listening on %s://%s", "https" if server.ssl_adapter else "http", address)
    try:
        wait()
    finally:
        server.deadlines.finish(_ENDING_SECONDS)
        server.stop()
        serving.join()
        server.deadlines.stop()
        publisher.stop()


def listen_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, `:PORT` or `[IPv6]:PORT`.

    Raises:
        ConfigurationError: When *text* is none of these.
    """
    host, separator, port = text.rpartition(":")
    if not separator or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:  # noqa: PLR2004 - ports end there
        raise ConfigurationError(
            f"{text!r} is not an address: write HOST:PORT, as in 127.0.0.1:9400"
        )
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - what :PORT asks for
