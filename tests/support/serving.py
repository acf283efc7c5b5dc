"""A publisher of one page, served by the exporters' own server on a real socket."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import urllib3

from demo.processes import LOOPBACK, free_port, wait_for
from exporter import server
from exporter.exposition import Block, Page
from exporter.server import Following, Options, Site
from exporter.tables import Table

BODY = b"gpu_plain 1\n" * 50
BLOCKS = (BODY[:120], BODY[120:])
_OWN = b"# HELP gpu_exporter_"


class Shown:
    """A publisher of one page, with a reason not to be ready or without."""

    def __init__(self, reason: str | None = None, blocks: Sequence[bytes] = BLOCKS) -> None:
        self.reason = reason
        self.dead: str | None = None
        self.shown: tuple[Table, ...] = ()
        self.blocks = [Block(body) for body in blocks]
        self.calls: list[str] = []
        self.before: Callable[[], object] = lambda: None

    def start(self) -> None:
        """Note the call."""
        self.calls.append("start")

    def stop(self) -> None:
        """Note the call."""
        self.calls.append("stop")

    def page(self) -> Page:
        """Return the page, after whatever has to happen before."""
        self.before()
        return Page(self.blocks)

    def not_alive(self) -> str | None:
        """Return the reason to be restarted."""
        return self.dead

    def tables(self) -> tuple[Table, ...]:
        """Return what there is to show."""
        return self.shown

    def not_ready(self) -> str | None:
        """Return the reason."""
        return self.reason


class Served:
    """A served publisher.

    Args:
        address: Host and port.
        trust: The certificate that the server shows; None: it speaks plain HTTP.
        stop: Ends the serving, and waits for that.
    """

    def __init__(
        self, address: str, trust: Path | None = None, stop: Callable[[], None] = lambda: None
    ) -> None:
        self.address = address
        self.stop = stop
        self._trust = trust
        self.url = f"{'https' if trust else 'http'}://{address}"

    def ask(self, path: str, method: str = "GET", **headers: str) -> urllib3.BaseHTTPResponse:
        """Send one request on a connection of its own; the body stays as it was sent."""
        return self.ask_as(None, path, method, **headers)

    def ask_as(
        self, client: ssl.SSLContext | None, path: str, method: str = "GET", **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """Send one request with a client's own TLS settings."""
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        if client is None and self._trust:
            client = ssl.create_default_context(cafile=self._trust)
        with urllib3.PoolManager(retries=False, timeout=20, ssl_context=client) as pool:
            return pool.request(method, self.url + path, headers=names, decode_content=False)


def told(body: bytes) -> bytes:
    """Return what the publisher said of a page that ends with what its server says."""
    return body.partition(_OWN)[0]


@contextmanager
def serving(
    publisher: Shown,
    path: str = "/metrics",
    *,
    config: Path | None = None,
    trust: Path | None = None,
    most_requests: int = 4,
) -> Iterator[Served]:
    """Serve a publisher for the length of a `with` block."""
    address = f"{LOOPBACK}:{free_port()}"
    web = Following(config, time.time) if config else None
    site = Site(publisher, Options("node", path, most_requests, "node --flag"), web=web)
    stop, begun = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        stop.wait()

    def end() -> None:
        stop.set()
        thread.join(20)

    thread = threading.Thread(
        target=server.serve,
        args=(site, publisher),
        kwargs={"address": address, "wait": wait, "web": web, "most_requests": most_requests},
    )
    thread.start()
    try:
        wait_for(begun.is_set, seconds=60, what="serving")
        yield Served(address, trust, end)
    finally:
        end()
