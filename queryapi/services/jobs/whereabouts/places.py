"""What is known of jobs that are GPU pods; see Places."""

from collections.abc import Mapping

from queryapi.services.jobs.prices import Live
from queryapi.services.jobs.whereabouts import finding
from queryapi.services.jobs.whereabouts.model import Place
from queryapi.services.jobs.whereabouts.watch import Watch
from queryapi.storage.jobrecords import FINAL, Job, Sample


class Whereabouts:
    """Where jobs are, by what Prometheus told last; asks nobody while somebody waits.

    A job is the GPU pod whose UID or name is its id, or all pods of the workload of that name. It
    may be a pod of its own namespace only; where it has none, of any, if its creator sees all.

    Args:
        watches: Each cluster's, by name.
    """

    def __init__(self, watches: Mapping[str, Watch]) -> None:
        self._watches = watches

    def placed(self, job: Job) -> Job:
        """Return *job* with what is known of its pod, where that is more than it says already."""
        place = self._place(job)
        return job if place is None else finding.placed(job, place)

    def measured(self, job: Job) -> Sample | None:
        """Return what was measured of its GPUs in the last 60 s, for who cannot tell himself."""
        watch = self._watch(job)
        return None if watch is None else watch.sample(job)

    def price(self, job: Job) -> Live | None:
        """Return what is written on its nodes; None when they are not known now."""
        place = self._place(job)
        return Live(place.price) if place is not None and place.seen else None

    def end(self) -> None:
        """Look for nobody any more."""
        for watch in self._watches.values():
            watch.stop()
        for watch in self._watches.values():
            watch.end()

    def _place(self, job: Job) -> Place | None:
        watch = self._watch(job)
        return None if watch is None else watch.place(job)

    def _watch(self, job: Job) -> Watch | None:
        """Return who looks for *job*; None when there is nothing to find, or to find any more."""
        if job.status in FINAL or not finding.may_be_a_pod(job):
            return None
        return self._watches.get(job.cluster)
