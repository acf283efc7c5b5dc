"""What is published of the cluster as a whole: room, pods by phase, demand that waits."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from exporter import catalogue
from exporter.catalogue import Family
from exporter.cluster.objects.pods import Pod
from exporter.cluster.page import summary
from exporter.exposition import Block, line, render

PHASES = ("Pending", "Running", "Unknown", "Succeeded", "Failed")


def block(
    room: summary.Room,
    orphaned: float,
    tasks: Iterable[Pod],
    gpus: Callable[[Pod], float | None],
    shard: str,
) -> Block:
    """Return the block of all families that are about no single node or pod.

    Args:
        room: What there is room for.
        orphaned: GPUs held on nodes that do not exist.
        tasks: All pods that concern GPUs.
        gpus: The GPUs such a pod asks for; None when nobody can tell.
        shard: The part that is counted; empty for all of the cluster.
    """
    lines: dict[Family, str] = summary.lines(room, orphaned, shard)
    phases: Counter[str] = Counter()
    waiting: Counter[tuple[str, str]] = Counter()
    asked: dict[tuple[str, str], float] = {}
    for pod in tasks:
        phases[pod.phase] += 1
        if pod.pending:
            why = (pod.namespace, pod.pending)
            waiting[why] += 1
            # What nobody can tell adds nothing; the pod itself is counted.
            asked[why] = asked.get(why, 0.0) + (gpus(pod) or 0.0)
    lines[catalogue.PODS] = "".join(
        line(catalogue.PODS, (phase, shard), phases[phase]) for phase in PHASES
    )
    lines[catalogue.PENDING_PODS] = _by_reason(catalogue.PENDING_PODS, waiting, shard)
    lines[catalogue.PENDING_REQUESTED] = _by_reason(catalogue.PENDING_REQUESTED, asked, shard)
    return Block(b"".join(render(family, (text,)) for family, text in lines.items()))


def _by_reason(family: Family, counts: Mapping[tuple[str, str], float], shard: str) -> str:
    return "".join(line(family, (*why, shard), counts[why]) for why in sorted(counts))
