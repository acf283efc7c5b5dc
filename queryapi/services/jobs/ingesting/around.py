"""What is known besides when it is decided what something that was said of a job comes to."""

from dataclasses import dataclass, replace
from typing import Protocol, Self

from queryapi.services.jobs.moments import moment
from queryapi.storage.jobrecords import Job, Sample, Tariff


class Prices(Protocol):
    """What jobs cost."""

    def now(self, job: Job, at: float) -> tuple[Tariff, ...]:
        """Return what *job* costs from its `started_at` on: what was true before stays as it was.

        Asks nobody: what labels say is known already, or not yet.
        """
        ...


class Places(Protocol):
    """What is known of jobs that are GPU pods, without asking anybody now."""

    def placed(self, job: Job) -> Job:
        """Return *job* with what is known of its pod, where that is more than it says already."""
        ...

    def measured(self, job: Job) -> Sample | None:
        """Return what was measured of its GPUs of late, for one whose worker cannot tell."""
        ...


@dataclass(frozen=True, slots=True)
class Around:
    """What is known besides.

    Args:
        now: Unix seconds.
        prices: What jobs cost.
        places: What is known of jobs that are GPU pods.
    """

    now: float
    prices: Prices
    places: Places

    def of(self, job: Job) -> Self:
        """Return the same by the job's own time, which does not go back."""
        now = moment(job, self.now)
        return self if now == self.now else replace(self, now=now)
