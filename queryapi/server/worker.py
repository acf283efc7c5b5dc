"""gunicorn's threaded worker, whose threads wait for no client.

gunicorn gives a thread to whoever connects: one that says nothing holds it for five seconds, one
that stops in the middle of a line for ever, and one that does not take its answer as long as it
likes. As many such clients as there are threads would hold them all. Here connections wait in the
loop that accepts them: until a request's head is whole, until its answer is taken, and until its
client has hung up.
"""

import contextlib
import gc
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.http.body import LengthReader  # type: ignore[import-untyped]
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from queryapi.server import memory
from queryapi.server.connection import Connection
from queryapi.server.refusals import Parser, refuse

# To the first byte, and from there to the end of the headers.
_HEAD_SECONDS = 10.0
# For what a thread waits for all the same: the rest of a very long head, and of a body that the
# answer did not need.
_REST_SECONDS = 1.0
_BODY_SECONDS = 0.1
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 64 * 1024
# Clients that take their answers slowly; each may keep an answer in memory that nobody else needs.
_TAKERS = 256
# What its parent ignores: a closed terminal, and a shell, tell all processes at once.
_IGNORED = (signal.SIGHUP, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU)
# What a thread returns when the head of the request is not here yet.
_LATER = object()


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """One process that answers."""

    place: int
    began: float

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadlines: dict[Any, float] = {}
        # Connections in the loop, but for the silent and the idle, which gunicorn keeps.
        self._waiting: dict[Any, float] = {}
        self._takers: dict[Any, None] = {}

    def init_process(self) -> None:
        """Begin, in the process that answers."""
        memory.return_large_blocks()
        super().init_process()

    def init_signals(self) -> None:
        """Take signals as gunicorn does, but for those that would end this process alone."""
        super().init_signals()
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)

    def run(self) -> None:
        """Answer until told to end."""
        # What is here now stays: no collection has to look at it again.
        gc.collect()
        gc.freeze()
        super().run()

    def accept(self, listener: Any) -> None:
        """Take in a connection; it gets a thread when there is something to read."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        client = Connection(client)
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.timeout = time.monotonic() + _HEAD_SECONDS
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(client, selectors.EVENT_READ, readable)

    def handle(self, conn: Any) -> Any:
        """Answer one request of a connection, if it is here; runs in a thread of the pool."""
        if conn.parser is None:
            conn.parser = Parser(self.cfg, conn.sock, conn.client)
        # Looked at here, not in the loop: a call of the system more there holds up all threads.
        if not conn.sock.has_said(conn.parser.unreader.buf.getvalue()):
            conn.sock.heard_by = conn.sock.heard_by or time.monotonic() + _HEAD_SECONDS
            return _LATER
        conn.sock.heard_by = conn.sock.taken_by = 0.0
        self._deadlines[conn] = time.monotonic() + _REST_SECONDS
        try:
            return super().handle(conn)
        finally:
            self._deadlines.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose headers are complete, within the time that a shutdown waits."""
        conn.sock.taken_by = time.monotonic() + self.cfg.graceful_timeout
        self._deadlines[conn] = conn.sock.taken_by
        return super().handle_request(req, conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Go on with a connection whose thread is done, once its client has taken the answer."""
        if conn.sock.owes:
            self._wait_for_taker(conn, fs)
        elif fs.cancelled() or fs.exception():
            super().finish_request(conn, fs)
        elif fs.result() is _LATER:
            again = partial(self.enqueue_req, conn)
            self._wait(conn, selectors.EVENT_READ, conn.sock.heard_by, again)
        elif fs.result():
            super().finish_request(conn, fs)
        else:
            self._hang_up(conn)

    def murder_pending(self) -> None:
        """Hang up on who is late; gunicorn calls this every second, to its end."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in self._waiting.copy().items():
            if now > deadline:
                self._stop_waiting(conn)
                self._close(conn)
        for conn, deadline in self._deadlines.copy().items():
            # Before its request is read a thread may be late for want of a processor.
            if now > deadline and (conn.sock.taken_by or conn.sock.hears):
                # The thread that waits for this client sees it gone.
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to end: not ready any more, then as gunicorn does."""
        self.app.drain()
        super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - inherited
        """Stop listening for good when the worker ends.

        gunicorn leaves the listeners open until the last request has ended; who connects
        meanwhile is neither refused nor answered.
        """
        super().set_accept_enabled(enabled)
        if not enabled and not (self.alive and self.ppid == os.getppid()):
            for listener in self.sockets:
                self._accept_all(listener)
                listener.close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ARG002 - inherited
        """Refuse in our own words what gunicorn cannot read; log what else went wrong."""
        if not isinstance(exc, ParseException):
            self.log.error("Error handling request", exc_info=exc)
        refuse(client, addr, exc, self.app.refused)

    def _accept_all(self, listener: Any) -> None:
        """Take in who has connected already."""
        seen = -1
        while seen != self.nr_conns:
            seen = self.nr_conns
            self.accept(listener)

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        # The answer is sent; a rest of the request that does not come or cannot be read ends the
        # connection. Where nothing is left no clock is asked: a busy machine may take longer to
        # get here than anybody is waited for, and the client is told that its connection stays.
        if keepalive and _is_read(conn.parser.mesg):
            return True
        try:
            return bool(keepalive) and bool(
                conn.parser.finish_body(deadline=time.monotonic() + _BODY_SECONDS)
            )
        except (OSError, ParseException):
            return False

    def _wait_for_taker(self, conn: Any, fs: Any) -> None:
        def room() -> None:
            with contextlib.suppress(OSError):
                if not conn.sock.push():
                    self._wait_for_taker(conn, fs)
                    return
            self.finish_request(conn, fs)

        if len(self._takers) >= _TAKERS:
            # Who has taken nothing for longest.
            longest = next(iter(self._takers))
            self._stop_waiting(longest)
            self._close(longest)
        self._takers[conn] = None
        self._wait(conn, selectors.EVENT_WRITE, conn.sock.taken_by, room)

    def _hang_up(self, conn: Any) -> None:
        """Let the client read its answer before the connection is closed (RFC 9112, section 9.6).

        gunicorn waits for that in the loop: one client that does not hang up would keep all
        others waiting for two seconds.
        """
        deadline, left = time.monotonic() + _LINGER_SECONDS, _LINGER_BYTES

        def more() -> None:
            nonlocal left
            came = conn.sock.discard()
            left -= came
            if came and left > 0:
                self._wait(conn, selectors.EVENT_READ, deadline, more)
            else:
                self._close(conn)

        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
        else:
            self._wait(conn, selectors.EVENT_READ, deadline, more)

    def _wait(self, conn: Any, event: int, deadline: float, then: Callable[[], None]) -> None:
        """Call *then* in the loop when the client is ready; close the connection at *deadline*."""

        def ready(_: Any) -> None:
            self._stop_waiting(conn)
            then()

        conn.sock.settimeout(0.0)
        self._waiting[conn] = deadline
        self.poller.register(conn.sock, event, ready)

    def _stop_waiting(self, conn: Any) -> None:
        self.poller.unregister(conn.sock)
        del self._waiting[conn]
        self._takers.pop(conn, None)

    def _close(self, conn: Any) -> None:
        # With something unread the client would see an error instead of the end.
        conn.sock.discard()
        self.nr_conns -= 1
        conn.close()


def _is_read(message: Any) -> bool:
    """Tell whether all of a request's body was read, of one that said how long it is."""
    left = message.body.reader
    return isinstance(left, LengthReader) and left.length == 0 and not message.body.failed
