"""What happens to GPU nodes and GPU pods: told by their transitions, written down and counted.

What the first list brings had happened before: it is written down, with its own times, but not
counted, so that the counters say what happened since the exporter started.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from exporter.cluster.events.journal import Happening, Journal, tidy
from exporter.cluster.events.lifecycle import NodeRecord, PodRecord, ended, has_run
from exporter.cluster.events.waits import Waits
from exporter.exposition import number

TYPES = (
    "PodCreated",
    # Only counted: between created and started it would only take room.
    "PodScheduled",
    "PodStarted",
    "PodFinished",
    "PodFailed",
    "PodEvicted",
    "PodDeleted",
    "NodeAdded",
    "NodeRemoved",
    "NodeReady",
    "NodeNotReady",
    "NodeCordoned",
    "NodeUncordoned",
)
"""Everything that is counted."""

RESULTS = ("succeeded", "failed")
"""How a pod can end."""


class Chronicle:
    """Told of every GPU pod and of every node, writes down what happened.

    Args:
        journal: Where happenings are written.
        clock: Now, in Unix seconds: the time of what has none of its own.

    Attributes:
        counts: Happenings since the first list, by type; one that never happened is 0.
        waits: How long pods waited.
    """

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self.counts = Counter(dict.fromkeys(TYPES, 0))
        self.waits = Waits()
        self._journal = journal
        self._clock = clock
        # GPUs of each node that has or had some: a device plugin's absence makes no other node.
        self._gpus: dict[str, float] = {}
        self._uids: dict[str, str] = {}
        self._completed: dict[str, Counter[str]] = {}

    # --- pods ---

    def pod_came(self, pod: PodRecord, gpus: float, *, news: bool, moved: bool = False) -> None:
        """Write down a pod that was not known before.

        Args:
            pod: The pod.
            gpus: How many GPUs it asks for.
            news: False while the first list is taken in.
            moved: Whether another exporter has told of its creation.
        """
        message = f"Pod created with {number(gpus)} GPUs"
        if not moved:
            self._of_pod("PodCreated", pod, pod.created, message, news=news)
        self.waits.pod_came(pod, news=news)
        self._progress(None, pod, news=news)

    def pod_changed(self, old: PodRecord, new: PodRecord) -> None:
        """Write down what became of a pod between two versions of it."""
        self.waits.pod_changed(new)
        self._progress(old, new, news=True)

    def pod_went(self, pod: PodRecord) -> None:
        """Write down that a pod is gone, by the last that was known of it."""
        if ended(pod):
            how = "succeeded" if pod.phase == "Succeeded" else "failed"
            message = f"Pod deleted after it {how}"
        else:
            # What leaves a watch for ending looks like what was deleted, and comes as it was.
            message = "Pod ended or was deleted"
        self._of_pod("PodDeleted", pod, None, message)
        self.waits.pod_went(pod.uid)

    def _progress(self, old: PodRecord | None, new: PodRecord, *, news: bool) -> None:
        if news and new.node and not (old and old.node):
            self.counts["PodScheduled"] += 1
        if has_run(new) and not (old and (has_run(old) or ended(old))):
            where = f" on {new.node}" if new.node else ""
            self._of_pod("PodStarted", new, new.started, f"Pod started{where}", news=news)
        if ended(new) and not (old and ended(old)):
            self._ended(new, news=news)

    def _ended(self, pod: PodRecord, *, news: bool) -> None:
        if pod.phase == "Succeeded":
            kind, message = "PodFinished", "Pod finished"
        elif pod.reason == "Evicted":
            kind, message = "PodEvicted", "Pod was evicted"
        else:
            reason = f": {pod.reason}" if pod.reason else ""
            kind, message = "PodFailed", f"Pod failed{reason}"
        self._of_pod(kind, pod, pod.finished, message, news=news)
        results = self._completed.get(pod.node)
        if news and results is not None:
            results["succeeded" if pod.phase == "Succeeded" else "failed"] += 1

    # --- nodes ---

    def node_came(self, node: NodeRecord, gpus: float, *, news: bool) -> None:
        """Write down a node that was not known before, once it has GPUs.

        Args:
            node: The node.
            gpus: How many GPUs it has, unhealthy ones included.
            news: False while the first list is taken in.
        """
        # A node joins before its device plugin does.
        if gpus <= 0:
            return
        added = node.uid not in self._gpus
        self._gpus[node.uid] = gpus
        if added:
            self._uids[node.name] = node.uid
            self._completed.setdefault(node.name, Counter(dict.fromkeys(RESULTS, 0)))
            message = f"New node with {number(gpus)} GPUs added"
            self._of_node("NodeAdded", node, node.created, message, news=news)

    def node_changed(self, old: NodeRecord, new: NodeRecord, gpus: float) -> None:
        """Write down what became of a node between two versions of it."""
        known = new.uid in self._gpus
        self.node_came(new, gpus, news=True)
        if not known:
            return
        if new.ready and not old.ready:
            self._of_node("NodeReady", new, new.ready_since, "Node is ready")
        if old.ready and not new.ready:
            how = "unreachable" if new.obstacle == "unreachable" else "not ready"
            self._of_node("NodeNotReady", new, None, f"Node is {how}")
        if new.cordoned and not old.cordoned:
            self._of_node("NodeCordoned", new, None, "Node cordoned")
        if old.cordoned and not new.cordoned:
            self._of_node("NodeUncordoned", new, None, "Node uncordoned")

    def node_went(self, node: NodeRecord) -> None:
        """Write down that a node is gone, and forget it."""
        gpus = self._gpus.pop(node.uid, None)
        if gpus is None:
            return
        self._of_node("NodeRemoved", node, None, f"Node with {number(gpus)} GPUs removed")
        # One of the same name may have come back before this one went.
        if self._uids.get(node.name) == node.uid:
            del self._uids[node.name], self._completed[node.name]

    # --- what is published ---

    def completed(self, node: str) -> Mapping[str, int]:
        """Return how many pods ended on a node of this name, by result; none when it has no GPUs.

        A pod that ends on a node that is gone is counted nowhere: such counts would never end.
        """
        return self._completed.get(node, {})

    # --- writing ---

    def _of_pod(
        self, kind: str, pod: PodRecord, when: float | None, message: str, *, news: bool = True
    ) -> None:
        self._write(kind, pod.uid, f"{pod.namespace}/{pod.name}", when, message, news=news)

    def _of_node(
        self, kind: str, node: NodeRecord, when: float | None, message: str, *, news: bool = True
    ) -> None:
        self._write(kind, node.uid, node.name, when, message, news=news)

    def _write(
        self, kind: str, uid: str, name: str, when: float | None, message: str, *, news: bool
    ) -> None:
        if news:
            self.counts[kind] += 1
            when = self._clock() if when is None else when
        # What is old, and has no time, has no place among the newest.
        if when is not None:
            self._journal.add(Happening(when, f"{kind}/{uid}", kind, name, tidy(message)))
