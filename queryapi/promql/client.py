"""Asks one cluster's Prometheus: which replica, how often, and what its answer means."""

import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar

from queryapi.errors import InvalidParameter, NoData, UpstreamError, UpstreamUnavailable
from queryapi.outbound.breaker import RetryBudget
from queryapi.outbound.transport import ExchangeFailed, Request, StreamingTransport
from queryapi.promql.clocks import Clocks
from queryapi.promql.credentials import Credentials
from queryapi.promql.decoding import MATRIX, VECTOR, Answer, Form
from queryapi.promql.faults import fault
from queryapi.promql.notices import NoticeLog, loggable
from queryapi.promql.replicas import Replicas
from queryapi.promql.values import E, Matrix, Sample, Vector
from queryapi.settings import Cluster, Upstream
from queryapi.telemetry.logs import fields
from queryapi.telemetry.querying import Querying

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_INSTANT = "/api/v1/query"
_RANGE = "/api/v1/query_range"
# Prometheus' own limit, per series.
_MOST_POINTS = 11_000
_ROUNDS = 2
_PAUSE_SECONDS = 0.1
# Another try may help when no server worked on the query. One that ran out of time would only
# cost the same again.
_RETRIED = frozenset({"refused", "failed"})
# Failures of the question, not of the replica: it did answer.
_ANSWERED = frozenset({"too_large", "no_data"})


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """What a query returned.

    Args:
        value: The vector, or what the caller's own function made of it.
        warnings: Prometheus' words about what may be missing from it.
        replica: Which replica answered: replicas scrape at different moments, so what has to
            agree with this answer must be asked of the same one.
        infos: Prometheus' remarks about the query.
    """

    value: T
    warnings: tuple[str, ...]
    replica: int
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Question(Generic[E, T]):
    """One query, how its answer is written, and what is made of it."""

    query: str
    path: str
    about: Mapping[str, str]
    form: Form[E]
    shape: Callable[[Iterable[E]], T]


class PrometheusClient:
    """The Prometheus of one cluster, or several replicas of it.

    Args:
        cluster: Its settings.
        transport: Carries one exchange.
        seconds: How long one query may take, retries included.
        metrics: Where queries are counted.
        upstream: What an answer may be, and when a replica is left alone.
        headers: Returns what else to send with a query, such as `traceparent`.
        clock: Monotonic seconds.
        sleep: Waits between two rounds of tries.
        jitter: Returns a factor from 0 to 1 for that wait.
        quiet: Whether whoever asks logs failures himself.
        clocks: How far a replica's clock may be from ours; None = as far as it likes.
    """

    def __init__(
        self,
        cluster: Cluster,
        transport: StreamingTransport,
        *,
        seconds: float,
        metrics: Querying,
        upstream: Upstream = Upstream(),  # noqa: B008 - frozen
        headers: Callable[[], Mapping[str, str]] = dict,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        quiet: bool = False,
        clocks: Clocks | None = None,
    ) -> None:
        self.name = cluster.name
        self._credentials = Credentials(cluster)
        self._transport = transport
        self._seconds = seconds
        self._metrics = metrics
        self._most = upstream.max_series
        self._headers = headers
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._quiet = quiet
        self._clocks = clocks
        self._replicas = Replicas(cluster, upstream, metrics, clock)
        self._budget = RetryBudget()
        self._notices = NoticeLog(cluster.name, clock)
        self._answered_at: float | None = None

    def instant(
        self, query: str, *, at: float, seconds: float | None = None, replica: int | None = None
    ) -> Result[Vector]:
        """Return the vector that *query* has at Unix time *at*; see read."""
        return self.read(query, tuple, at=at, seconds=seconds, replica=replica)

    def read(
        self,
        query: str,
        shape: Callable[[Iterable[Sample]], T],
        *,
        at: float,
        seconds: float | None = None,
        replica: int | None = None,
    ) -> Result[T]:
        """Return what *shape* makes of the samples that *query* has at Unix time *at*.

        Args:
            query: PromQL whose result is an instant vector.
            shape: Goes over the samples once, while they come: what it does not keep is not
                kept. It is called once at most, and may raise NoData.
            at: Evaluation time, sent to the millisecond.
            seconds: A shorter limit than this client's own.
            replica: Ask this one only.

        Raises:
            UpstreamUnavailable: When no replica gave a usable answer in time.
            QueryRejected: When Prometheus finds fault with the query.
        """
        question = _Question(query, _INSTANT, {"time": f"{at:.3f}"}, VECTOR, shape)
        return self._answer(question, seconds, replica)

    def range(
        self,
        query: str,
        *,
        start: float,
        end: float,
        step: float,
        seconds: float | None = None,
        replica: int | None = None,
    ) -> Result[Matrix]:
        """Return the series that *query* has from Unix time *start* to *end*, every *step* seconds.

        Raises:
            InvalidParameter: When that is more points than Prometheus gives, or none.
            UpstreamError: As of read.
        """
        if not (step > 0 and 0 <= (end - start) / step <= _MOST_POINTS):
            raise InvalidParameter(
                f"Invalid parameter: the time range must hold 1 to {_MOST_POINTS} steps; choose a"
                " longer step or a shorter range"
            )
        about = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        return self._answer(_Question(query, _RANGE, about, MATRIX, tuple), seconds, replica)

    def pass_over(self, replica: int) -> None:
        """Ask another replica first from now on: what this one answered is of no use."""
        self._replicas.pass_over(replica)

    def seconds_since_answer(self) -> float | None:
        """Return how long ago the last query was answered; None when it was not, or none was."""
        return None if self._answered_at is None else self._clock() - self._answered_at

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _answer(
        self, question: _Question[E, T], seconds: float | None, replica: int | None
    ) -> Result[T]:
        started = self._clock()
        outcome = "rejected"
        try:
            result = self._ask(question, started + (seconds or self._seconds), replica)
            outcome = "warned" if result.warnings else "ok"
        except NoData:
            # Prometheus did answer; what is missing is another's concern.
            outcome = "ok"
            raise
        except UpstreamUnavailable as error:
            outcome = error.reason
            self._answered_at = None
            self._log(question.query, error)
            raise
        else:
            return result
        finally:
            self._metrics.query(self.name, outcome, self._clock() - started)

    def _ask(self, question: _Question[E, T], deadline: float, replica: int | None) -> Result[T]:
        headers = {**self._headers(), **self._credentials.headers()}
        self._budget.earn()
        failure: UpstreamUnavailable | None = None
        order = self._replicas.order() if replica is None else (replica,)
        for turn in range(_ROUNDS * len(order)):
            index = order[turn % len(order)]
            if turn == len(order) and not (failure and self._pause(deadline)):
                break
            if not self._replicas.admits(index):
                continue
            if failure and not (self._clock() < deadline and self._budget.spend()):
                break
            try:
                return self._try(question, index, headers, deadline)
            except UpstreamUnavailable as error:
                if error.reason not in _RETRIED:
                    raise
                failure = error
        raise failure or UpstreamUnavailable(
            f"{self._replicas.last_failure}; it is left alone for a while", reason="paused"
        )

    def _try(
        self, question: _Question[E, T], index: int, headers: Mapping[str, str], deadline: float
    ) -> Result[T]:
        """Ask one replica once, and note how it fared."""
        try:
            result = self._exchange(question, index, headers, deadline)
        except NoData:
            self._answered(index)
            self._replicas.pass_over(index)
            raise
        except UpstreamError as error:
            if isinstance(error, UpstreamUnavailable) and error.reason not in _ANSWERED:
                self._replicas.failed(index, str(error))
            else:
                # It works, though not on this: no reason to call it healthy either.
                self._replicas.answered(index)
            raise
        self._answered(index)
        return result

    def _answered(self, index: int) -> None:
        self._replicas.answered(index)
        self._answered_at = self._clock()

    def _exchange(
        self, question: _Question[E, T], index: int, headers: Mapping[str, str], deadline: float
    ) -> Result[T]:
        left = max(deadline - self._clock(), 0.001)
        form = {"query": question.query, **question.about, "timeout": f"{left * 1000:.0f}ms"}
        request = Request("POST", self._replicas.url(index) + question.path, headers, form=form)
        try:
            with self._transport.stream(request, deadline) as reply:
                if reply.status != HTTPStatus.OK:
                    raise fault(reply.status, b"".join(reply.chunks))
                if self._clocks:
                    self._clocks.check(reply.date)
                answer = Answer(reply.chunks, question.form, self._most)
                value = question.shape(answer)
                notices = answer.finish()
        except ExchangeFailed as error:
            raise UpstreamUnavailable(
                f"Prometheus cannot be asked: {error}", reason=error.reason
            ) from error
        self._notices.note(question.query, notices)
        return Result(value, notices.warnings, index, notices.infos)

    def _pause(self, deadline: float) -> bool:
        """Pause before another round; tells whether there is time for it."""
        pause = _PAUSE_SECONDS * (1 + self._jitter())
        if self._clock() + pause >= deadline:
            return False
        self._sleep(pause)
        return True

    def _log(self, query: str, error: UpstreamUnavailable) -> None:
        # A pause was logged when it began.
        if self._quiet or error.reason == "paused":
            return
        _LOG.warning(
            "Prometheus gave no usable answer",
            extra=fields(
                cluster=self.name,
                query=loggable(query),
                reason=error.reason,
                detail=str(error.__cause__ or error),
            ),
        )
