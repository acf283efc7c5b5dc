"""Whether to try again is for the service to say."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from demo.processes import LOOPBACK
from queryapi.commands.watching.way import Way
from queryapi.errors import ConfigurationError


class _EnoughError(Exception):
    """The test has seen what it came for."""


@contextmanager
def _answering(status: HTTPStatus, **headers: str) -> Iterator[str]:
    """Answer every request for a WebSocket so; 101 opens it, and closes it as of a wrong token."""

    def answer(_connection: ServerConnection, _request: Request) -> Response | None:
        if status is HTTPStatus.SWITCHING_PROTOCOLS:
            return None
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(
            status, "x", Headers({"Connection": "close", "Content-Length": "0", **named})
        )

    def close(connection: ServerConnection) -> None:
        connection.close(1008, "the token has expired")

    with serve(close, LOOPBACK, 0, process_request=answer) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"ws://{LOOPBACK}:{server.socket.getsockname()[1]}/ws"
        finally:
            server.shutdown()
            serving.join()


def _way(url: str, waits: list[float]) -> Way:
    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) > 1:
            raise _EnoughError

    return Way("http://x", url, "j", lambda: "secret", sleep)


@pytest.mark.parametrize("status", [HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE])
def test_who_is_told_to_wait_waits_as_long(status: HTTPStatus) -> None:
    """At least; then it tries again, and says why."""
    waits: list[float] = []
    said: list[str] = []
    with _answering(status, Retry_After="7") as url, pytest.raises(_EnoughError):
        next(_way(url, waits).messages(said.append, {}))

    assert all(wait >= 7 for wait in waits)
    assert [True, True] == [text.startswith(f"answered {status}; again in") for text in said]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (HTTPStatus.UNAUTHORIZED, "answered 401"),
        (HTTPStatus.NOT_FOUND, "answered 404"),
        (HTTPStatus.SWITCHING_PROTOCOLS, "the token has expired"),
    ],
)
def test_who_is_refused_does_not_ask_again(status: HTTPStatus, why: str) -> None:
    """It would be refused again; nothing that is said holds the token."""
    waits: list[float] = []
    with _answering(status) as url, pytest.raises(ConfigurationError, match=why) as refused:
        next(_way(url, waits).messages(print, {}))

    assert [] == waits
    assert "secret" not in str(refused.value)


def test_what_is_no_address_is_said() -> None:
    """In the words of who cannot use it."""
    with pytest.raises(ConfigurationError, match="isn't a valid URI"):
        next(_way("nonsense", []).messages(print, {}))
