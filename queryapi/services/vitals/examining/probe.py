"""How a service is by its own health URL."""

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus

import msgspec

from queryapi.outbound.decoding import BROKEN
from queryapi.outbound.transport import (
    ExchangeFailed,
    Obstacle,
    Request,
    Stream,
    StreamingTransport,
)
from queryapi.services.vitals.examining.observation import Observation
from queryapi.services.vitals.examining.slot import LATE, Moment
from queryapi.services.vitals.model import Status
from queryapi.settings import Service

BODY_BYTES = 64 * 1024
# Of health+json (draft-inadarei-api-health-check), Spring and their like. Any other word says
# nothing: then the HTTP status alone does. "degraded" does not do what it should.
_ILL = frozenset(
    {"fail", "failed", "failing", "down", "error", "critical", "degraded", "unhealthy"}
    | {"out_of_service"}
)
_OBSTACLES: dict[Obstacle, str] = {
    "refused": "refused the connection",
    "unresolved": "its name cannot be resolved",
    "forbidden": "its address is link-local or another that nothing is sent to",
    "unreachable": "cannot be reached",
    "tls": "no trusted TLS connection can be made",
    "not_http": "did not answer in HTTP",
    "broken_off": "broke off the connection",
}
_GARBLED = "broke off its answer"


class _Word(msgspec.Struct):
    """A health body, of which one word matters."""

    status: str


_WORD = msgspec.json.Decoder(_Word)


class HealthProbe:
    """Asks a service's health URL, anew each time: no old connection speaks for it.

    Args:
        service: One with a health URL.
        transport: Carries one exchange; nobody else's.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        service: Service,
        transport: StreamingTransport,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        headers = {"Connection": "close", **service.headers}
        if not any(name.lower() == "accept" for name in headers):
            headers["Accept"] = "application/health+json, application/json, */*"
        self._request = Request("GET", service.health_url or "", headers)
        self._timeout = service.timeout
        self._transport = transport
        self._monotonic = monotonic

    def __call__(self, moment: Moment) -> Observation:
        """Return what it answers."""
        started = self._monotonic()
        deadline = min(moment.deadline, started + self._timeout)
        try:
            with self._transport.stream(self._request, deadline) as answer:
                error = _objection(answer)
        except ExchangeFailed as failure:
            return _unanswered(failure)
        finally:
            # Nor does one that it would have kept open.
            self._transport.close()
        status = Status.UNHEALTHY if error else Status.HEALTHY
        return Observation(status, error, response_time=self._monotonic() - started)


def _objection(answer: Stream) -> str:
    """Return why an answer is not that of a healthy service; empty when it is."""
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return f"answered {answer.status}"
    body = _start(answer.chunks)
    try:
        word = "" if body is None else _WORD.decode(body).status.lower()
    except BROKEN:
        return ""
    return f"says that it is {word!r}" if word in _ILL else ""


def _start(chunks: Iterator[bytes]) -> bytes | None:
    """Return the whole body; None when it is longer than any that says how a service is."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > BODY_BYTES:
            return None
    return bytes(body)


def _unanswered(failure: ExchangeFailed) -> Observation:
    if failure.reason == "timeout":
        return LATE
    begun = failure.reason != "refused"
    return Observation(Status.ERROR, _GARBLED if begun else _OBSTACLES[failure.obstacle])
