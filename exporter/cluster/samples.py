"""Records → sample lines of the catalogue's families."""

from collections.abc import Callable, Iterable

from exporter import catalogue
from exporter.catalogue import Family
from exporter.cluster import pods
from exporter.cluster.accounting import Account
from exporter.cluster.journal import Happening
from exporter.cluster.nodes import Node
from exporter.cluster.pods import Pod
from exporter.cluster.workload import Workload
from exporter.exposition import line

Lines = dict[Family, str]
"""All lines of one object, by family; several lines of one family stand in one text."""

_ACCOUNT_FAMILIES: tuple[tuple[Family, Callable[[Account], float]], ...] = (
    (catalogue.NODE_CAPACITY, lambda account: account.capacity),
    (catalogue.NODE_ALLOCATABLE, lambda account: account.allocatable),
    (catalogue.NODE_ALLOCATED, lambda account: account.allocated),
    (catalogue.NODE_FREE, lambda account: account.free),
    (catalogue.NODE_OVERCOMMITTED, lambda account: account.overcommitted),
)


def of_node(node: Node, accounts: list[Account]) -> Lines:
    """Return the lines of one node; none when it has nothing to do with GPUs."""
    if not accounts:
        return {}
    info = (node.name, node.model, node.pool, node.instance_type, node.zone)
    lines = {
        catalogue.NODE_INFO: line(catalogue.NODE_INFO, info, 1),
        catalogue.NODE_READY: line(catalogue.NODE_READY, (node.name,), node.ready),
        catalogue.NODE_CORDONED: line(catalogue.NODE_CORDONED, (node.name,), node.cordoned),
        catalogue.NODE_SCHEDULABLE: line(
            catalogue.NODE_SCHEDULABLE, (node.name,), node.obstacle is None
        ),
    }
    for family, value in _ACCOUNT_FAMILIES:
        lines[family] = "".join(
            line(family, (node.name, account.resource), value(account)) for account in accounts
        )
    lines[catalogue.NODE_UNAVAILABLE] = "".join(_unavailable(node, accounts))
    return lines


def _unavailable(node: Node, accounts: list[Account]) -> Iterable[str]:
    for account in accounts:
        for reason, gpus in account.unavailable.items():
            labels = (node.name, account.resource, reason)
            yield line(catalogue.NODE_UNAVAILABLE, labels, gpus)


def of_pod(pod: Pod, workload: Workload, *, gpus: float, node_ready: bool) -> Lines:
    """Return the lines of one pod that asks for *gpus* GPUs."""
    identity = (pod.namespace, pod.name, pod.uid)
    info = (*identity, pod.node, workload.kind, workload.name, workload.uid)
    state = (*identity, pod.phase, pods.state(pod, node_ready=node_ready))
    lines = {
        catalogue.POD_INFO: line(catalogue.POD_INFO, info, 1),
        catalogue.POD_REQUESTED: line(catalogue.POD_REQUESTED, identity, gpus),
        catalogue.POD_STATE: line(catalogue.POD_STATE, state, 1),
    }
    if pod.holds_gpus:
        holder = (*identity, pod.node)
        lines[catalogue.POD_ALLOCATED] = line(catalogue.POD_ALLOCATED, holder, gpus)
    if pod.started is not None:
        lines[catalogue.POD_START] = line(catalogue.POD_START, identity, pod.started)
    return lines


def of_happening(happening: Happening) -> str:
    """Return the line of one happening."""
    labels = (happening.id, happening.type, happening.object, happening.message)
    return line(catalogue.EVENT, labels, happening.when)
