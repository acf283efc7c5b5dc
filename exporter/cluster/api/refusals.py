"""What an answer that is no success means: HTTP status, headers and body → one of our errors."""

from collections.abc import Mapping

from exporter.cluster.api import messages
from exporter.errors import (
    ApiServerUnavailable,
    Conflict,
    KubernetesError,
    NotFound,
    RequestRejected,
    ResourceExpired,
    ResourceRefused,
)

# A server that asks for more patience than this is asked again all the same.
_LONGEST_WAIT = 60.0
UNAUTHORIZED = 401
_FORBIDDEN, _NOT_FOUND, _CONFLICT, _GONE = 403, 404, 409, 410
_REJECTED = (400, 422)


def refusal(
    status: int, headers: Mapping[str, str] | None, body: str | bytes | None, *, subject: str
) -> KubernetesError:
    """Return the error that an answer means.

    Args:
        status: The HTTP status.
        headers: The answer's headers.
        body: Its body: a Status, or whatever a proxy on the way wrote.
        subject: What was asked for, for messages: "pods".
    """
    raw = body.encode() if isinstance(body, str) else body or b""
    message = messages.decode_status(raw).message
    told = f"the API server answered {status} {message}".rstrip()
    if status == _GONE:
        return ResourceExpired(message or f"{subject}: 410 Gone")
    if status == _NOT_FOUND:
        return NotFound(message or f"{subject}: 404 Not Found")
    if status == _CONFLICT:
        return Conflict(message or f"{subject}: 409 Conflict")
    if status == _FORBIDDEN:
        return ResourceRefused(told if message else f"{told} no permission")
    if status in _REJECTED:
        return RequestRejected(told)
    return ApiServerUnavailable(told, retry_after=_patience(headers))


def _patience(headers: Mapping[str, str] | None) -> float | None:
    """Return the seconds of a Retry-After header, bounded; its other form, a date, is ignored."""
    try:
        asked = int((headers or {}).get("Retry-After", ""))
    except ValueError:
        return None
    return min(max(0.0, float(asked)), _LONGEST_WAIT)
