"""Which jobs somebody asks about, and what is known of where they are."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from queryapi.promql.jobqueries import PERIOD
from queryapi.services.jobs.whereabouts.model import Place
from queryapi.storage.jobrecords import Job, Sample

# Who was not asked about for that long is of no interest any more.
_INTEREST_SECONDS = 300.0
_MOST = 1000
# How often a place is looked for: where there is one, in the first minute, and later.
_FOUND_SECONDS, _YOUNG_SECONDS, _OLD_SECONDS = 15.0, 5.0, 30.0
_YOUTH_SECONDS = 60.0
_MEASURE_SECONDS = 5.0
# With PERIOD it makes the 60 seconds after which nothing counts as measured of late.
_FRESH_SECONDS = 60.0 - PERIOD

Key = tuple[str, str | None, bool]
"""Of a job: its id, and of which namespaces it may be a pod."""


@dataclass(slots=True)
class Interest:
    """One job that somebody asks about; times are monotonic seconds.

    Args:
        job: As it was asked about last.
        since: When it was first asked about.
        asked: When it was asked about last.
        due: When to look for it again.
        wanted: When somebody last asked what was measured.
        place: Where it is; None = nobody knows.
        sample: What was measured.
        sampled: When that was asked for.
    """

    job: Job
    since: float
    asked: float
    due: float
    wanted: float = -math.inf
    place: Place | None = None
    sample: Sample | None = None
    sampled: float = -math.inf

    @property
    def key(self) -> Key:
        """What tells it apart."""
        return key_of(self.job)


def key_of(job: Job) -> Key:
    """Return what tells the interest in *job* apart from that in others."""
    return job.id, job.namespace, job.anywhere


class Interests:
    """The jobs that were asked about in the last minutes, a bounded number of them.

    Args:
        monotonic: Monotonic seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: OrderedDict[Key, Interest] = OrderedDict()

    def place(self, job: Job) -> tuple[Place | None, bool]:
        """Return where *job* is, and whether nobody has asked about it before."""
        with self._lock:
            interest, new = self._note(job)
            return interest.place, new

    def sample(self, job: Job) -> tuple[Sample | None, bool]:
        """Return what was measured of late, and whether nobody has asked for that before."""
        with self._lock:
            interest, new = self._note(job)
            now = self._monotonic()
            idle = now - interest.wanted > _INTEREST_SECONDS
            interest.wanted = now
            fresh = now - interest.sampled <= _FRESH_SECONDS
            return (interest.sample if fresh else None), new or idle

    def due(self) -> list[Interest]:
        """Return the jobs to look for now, and forget those that nobody asks about any more."""
        now = self._monotonic()
        with self._lock:
            for key, interest in list(self._known.items()):
                if now - interest.asked > _INTEREST_SECONDS:
                    del self._known[key]
            return [interest for interest in self._known.values() if interest.due <= now]

    def to_measure(self) -> list[tuple[Interest, Place]]:
        """Return the jobs whose GPUs somebody asks about, and where they are."""
        now = self._monotonic()
        with self._lock:
            return [
                (interest, interest.place)
                for interest in self._known.values()
                if interest.place is not None and self._measured_at(interest) <= now
            ]

    def found(self, interests: Sequence[Interest], places: Sequence[Place | None]) -> None:
        """Note where jobs are."""
        now = self._monotonic()
        with self._lock:
            for interest, place in zip(interests, places, strict=True):
                interest.place = place
                young = now - interest.since < _YOUTH_SECONDS
                again = _FOUND_SECONDS if place else _YOUNG_SECONDS if young else _OLD_SECONDS
                interest.due = now + again

    def measured(self, samples: Mapping[Key, Sample | None], at: float) -> None:
        """Note what was measured, as it was asked for *at* monotonic seconds."""
        with self._lock:
            for key, sample in samples.items():
                interest = self._known.get(key)
                if interest is not None:
                    interest.sample, interest.sampled = sample, at

    def seconds_left(self) -> float | None:
        """Return the seconds until there is something to do; None = until somebody asks."""
        now = self._monotonic()
        with self._lock:
            moments = [interest.due for interest in self._known.values()]
            moments += [self._measured_at(i) for i in self._known.values() if i.place is not None]
        return max(0.0, min(moments) - now) if moments else None

    def _measured_at(self, interest: Interest) -> float:
        """Return when to measure again; never, when nobody asks for it."""
        if interest.asked - interest.wanted > _INTEREST_SECONDS:
            return math.inf
        return interest.sampled + _MEASURE_SECONDS

    def _note(self, job: Job) -> tuple[Interest, bool]:
        now = self._monotonic()
        key = key_of(job)
        interest = self._known.get(key)
        new = interest is None
        if interest is None:
            interest = self._known[key] = Interest(job, since=now, asked=now, due=now)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        interest.job, interest.asked = job, now
        self._known.move_to_end(key)
        return interest, new
