"""What the demo asks of the HTTP APIs that it starts, as anybody would."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from demo.processes import ProcessError

_TIMEOUT_SECONDS = 30.0
_LATE_SECONDS = 120.0
_TRANSIENT = (429, 500, 502, 503, 504)

Told = TypeVar("Told")


class AskError(ProcessError):
    """An API refused or did not answer; the message holds the request and what was said.

    Attributes:
        transient: Whether the same request may be answered later.
    """

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


def asked(
    url: str,
    body: Mapping[str, object] | None = None,
    *,
    method: str | None = None,
    key: str = "",
) -> dict[str, Any]:
    """Return the JSON object of an answer.

    Args:
        url: Where, with the query.
        body: An object to send; None = nothing is sent.
        method: None = GET, or POST where something is sent.
        key: `Idempotency-Key`: what has it is done once.

    Raises:
        AskError: When there is no answer of status 2xx.
    """
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if key:
        headers["Idempotency-Key"] = key
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - our own URL
    about = f"{request.get_method()} {url}"
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        with error:
            said = error.read().decode(errors="replace")
        raise AskError(
            f"{about} was answered {error.code}: {said}", transient=error.code in _TRANSIENT
        ) from None
    except OSError as error:
        # Who refuses connections, or breaks them, has ended.
        late = isinstance(getattr(error, "reason", error), TimeoutError)
        raise AskError(f"{about}: {error}", transient=late) from error


def patiently(ask: Callable[[], Told], *, seconds: float = _LATE_SECONDS) -> Told:
    """Return what is told, asking again for *seconds*: a busy machine is late now and then.

    Raises:
        AskError: What *ask* raised last, or what no time will mend.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except AskError as error:
            if not error.transient or time.monotonic() > deadline:
                raise
        time.sleep(1.0)
