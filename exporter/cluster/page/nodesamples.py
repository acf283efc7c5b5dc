"""A node's record and accounts → sample lines of the catalogue's families."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from exporter import catalogue
from exporter.catalogue import Family
from exporter.cluster.accounting import Account, Units
from exporter.cluster.objects.nodes import Node
from exporter.cluster.page.board import Lines
from exporter.exposition import line

_NODE_FAMILIES: tuple[tuple[Family, Callable[[Node], float | None]], ...] = (
    (catalogue.NODE_READY, lambda node: node.ready),
    (catalogue.NODE_CORDONED, lambda node: node.cordoned),
    (catalogue.NODE_SCHEDULABLE, lambda node: node.obstacle is None),
    (catalogue.NODE_CREATED, lambda node: node.created),
    (catalogue.NODE_READY_SINCE, lambda node: node.ready_since),
    (catalogue.NODE_CPU, lambda node: node.cpu),
    (catalogue.NODE_MEMORY, lambda node: node.memory),
    (catalogue.NODE_DEVICE_MEMORY, lambda node: node.device_memory),
    (catalogue.NODE_PRICE, lambda node: node.price),
)
_ACCOUNT_FAMILIES: tuple[tuple[Family, Callable[[Account], float]], ...] = (
    (catalogue.NODE_CAPACITY, lambda account: account.capacity),
    (catalogue.NODE_ALLOCATABLE, lambda account: account.allocatable),
    (catalogue.NODE_ALLOCATED, lambda account: account.allocated),
    (catalogue.NODE_FREE, lambda account: account.free),
    (catalogue.NODE_OVERCOMMITTED, lambda account: account.overcommitted),
)
_PLUGIN_DOWN = "plugin_down"


def of_node(
    node: Node,
    accounts: Sequence[Account],
    units: Sequence[Units],
    completed: Mapping[str, float],
) -> Lines:
    """Return the lines of one node; none when it has neither GPUs nor a pool.

    A node whose labels promise GPUs is published even while no device plugin offers them; of one
    without GPUs that is in a pool, only who it is and how it is.

    Args:
        node: The node.
        accounts: Its GPU resources, whoever hands them out.
        units: Those of them whose unit is not a whole GPU.
        completed: GPU pods that ended on it, by result.
    """
    if not accounts and not node.hardware.present:
        return _without_gpus(node) if node.pool else {}
    lines = {catalogue.NODE_INFO: _info(node)}
    for family, reading in _NODE_FAMILIES:
        value = reading(node)
        if value is not None:
            lines[family] = line(family, (node.name,), value)
    for family, of_account in _ACCOUNT_FAMILIES:
        lines[family] = "".join(
            line(family, (node.name, account.resource), of_account(account)) for account in accounts
        )
    lines[catalogue.NODE_UNAVAILABLE] = "".join(_unavailable(node, accounts))
    lines[catalogue.NODE_UNITS] = "".join(_units(node, units))
    lines[catalogue.NODE_PROBLEM] = "".join(_problems(node, accounts))
    lines[catalogue.NODE_COMPLETED] = "".join(
        line(catalogue.NODE_COMPLETED, (node.name, result), count)
        for result, count in completed.items()
    )
    return {family: text for family, text in lines.items() if text}


def _info(node: Node) -> str:
    info = (
        node.name,
        node.model,
        node.pool,
        node.instance_type,
        node.zone,
        node.region,
        node.clique,
        node.architecture,
        node.os,
        node.provider,
    )
    return line(catalogue.NODE_INFO, info, 1)


def _without_gpus(node: Node) -> Lines:
    who = (node.name, node.pool, node.instance_type, node.zone, node.region, node.provider)
    return {
        catalogue.POOL_NODE_INFO: line(catalogue.POOL_NODE_INFO, who, 1),
        catalogue.POOL_NODE_READY: line(catalogue.POOL_NODE_READY, (node.name,), node.ready),
        catalogue.POOL_NODE_CORDONED: line(
            catalogue.POOL_NODE_CORDONED, (node.name,), node.cordoned
        ),
    }


def _unavailable(node: Node, accounts: Iterable[Account]) -> Iterable[str]:
    for account in accounts:
        for reason, gpus in account.unavailable.items():
            labels = (node.name, account.resource, reason)
            yield line(catalogue.NODE_UNAVAILABLE, labels, gpus)


def _units(node: Node, units: Iterable[Units]) -> Iterable[str]:
    for unit in units:
        for state, count in (
            ("allocatable", unit.allocatable),
            ("allocated", unit.allocated),
            ("free", unit.free),
        ):
            yield line(catalogue.NODE_UNITS, (node.name, unit.resource, state), count)


def _problems(node: Node, accounts: Iterable[Account]) -> Iterable[str]:
    # GPUs may be offered without a device plugin, by dynamic resource allocation.
    offered = any(account.allocatable for account in accounts)
    for problem in sorted(node.problems):
        if problem != _PLUGIN_DOWN or not offered:
            yield line(catalogue.NODE_PROBLEM, (node.name, problem), 1)
