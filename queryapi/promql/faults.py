"""What an answer that is no success means to us."""

from http import HTTPStatus

import msgspec

from queryapi.errors import QueryRejected, UpstreamError, UpstreamUnavailable
from queryapi.outbound.decoding import BROKEN
from queryapi.promql.values import Failure

_FAILURE = msgspec.json.Decoder(Failure)
_OUT_OF_TIME = frozenset({"timeout", "canceled"})


def fault(status: int, body: bytes) -> UpstreamError:
    """Return the error that an answer with another status than 200 stands for.

    Thanos and Mimir write the kind of error in capitals at times, VictoriaMetrics writes the
    status there, and proxies answer in words of their own.
    """
    words = _words(body)
    if words is None:
        return _unspoken(status)
    kind = words.kind.lower()
    if kind == "bad_data" or status == HTTPStatus.BAD_REQUEST:
        return QueryRejected(f"{kind}: {words.error}")
    if kind in _OUT_OF_TIME:
        return UpstreamUnavailable("Prometheus ran out of time", reason="timeout")
    if kind == "unavailable":
        return UpstreamUnavailable("Prometheus is not ready yet", reason="failed")
    return UpstreamUnavailable(f"Prometheus reports {kind}", reason="faulty")


def _unspoken(status: int) -> UpstreamUnavailable:
    said = f"Prometheus answered HTTP {status}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UpstreamUnavailable(said, reason="failed")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return UpstreamUnavailable(f"{said}: it is asked too much", reason="faulty")
    return UpstreamUnavailable(f"{said}: check its URL and the credentials", reason="denied")


def _words(body: bytes) -> Failure | None:
    try:
        return _FAILURE.decode(body)
    except BROKEN:
        return None
