"""Where a job is told of: one question by HTTP, and a WebSocket that is opened again and again."""

import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from queryapi.errors import ConfigurationError, ResourceNotFound

_TIMEOUT = 15.0
_SHORTEST, _LONGEST = 0.5, 30.0
_NOT_FOUND, _LIMITED, _SERVER_ERRORS = 404, 429, 500
_POLICY_VIOLATION = 1008
_QUIET = 60.0
"""Seconds without a message after which somebody had better ask."""

SILENCE = "silence"
"""The type of a message of ours: nothing was told for a while."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a job is reached.

    Args:
        url: The base URL of the HTTP API.
        stream_url: The URL of the WebSockets.
        token: Returns what to authenticate with, as it is now; None = nothing.
        sleep: Waits so many seconds.
    """

    url: str
    stream_url: str
    job: str
    token: Callable[[], str | None]
    sleep: Callable[[float], None] = time.sleep

    def monitor(self) -> dict[str, Any]:
        """Return the answer of `GET …/monitor`.

        Raises:
            ResourceNotFound: When there is no such job.
            ConfigurationError: When there is another answer, or none.
        """
        url = f"{self.url.rstrip('/')}/api/jobs/{urllib.parse.quote(self.job, safe='')}/monitor"
        try:
            request = urllib.request.Request(url, headers=self._headers())  # noqa: S310 - checked
            opener = urllib.request.build_opener(_NoRedirects)
            with opener.open(request, timeout=_TIMEOUT) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            with error:
                if error.code == _NOT_FOUND:
                    raise ResourceNotFound(f"there is no job {self.job!r}") from None
                said = error.read(300).decode(errors="replace")
            raise ConfigurationError(f"{url} was answered {error.code}: {said}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            # urllib wraps what happened into words of its own.
            raise ConfigurationError(f"{url}: {getattr(error, 'reason', error)}") from None

    def messages(
        self, lost: Callable[[str], None], begin: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Yield every message of the job from now on; none is missed while it is kept.

        Args:
            lost: Told why there is no connection for a while.
            begin: `since` and `epoch` of what is known already; nothing = how the job is now.

        Raises:
            ConfigurationError: When the service refuses to tell.
        """
        # Not at the top: the service's other commands do without.
        from websockets.exceptions import WebSocketException  # noqa: PLC0415
        from websockets.sync.client import connect  # noqa: PLC0415

        place = dict(begin)
        tries = 0
        while True:
            why, least = "", 0.0
            try:
                with connect(
                    self.stream_url,
                    additional_headers=self._headers(),
                    open_timeout=_TIMEOUT,
                    close_timeout=1,
                ) as stream:
                    asked = {"type": "subscribe:job", "subscriptionId": self.job}
                    stream.send(json.dumps(asked | place))
                    for message in _heard(stream):
                        place |= _place(message)
                        tries = 0
                        yield message
            except (OSError, WebSocketException) as error:
                why, least = self._trouble(error)
            tries += 1
            longest = min(_LONGEST, _SHORTEST * 2 ** min(tries, 10))
            wait = least + random.uniform(0, longest)  # noqa: S311 - no secret
            lost(f"{why}; again in {wait:.0f} s")
            self.sleep(wait)

    def _trouble(self, error: Exception) -> tuple[str, float]:
        """Return why there is no connection, and the seconds that the service asks for.

        Raises:
            ConfigurationError: When there will be none.
        """
        from websockets.exceptions import (  # noqa: PLC0415
            ConnectionClosed,
            InvalidStatus,
            InvalidURI,
        )

        match error:
            case InvalidStatus():
                status = error.response.status_code
                why = f"answered {status}"
                if status < _SERVER_ERRORS and status != _LIMITED:
                    said = _said(error.response.body)
                    raise ConfigurationError(f"{self.stream_url}: {why}: {said}") from None
                return why, _seconds(error.response.headers)
            case ConnectionClosed():
                if error.rcvd and error.rcvd.code == _POLICY_VIOLATION:
                    raise ConfigurationError(f"{self.stream_url}: {error.rcvd.reason}") from None
                return "the connection was lost", 0.0
            case InvalidURI():
                raise ConfigurationError(str(error)) from None
        return f"{self.stream_url}: {str(error) or type(error).__name__}", 0.0

    def _headers(self) -> dict[str, str]:
        token = self.token()
        return {"Authorization": f"Bearer {token}"} if token else {}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows none: that would carry the token to another's service."""

    def redirect_request(self, *_: object) -> None:
        return


def _heard(stream: Any) -> Iterator[dict[str, Any]]:
    while True:
        try:
            yield json.loads(stream.recv(timeout=_QUIET))
        except TimeoutError:
            yield {"type": SILENCE}


def _place(message: dict[str, Any]) -> dict[str, Any]:
    """Return what a message says of where in the story it is."""
    kind, data = str(message.get("type")), message.get("data") or {}
    if kind.startswith("JOB_") and "seq" in message:
        return {"since": message["seq"]}
    return {"epoch": data["epoch"]} if kind == "subscribed" and "epoch" in data else {}


def _said(body: bytes | bytearray) -> str:
    """Return why a WebSocket was refused, in the words of who did."""
    try:
        why = str(json.loads(body)["error"])
    except (ValueError, TypeError, LookupError):
        why = "no WebSockets are served there"
    return f"{why} (--stream-url says where they are)"


def _seconds(headers: Any) -> float:
    text = str(headers.get("Retry-After", ""))
    return float(text) if text.isdecimal() else 0.0
