"""Connections: TLS that blocks nobody else, and an end to those that take too long."""

import logging
import queue
import resource
import socket
import ssl
from contextlib import suppress
from typing import Any

from cheroot import wsgi
from cheroot.errors import FatalSSLAlert
from cheroot.makefile import StreamReader
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.ssl import Adapter

from exporter.web import tls
from exporter.web.deadlines import Deadlines, Phase
from exporter.web.following import Following
from exporter.web.handshakes import Failure, failure
from exporter.web.heads import StrictReader
from exporter.web.making import patience

_log = logging.getLogger(__name__)

# Who sends or takes nothing for so long is cut off.
_SILENT_SECONDS = 10
# For a whole request, handshake included: dripping does not help.
_REQUEST_SECONDS = 10.0
# For sending a whole answer, after the time in which it is made.
_SENDING_SECONDS = 60.0
_MAX_HEADER_BYTES = 16 * 1024
_MAX_BODY_BYTES = 16 * 1024
_MOST_IDLE = 40
# Connections that have said nothing yet, and requests that wait for a thread: each one more costs
# the oldest its place. Both are shares of the files that the process may have open.
_MOST_SILENT, _SILENT_SHARE = 256, 8
_MOST_WAITING, _WAITING_SHARE = 1024, 2
_PLAIN_ON_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Connection: close\r\nContent-Length: 31\r\n\r\nthis port is HTTPS: use https:\n"
)


class Server(wsgi.Server):
    """cheroot's server, with the classes below.

    Args:
        address: Host and port.
        application: The WSGI application.
        threads: How many connections are served at once.
        web: What they are served with; None: plain HTTP.
    """

    def __init__(
        self,
        address: tuple[str, int],
        application: Any,
        *,
        threads: int,
        web: Following | None,
    ) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most_silent = min(_MOST_SILENT, files // _SILENT_SHARE)
        super().__init__(
            address,
            application,
            server_name="gpuscope",
            numthreads=threads,
            timeout=_SILENT_SECONDS,
            accepted_queue_size=min(_MOST_WAITING, files // _WAITING_SHARE),
            accepted_queue_timeout=0,
        )
        self.max_request_header_size = _MAX_HEADER_BYTES
        self.max_request_body_size = _MAX_BODY_BYTES
        self.keep_alive_conn_limit = _MOST_IDLE
        self.request_queue_size = 128
        self.ConnectionClass = Connection
        self.deadlines = Deadlines(self._waiting, threads)
        if web is not None and web.current().context is not None:
            self.ssl_adapter = TlsAdapter(web)

    def process_conn(self, conn: "Connection") -> None:
        """Have a connection served: by a thread, once its client has said something."""
        if conn.is_new:
            conn.is_new = False
            self._connections.put(conn)  # type: ignore[attr-defined]
            self._make_room()
            return
        while True:
            try:
                self.requests.put(conn)
            except queue.Full:
                self._drop_oldest()
            else:
                return

    def _drop_oldest(self) -> None:
        # The newest has the best chance that somebody still waits for the answer.
        with suppress(queue.Empty):
            self.requests.get(block=False).close()

    def _make_room(self) -> None:
        # cheroot has no limit for these, and in this thread nobody else touches them.
        selector = self._connections._selector  # type: ignore[attr-defined]  # noqa: SLF001
        if len(selector) > self._most_silent:
            silent = [(conn.last_used, fd) for fd, conn in selector.connections if conn is not self]
            _, oldest = min(silent)
            conn = selector.unregister(oldest).data
            conn.close()

    def _waiting(self) -> int:
        return 0 if self.requests.idle else int(self.requests.qsize)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's
        """Log where everything else is logged, and what clients do to themselves in silence."""
        _log.log(level if level >= logging.ERROR else logging.DEBUG, msg, exc_info=traceback)


class Request(HTTPRequest):
    """A request whose answer has a time of its own, and whose body nobody reads."""

    header_reader = StrictReader()

    def parse_request(self) -> None:
        """Read what stands above a body."""
        try:
            super().parse_request()
        except (ValueError, UnboundLocalError) as error:  # what cheroot trips over
            _log.debug("%s: no request: %r", self.conn.remote_addr, error)
            self.simple_response("400 Bad Request", "Malformed Request")
            return
        length = self.inheaders.get(b"Content-Length", b"0")
        if b"Transfer-Encoding" in self.inheaders or length != b"0":
            # What follows was meant as a body: it must not be taken for a request.
            self.close_connection = True

    def simple_response(self, status: str, msg: str = "") -> None:
        """Refuse; to HEAD without a body, which would be the answer to the next request."""
        is_head = getattr(self, "method", b"") == b"HEAD"
        super().simple_response(status, "" if is_head else msg)

    def respond(self) -> None:
        """Answer, in the time that the client waits and some to send it."""
        header = self.inheaders.get(b"X-Prometheus-Scrape-Timeout-Seconds", b"")
        seconds = patience(header.decode("latin-1")) + _SENDING_SECONDS
        self.server.deadlines.set(self.conn, seconds, Phase.ANSWERING)
        super().respond()
        if any(name == b"Retry-After" for name, _ in self.outheaders):
            self.server.deadlines.press()


class Connection(HTTPConnection):
    """A connection that shakes hands in the thread that serves it, not in the one that accepts."""

    RequestHandlerClass = Request

    def __init__(self, server: Server, sock: socket.socket, _makefile: object = None) -> None:
        super().__init__(server, sock, makefile=_file)
        self.is_new = True
        """Whether nobody has looked yet whether the client says something."""
        self._is_greeted = not isinstance(sock, ssl.SSLSocket)

    def communicate(self) -> bool:
        """Read a request and answer it; tell whether the connection stays open."""
        self.server.deadlines.set(self, _REQUEST_SECONDS, Phase.READING)
        try:
            if not self._is_greeted:
                self._is_greeted = self._shake_hands()
            return self._is_greeted and bool(super().communicate())  # type: ignore[no-untyped-call]
        finally:
            self.server.deadlines.lift(self)

    def cut(self) -> None:
        """Make every call on the socket end at once."""
        with suppress(OSError):
            # Not SSLSocket's: that one forgets its state while another thread uses it.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def _shake_hands(self) -> bool:
        web = self.server.ssl_adapter.web
        try:
            self.socket.do_handshake()
        except OSError as error:
            why = failure(error)
            if why is Failure.PLAIN_HTTP:
                self._explain()
            web.handshakes.fail(self.remote_addr, why, error)
            return False
        wanted = web.current().tls
        if wanted is not None and not tls.is_allowed(wanted, self.socket.getpeercert()):
            web.handshakes.fail(self.remote_addr, Failure.NOT_ALLOWED)
            return False
        return True

    def _explain(self) -> None:
        # Below TLS, which was never begun. What the client sent is taken, or else closing would
        # take the answer away from it.
        with suppress(OSError):
            socket.socket.sendall(self.socket, _PLAIN_ON_TLS)
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
            self.socket.settimeout(1)
            socket.socket.recv(self.socket, _MAX_HEADER_BYTES)


class TlsAdapter(Adapter):
    """Serves each new connection with the certificates of that moment."""

    def __init__(self, web: Following) -> None:
        self.web = web

    def bind(self, sock: socket.socket) -> socket.socket:
        """Return the listening socket as it is."""
        return sock

    def wrap(self, sock: socket.socket) -> tuple[socket.socket, dict[str, str]]:
        """Return the socket with TLS, without a word to the client yet."""
        context = self.web.current().context
        assert context is not None  # noqa: S101 - TLS is not turned off while serving
        try:
            wrapped = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError as error:  # the client is gone already
            raise FatalSSLAlert(str(error)) from error
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        """Return what every request's environment has."""
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock: socket.socket, mode: str = "r", bufsize: int = -1) -> Any:
        """Return a file over the socket."""
        return _file(sock, mode, bufsize)


class _Writer:
    """Writes without a copy: cheroot's copies what is left of a piece at each of its parts."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.bytes_written = 0

    def write(self, piece: bytes) -> None:
        """Send all of *piece*; each part may take as long as a client may be silent."""
        left = memoryview(piece)
        while left:
            left = left[self._socket.send(left) :]
        self.bytes_written += len(piece)


def _file(sock: socket.socket, mode: str, bufsize: int) -> Any:
    return StreamReader(sock, mode, bufsize) if "r" in mode else _Writer(sock)
