"""A pod's record → the sample lines of the catalogue's pod families, at most ten of them.

Every series more is one for each GPU pod of a cluster. There are eleven families; but a pod that
has finished holds nothing any more.
"""

from collections.abc import Iterator, Sequence

from exporter import catalogue
from exporter.catalogue import Family
from exporter.cluster.objects import pods
from exporter.cluster.objects.digests import Digests
from exporter.cluster.objects.pods import Pod
from exporter.cluster.objects.workload import Workload
from exporter.exposition import pairs, sample

# Every family of a pod begins with these labels: their text is made once for all.
_IDENTITY = ("namespace", "pod", "uid")
_NO_DIGESTS = Digests("", "", "")
_NODE_GONE = "node_gone"
_NODE_NOT_READY = "node_not_ready"


def of_pod(
    pod: Pod, workload: Workload, *, gpus: float | None, node_known: bool, node_ready: bool
) -> dict[Family, str]:
    """Return the lines of one pod, by family; none of a pod that is no task.

    Args:
        pod: The pod.
        workload: What it belongs to.
        gpus: GPUs it asks for, on the node it is bound to; None when nobody can tell.
        node_known: Whether that node exists.
        node_ready: Whether that node is Ready.
    """
    if pod.reservation:
        return {}
    identity = pairs(_IDENTITY, (pod.namespace, pod.name, pod.uid))
    state = pods.state(pod, node_ready=node_known and node_ready)
    reason = pod.reason
    if state == "node_lost":
        reason = _NODE_NOT_READY if node_known else _NODE_GONE
    lines = {
        catalogue.POD_INFO: _line(catalogue.POD_INFO, identity, _info(pod, workload), 1),
        catalogue.POD_STATE: _line(catalogue.POD_STATE, identity, (pod.phase, state, reason), 1),
    }
    if gpus is not None:
        lines[catalogue.POD_REQUESTED] = sample(catalogue.POD_REQUESTED, identity, gpus)
        if pod.holds_gpus:
            family = catalogue.POD_ALLOCATED
            lines[family] = _line(family, identity, (pod.node,), gpus)
    for family, value in _readings(pod):
        lines[family] = sample(family, identity, value)
    return lines


def _line(family: Family, identity: str, beside: Sequence[str], value: float) -> str:
    """Return a line of a family that has more labels than the pod's identity."""
    more = pairs(family.labels[len(_IDENTITY) :], beside)
    return sample(family, f"{identity},{more}" if more else identity, value)


def _info(pod: Pod, workload: Workload) -> tuple[str, ...]:
    digests = pod.digests or _NO_DIGESTS
    return (
        pod.node,
        workload.kind,
        workload.name,
        workload.uid,
        workload.group,
        pod.priority_class,
        pod.queue,
        pod.gpu_model,
        "" if pod.active_deadline is None else str(pod.active_deadline),
        digests.command,
        digests.input_root,
        digests.action,
    )


def _readings(pod: Pod) -> Iterator[tuple[Family, float]]:
    moments = (
        (catalogue.POD_CREATED, pod.created),
        (catalogue.POD_SCHEDULED, pod.scheduled),
        (catalogue.POD_START, pod.started),
        (catalogue.POD_FINISHED, pod.finished),
    )
    for family, moment in moments:
        if moment is not None:
            yield family, moment
    amounts = (
        (catalogue.POD_PRIORITY, pod.priority),
        (catalogue.POD_CPU, pod.cores),
        (catalogue.POD_MEMORY, pod.memory),
    )
    for family, amount in amounts:
        # Zero is what Kubernetes takes where nothing is said.
        if amount:
            yield family, amount
