"""Everything that happens in a cluster, told by one voice: transitions, warnings, their counts."""

from collections.abc import Callable, Iterator, Mapping

from exporter import catalogue
from exporter.cluster.events import eventsamples
from exporter.cluster.events.chronicle import Chronicle
from exporter.cluster.events.journal import Journal
from exporter.cluster.events.kubeevents import KubeEvent, KubeWarnings
from exporter.cluster.objects.nodes import Node
from exporter.cluster.objects.pods import Pod
from exporter.exposition import Block, render


class Happenings:
    """Told of every change of a GPU pod or of a node.

    Args:
        limit: How many of the newest happenings are published.
        clock: Now, in Unix seconds.
        about_gpus: Tells whether a warning is about a GPU pod or a GPU node.
        counts_warnings: Whether all warnings are counted: only one of several exporters may.
    """

    def __init__(
        self,
        limit: int,
        clock: Callable[[], float],
        about_gpus: Callable[[KubeEvent], bool],
        *,
        counts_warnings: bool = True,
    ) -> None:
        self._journal = Journal(limit)
        self._chronicle = Chronicle(self._journal, clock)
        self.warnings = KubeWarnings(self._journal, clock, about_gpus)
        self._counts_warnings = counts_warnings
        self._told: set[str] = set()
        self._written: tuple[int, Block] | None = None

    def pod(
        self, known: Pod | None, pod: Pod, gpus: float, *, news: bool, moved: bool = False
    ) -> None:
        """Tell of a GPU pod that asks for *gpus*: new, changed, or moved here from another part."""
        if pod.uid in self._told and known is not None:
            self._chronicle.pod_changed(known, pod)
        else:
            self._told.add(pod.uid)
            self._chronicle.pod_came(pod, gpus, news=news, moved=moved)

    def pod_concerns_gpus(self, pod: Pod, gpus: float, *, news: bool) -> None:
        """Tell of a pod that turned out to ask for GPUs, by a claim told of after it."""
        if pod.uid not in self._told:
            self.pod(None, pod, gpus, news=news)

    def pod_went(self, pod: Pod) -> None:
        """Tell of a deleted pod."""
        if pod.uid in self._told:
            self._chronicle.pod_went(pod)
        self.forget_pod(pod.uid)

    def forget_pod(self, uid: str) -> None:
        """Forget a pod of which nothing more is told, as it belongs to somebody else now."""
        self._told.discard(uid)
        self._chronicle.waits.pod_went(uid)

    def node(self, known: Node | None, node: Node, gpus: float, *, news: bool) -> None:
        """Tell of a new or changed node that has *gpus*."""
        if known is None:
            self._chronicle.node_came(node, gpus, news=news)
        else:
            self._chronicle.node_changed(known, node, gpus)

    def node_offers(self, node: Node, gpus: float, *, news: bool) -> None:
        """Tell of a known node that has *gpus*, some of which a slice told of after it."""
        self._chronicle.node_came(node, gpus, news=news)

    def node_went(self, node: Node) -> None:
        """Tell of a node that is gone."""
        self._chronicle.node_went(node)

    def completed(self, node: str) -> Mapping[str, int]:
        """Return how many GPU pods ended on a node, by result."""
        return self._chronicle.completed(node)

    def blocks(self) -> Iterator[Block]:
        """Yield the newest happenings, and all that is counted."""
        self.warnings.settle()
        if self._written is None or self._written[0] != self._journal.version:
            lines = eventsamples.of_journal(self._journal)
            told = b"".join(render(family, (text,)) for family, text in lines.items())
            self._written = (self._journal.version, Block(told))
        yield self._written[1]
        counted = eventsamples.of_counters(self._journal, self._chronicle, self.warnings)
        if not self._counts_warnings:
            del counted[catalogue.WARNINGS]
        yield Block(b"".join(render(family, (text,)) for family, text in counted.items()))
