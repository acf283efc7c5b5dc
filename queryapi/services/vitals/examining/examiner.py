"""Looks at every service at once, and tells in time what is known, whatever hangs."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Any

from queryapi.services.vitals.examining.observation import Observation
from queryapi.services.vitals.examining.slot import BROKEN, LATE, Moment, Outcomes, Slot
from queryapi.services.vitals.examining.watched import Watched
from queryapi.services.vitals.examining.ways import NO_PROMETHEUS
from queryapi.services.vitals.model import Finding, Round, Status
from queryapi.telemetry.logs import Sparing
from queryapi.telemetry.looking import Looking, LookOutcome

_LOG = logging.getLogger(__name__)

_NO_NUMBER = "its PromQL finds no finite number"


def questions(services: Iterable[Watched], events: Slot[Observation]) -> tuple[Slot[Any], ...]:
    """Return every question of a round, once; each needs a thread as long as it hangs."""
    asked = (slot for service in services for way in service.ways for slot in way.slots)
    return tuple(dict.fromkeys((events, *asked)))


class Examiner:
    """Takes rounds.

    Args:
        services: What to look at, in the order in which it is told.
        events: Asks for the rate of events.
        executor: Has as many threads as there are questions, see questions.
        seconds: How long a round may take.
        metrics: Counts rounds, and what they find.
        clock: Unix seconds.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        services: Sequence[Watched],
        events: Slot[Observation],
        executor: Executor,
        *,
        seconds: float,
        metrics: Looking,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = tuple(services)
        self._events = events
        self._slots = questions(services, events)
        self._executor = executor
        self._seconds = seconds
        self._metrics = metrics
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._sparing = Sparing(monotonic)

    def examine(self) -> Round:
        """Return how every service is; never raises.

        Rounds are taken one after another: a second caller waits for the first one's.
        """
        with self._lock:
            at, began = self._clock(), self._monotonic()
            found = self._found(Moment(at, began + self._seconds))
            self._metrics.look(_outcome(found), self._monotonic() - began)
            for finding in found.findings:
                self._metrics.finding(finding.service, finding.status.value)
            return found

    def _found(self, moment: Moment) -> Round:
        try:
            return self._round(moment)
        except Exception as error:  # noqa: BLE001 - whoever asks is told something
            self._log(error)
        broken = tuple(service.broken() for service in self._services)
        return Round(at=moment.at, findings=broken, events_error=BROKEN.error)

    def _round(self, moment: Moment) -> Round:
        answers = Outcomes(self._slots, moment, self._executor, monotonic=self._monotonic)
        found = (self._finding(service, answers, moment.at) for service in self._services)
        events = answers.of(self._events)
        return Round(
            at=moment.at,
            findings=tuple(finding for finding in found if finding is not None),
            events_per_second=next(iter(events.numbers.values()), None),
            events_error=_events_error(events),
        )

    def _finding(self, service: Watched, answers: Outcomes, at: float) -> Finding | None:
        try:
            return service.finding(answers, at)
        except Exception as error:  # noqa: BLE001 - the others are told of
            self._log(error)
            return service.broken()

    def _log(self, error: Exception) -> None:
        if self._sparing.is_due():
            _LOG.error("The services could not be looked at", exc_info=error)


def _outcome(found: Round) -> LookOutcome:
    if BROKEN.error in (found.events_error, *(finding.error for finding in found.findings)):
        return "failed"
    late = any(finding.status is Status.TIMEOUT for finding in found.findings)
    return "late" if late else "whole"


def _events_error(told: Observation) -> str:
    if told is LATE:
        return NO_PROMETHEUS.error
    return told.error or ("" if told.numbers else _NO_NUMBER)
