"""Asks one cluster's Prometheus: which replica, how often, and what its answer means."""

import logging
import random
import time
from collections.abc import Callable
from http import HTTPStatus

import msgspec

from queryapi.errors import QueryRejected, UpstreamError, UpstreamUnavailable
from queryapi.promql.credentials import Credentials
from queryapi.promql.transport import Reply, Transport
from queryapi.promql.values import Failure, Success, Vector
from queryapi.settings import Cluster
from queryapi.telemetry.logs import fields
from queryapi.telemetry.metrics import Metrics

_LOG = logging.getLogger(__name__)
_SUCCESS = msgspec.json.Decoder(Success)
_FAILURE = msgspec.json.Decoder(Failure)
_PATH = "/api/v1/query"
_ROUNDS = 2
_PAUSE_SECONDS = 0.1
# Another try may help when no server worked on the query. One that ran out of time would only
# cost the same again.
_RETRIED = frozenset({"refused", "failed"})


class PrometheusClient:
    """The Prometheus of one cluster, or several replicas of it.

    Args:
        cluster: Its settings.
        transport: Carries one exchange.
        seconds: How long one query may take, retries included.
        metrics: Where queries are counted.
        clock: Monotonic seconds.
        sleep: Waits between two rounds of tries.
        jitter: Returns a factor from 0 to 1 for that wait.
    """

    def __init__(
        self,
        cluster: Cluster,
        transport: Transport,
        *,
        seconds: float,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = cluster.name
        self._urls = cluster.urls
        self._credentials = Credentials(cluster)
        self._transport = transport
        self._seconds = seconds
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        # Replicas scrape at different moments: staying with one keeps its times comparable.
        self._preferred = 0
        self._answered_at: float | None = None

    def instant(self, query: str, *, at: float, seconds: float | None = None) -> Vector:
        """Return the vector that *query* has at Unix time *at*.

        Args:
            query: PromQL whose result is an instant vector.
            at: Evaluation time, sent to the millisecond.
            seconds: A shorter limit than this client's own.

        Raises:
            UpstreamUnavailable: When no replica gave a usable answer in time.
            QueryRejected: When Prometheus finds fault with the query.
        """
        started = self._clock()
        outcome = "rejected"
        try:
            answer = self._ask(query, at, started + (seconds or self._seconds))
            outcome = "warned" if answer.warnings else "ok"
        except UpstreamUnavailable as error:
            outcome = error.reason
            self._answered_at = None
            _LOG.warning(
                "Prometheus gave no usable answer",
                extra=fields(
                    cluster=self.name,
                    query=query,
                    reason=error.reason,
                    detail=str(error.__cause__ or error),
                ),
            )
            raise
        finally:
            self._metrics.query(self.name, outcome, self._clock() - started)
        if answer.warnings:
            _LOG.warning(
                "Prometheus warns that its answer may be incomplete",
                extra=fields(cluster=self.name, query=query, warnings=answer.warnings),
            )
        return answer.data.result

    def seconds_since_answer(self) -> float | None:
        """Return how long ago the last query was answered; None when it was not, or none was."""
        return None if self._answered_at is None else self._clock() - self._answered_at

    def _ask(self, query: str, at: float, deadline: float) -> Success:
        first, tries = self._preferred, 0
        while True:
            index = (first + tries) % len(self._urls)
            tries += 1
            try:
                return self._try(self._urls[index], query, at, deadline)
            except UpstreamUnavailable as error:
                if self._preferred == index:
                    self._preferred = (index + 1) % len(self._urls)
                if error.reason not in _RETRIED or not self._may_go_on(tries, deadline):
                    raise

    def _try(self, url: str, query: str, at: float, deadline: float) -> Success:
        left = max(deadline - self._clock(), 0.001)
        form = {"query": query, "time": f"{at:.3f}", "timeout": f"{left * 1000:.0f}ms"}
        reply = self._transport.post(url + _PATH, form, self._credentials.headers(), deadline)
        if reply.status != HTTPStatus.OK:
            raise _fault(reply)
        try:
            answer = _SUCCESS.decode(reply.body)
        except msgspec.DecodeError as error:
            raise UpstreamUnavailable(
                "Prometheus' answer cannot be understood", reason="garbled"
            ) from error
        self._answered_at = self._clock()
        return answer

    def _may_go_on(self, tries: int, deadline: float) -> bool:
        """Tell whether another try is left; pauses first when every replica had its turn."""
        if tries == _ROUNDS * len(self._urls):
            return False
        if tries % len(self._urls):
            return True
        pause = _PAUSE_SECONDS * (1 + self._jitter())
        if self._clock() + pause >= deadline:
            return False
        self._sleep(pause)
        return True


def _fault(reply: Reply) -> UpstreamError:
    words = _words(reply)
    if words and words.kind == "bad_data":
        return QueryRejected(f"{words.kind}: {words.error}")
    if words and words.kind in ("timeout", "canceled"):
        return UpstreamUnavailable("Prometheus ran out of time", reason="timeout")
    if words:
        return UpstreamUnavailable(f"Prometheus reports {words.kind}", reason="faulty")
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UpstreamUnavailable(f"Prometheus answered HTTP {reply.status}", reason="failed")
    return UpstreamUnavailable(
        f"Prometheus answered HTTP {reply.status}: check its URL and the credentials",
        reason="denied",
    )


def _words(reply: Reply) -> Failure | None:
    try:
        return _FAILURE.decode(reply.body)
    except msgspec.DecodeError:
        return None
