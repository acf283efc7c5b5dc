"""What is sent back: a status, a body in pieces, headers."""

from http import HTTPStatus
from typing import Any

PLAIN = "text/plain; charset=utf-8"
RETRY_SECONDS = 5
"""When a client that was sent away may come again."""

Environ = dict[str, Any]


class Answer:
    """A status, a body in pieces and its headers.

    Args:
        status: The status.
        pieces: The body.
        headers: By name, `_` standing for `-`.
    """

    def __init__(self, status: HTTPStatus, *pieces: bytes, **headers: str) -> None:
        self.status = status
        self.pieces = pieces
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers = {"Content-Type": PLAIN, **given}


def unavailable(reason: str) -> Answer:
    """Return a 503 that says when to come again."""
    return Answer(
        HTTPStatus.SERVICE_UNAVAILABLE, f"{reason}\n".encode(), Retry_After=str(RETRY_SECONDS)
    )
