"""How long GPU pods waited for a node, and from there until they ran."""

from enum import Enum

from exporter.cluster.events.lifecycle import PodRecord, ended, has_run
from exporter.histogram import Histogram

_MINUTE = 60.0
_HOUR = 3600.0
BOUNDS = (
    *(1.0, 2.0, 5.0, 10.0, 20.0, 30.0),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 20, 30)),
    *(hours * _HOUR for hours in (1, 2, 4, 8, 12, 24)),
)
"""From one second, as on an idle cluster, to a day, as in a full queue."""


class _Awaited(Enum):
    NODE = "node"
    START = "start"


class Waits:
    """Measures each pod once; only what ends while the pods are followed.

    What had ended before the first list was complete is history: counted at every start of the
    exporter, it would look like a burst.
    """

    def __init__(self) -> None:
        self.queue = Histogram(BOUNDS)
        self.startup = Histogram(BOUNDS)
        # What each pod waits for next; a pod that waits for nothing more is not in it.
        self._awaited: dict[str, _Awaited] = {}

    def pod_came(self, pod: PodRecord, *, news: bool) -> None:
        """Take in a pod not known before; *news* is False while the first list is taken in."""
        waits_for_node = news or pod.scheduled is None
        self._awaited[pod.uid] = _Awaited.NODE if waits_for_node else _Awaited.START
        if news:
            self.pod_changed(pod)
        elif ended(pod) or has_run(pod):
            del self._awaited[pod.uid]

    def pod_changed(self, pod: PodRecord) -> None:
        """Take in a changed pod."""
        awaited = self._awaited.get(pod.uid)
        if awaited is _Awaited.NODE and pod.scheduled is not None:
            _observe(self.queue, pod.created, pod.scheduled)
            awaited = self._awaited[pod.uid] = _Awaited.START
        if awaited and (ended(pod) or has_run(pod)):
            if has_run(pod):
                _observe(self.startup, pod.scheduled, pod.started)
            del self._awaited[pod.uid]

    def pod_went(self, uid: str) -> None:
        """Forget a pod."""
        self._awaited.pop(uid, None)


def _observe(histogram: Histogram, begin: float | None, end: float | None) -> None:
    if begin is not None and end is not None:
        # The API server, the scheduler and the kubelet each have a clock of their own.
        histogram.observe(max(0.0, end - begin))
