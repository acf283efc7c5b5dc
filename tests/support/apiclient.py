"""The plainest client of a Kubernetes API: one GET, one watch, nothing done for the caller."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

_TIMEOUT = urllib3.Timeout(connect=5.0, read=20.0)

Params = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers, the body as it was sent and as JSON."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.raw)

    @property
    def names(self) -> list[str]:
        """The names of a list's items."""
        return [item["metadata"]["name"] for item in self.json["items"]]

    @property
    def token(self) -> str:
        """A list's continue token; "" on its last page."""
        return str(self.json["metadata"].get("continue", ""))


class Stream:
    """An open watch: call `next` for its events, in order."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._chunks = response.read_chunked()

    def chunk(self) -> bytes:
        """Return the next HTTP chunk.

        Raises:
            StopIteration: When the server ended the watch.
            urllib3.exceptions.HTTPError: When the connection broke or nothing came in time.
        """
        return next(self._chunks)

    def next(self) -> Any:
        """Return the next event; raises as `chunk` does."""
        return json.loads(self.chunk())

    def take(self, count: int) -> list[tuple[str, str]]:
        """Return the type and object name of the next *count* events."""
        events = [self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]

    def rest(self) -> list[Any]:
        """Return every event until the server ends the watch."""
        return [json.loads(chunk) for chunk in self._chunks]


def get(
    url: str,
    params: Params | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    authority: Path | None = None,
) -> Answer:
    """GET a URL without retries, redirects or decompression.

    Args:
        url: What to get.
        params: Query parameters; values are turned into text.
        headers: Request headers.
        authority: Certificate that vouches for an https server.
    """
    with _opened(url, params, headers, authority) as response:
        return Answer(response.status, response.headers, response.read(decode_content=False))


@contextmanager
def watch(
    url: str, params: Params | None = None, *, headers: Mapping[str, str] | None = None
) -> Iterator[Stream]:
    """Open a watch for the length of a `with` block."""
    with _opened(url, {"watch": "true", **(params or {})}, headers, None) as response:
        assert response.status == 200, response.read()
        yield Stream(response)


@contextmanager
def _opened(
    url: str,
    params: Params | None,
    headers: Mapping[str, str] | None,
    authority: Path | None,
) -> Iterator[urllib3.BaseHTTPResponse]:
    trusted = None if authority is None else str(authority)
    with urllib3.PoolManager(timeout=_TIMEOUT, retries=False, ca_certs=trusted) as pool:
        fields = {name: str(value) for name, value in (params or {}).items()}
        response = pool.request("GET", url, fields=fields, headers=headers, preload_content=False)
        try:
            yield response
        finally:
            response.close()
