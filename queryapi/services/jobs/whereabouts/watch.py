"""Finds out where the jobs of one cluster are, behind the backs of those who report them."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from queryapi.errors import UpstreamError, UpstreamUnavailable
from queryapi.promql import jobqueries
from queryapi.promql.client import PrometheusClient
from queryapi.promql.selection import Selection
from queryapi.services.jobs.whereabouts import finding, readings
from queryapi.services.jobs.whereabouts.interest import Interest, Interests
from queryapi.services.jobs.whereabouts.model import Place
from queryapi.storage.jobrecords import Job, Sample
from queryapi.telemetry.logs import Sparing, fields

_LOG = logging.getLogger(__name__)
# So long that no query is as long as a book.
_BATCH = 200
# A look ends by its own deadlines, and changes nothing that outlives the process.
_JOIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Habits:
    """How often a cluster is asked, in seconds.

    Args:
        pause: Between two looks, at least.
        query: What one query may take.
        patience: The longest pause after looks that failed: each is twice as long as the last.
    """

    pause: float = 1.0
    query: float = 5.0
    patience: float = 60.0


_USUAL = Habits()


class Watch:
    """Where the jobs of one cluster are; whoever asks here waits for nobody.

    Its thread begins with the first job that somebody asks about, and rests while there is none.

    Args:
        client: The cluster's Prometheus, for this purpose alone.
        selection: Its series.
        clock: Unix seconds.
        monotonic: Monotonic seconds.
        habits: How often it is asked.
    """

    def __init__(
        self,
        client: PrometheusClient,
        selection: Selection,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        habits: Habits = _USUAL,
    ) -> None:
        self._client = client
        self._selection = selection
        self._clock = clock
        self._monotonic = monotonic
        self._habits = habits
        self._interests = Interests(monotonic)
        self._complaints = Sparing(clock)
        self._wake, self._ending = threading.Event(), threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def place(self, job: Job) -> Place | None:
        """Return where *job* is, None when that is not known; it will be looked for."""
        place, new = self._interests.place(job)
        if new:
            self._rouse()
        return place

    def sample(self, job: Job) -> Sample | None:
        """Return what was measured of late of *job*, None when nothing was; it will be."""
        sample, new = self._interests.sample(job)
        if new:
            self._rouse()
        return sample

    def look(self) -> None:
        """Look for all jobs whose turn it is.

        Raises:
            UpstreamError: When Prometheus cannot be asked; the rest wait for the next look.
        """
        due = self._interests.due()
        for first in range(0, len(due), _BATCH):
            self._find(due[first : first + _BATCH])
        measured = self._interests.to_measure()
        for first in range(0, len(measured), _BATCH):
            self._measure(measured[first : first + _BATCH])

    def stop(self) -> None:
        """Look no more; does not wait."""
        self._ending.set()
        self._wake.set()

    def end(self) -> None:
        """Stop, and wait for the thread."""
        self.stop()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _rouse(self) -> None:
        self._wake.set()
        with self._starting:
            if self._thread is None and not self._ending.is_set():
                name = f"jobs-{self._client.name}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                # Where the system has none now, the next job may find one: this one is reported.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def _run(self) -> None:
        pause = self._habits.pause
        while not self._ending.is_set():
            self._wake.wait(self._interests.seconds_left())
            self._wake.clear()
            if self._ending.is_set():
                return
            pause = self._habits.pause if self._looked() else self._longer(pause)
            self._ending.wait(pause)

    def _longer(self, pause: float) -> float:
        return min(2 * pause, self._habits.patience)

    def _looked(self) -> bool:
        """Look; tells whether that went well."""
        try:
            self.look()
        except UpstreamError as error:
            if self._complaints.is_due():
                _LOG.warning(
                    "the pods of jobs cannot be looked for",
                    extra=fields(cluster=self._client.name, detail=str(error)),
                )
            return False
        except Exception:  # noqa: BLE001 - the next look may go well
            if self._complaints.is_due():
                _LOG.exception("the pods of jobs could not be looked for")
            return False
        return True

    def _find(self, due: Sequence[Interest]) -> None:
        """Find the places of some jobs; of one that has too many pods, none."""
        try:
            places = self._places(due)
        except UpstreamUnavailable as error:
            if error.reason != "too_large":
                raise
            if len(due) > 1:
                middle = len(due) // 2
                self._find(due[:middle])
                self._find(due[middle:])
                return
            places = [None]
        self._interests.found(due, places)

    def _places(self, due: Sequence[Interest]) -> list[Place | None]:
        at = self._clock()
        names = {interest.job.id for interest in due}
        seconds = self._habits.query
        query = jobqueries.pods(self._selection, names)
        asked = self._client.read(query, finding.read_pods, at=at, seconds=seconds)
        of_jobs = [finding.belonging(interest.job, asked.value) for interest in due]
        pods = {pod.uid: pod for found in of_jobs for pod in found}
        if not pods:
            return [None] * len(due)
        nodes = {pod.node for pod in pods.values() if pod.node}
        known, about = self._client.read(
            jobqueries.surroundings(self._selection, pods, nodes),
            lambda vector: finding.completed(pods.values(), vector),
            at=at,
            seconds=seconds,
            replica=asked.replica,
        ).value
        return [finding.place_of((known[pod.uid] for pod in found), about) for found in of_jobs]

    def _measure(self, measured: Sequence[tuple[Interest, Place]]) -> None:
        began = self._monotonic()
        names = {pod.name for _, place in measured for pod in place.pods}
        nodes = {pod.node for _, place in measured for pod in place.pods if pod.node}
        query = jobqueries.readings(self._selection, names, nodes)
        found = self._client.read(
            query, readings.found, at=self._clock(), seconds=self._habits.query
        ).value
        self._interests.measured(
            {interest.key: readings.of_place(place, found) for interest, place in measured}, began
        )
