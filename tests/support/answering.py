"""An HTTP server that answers each GET as a test's function says."""

import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

from demo.processes import LOOPBACK

Answer = tuple[int, Mapping[str, str], bytes]
Answering = Callable[[str, Mapping[str, str]], Answer]


class QuietHTTPServer(ThreadingHTTPServer):
    """Says nothing of clients that went away: by then another test reads what is printed."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Print what went wrong, as long as it was our own fault."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class AnsweringServer:
    """Serves on a spare port of loopback.

    Args:
        answering: Given path and query, returns status, headers and body.
    """

    def __init__(self, answering: Answering) -> None:
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.headers.append(dict(self.headers))
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                status, headers, body = answering(url.path, query)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
                """Say nothing."""

        self._server = QuietHTTPServer((LOOPBACK, 0), Handler)
        self._thread = threading.Thread(
            # How long the end may take: half a second by default.
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.01},
            daemon=True,
        )

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
