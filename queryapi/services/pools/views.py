"""Pools as callers are told of them; pure functions."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec import UNSET

from queryapi.services.pools import lifecycle
from queryapi.services.pools.answers import NodeTypeItem, PoolItem, Summary
from queryapi.services.pools.lifecycle import Seen, Terms
from queryapi.services.pools.membership import NAMES_OF_FACTS
from queryapi.services.pools.model import ClassNumbers, Measured, NodeClass
from queryapi.services.pools.rows import FOUND, Row
from queryapi.services.wording import amount, percent
from queryapi.storage.records import Pool, Status

REGISTERED, LABELS = "registered", "labels"


@dataclass(frozen=True, slots=True)
class Light:
    """In which light pools are told of.

    Args:
        terms: When what is seen counts.
        at: The moment that is seen.
        limited: Whether the caller may not know how busy everybody's work keeps nodes.
        stale: Whether what is seen is old.
        read: Whether anything could be read.
    """

    terms: Terms
    at: float
    limited: bool = False
    stale: bool = False
    read: bool = True


JUST_CREATED = Light(Terms(0, 0, None, 0), 0.0)
"""That in which a pool is told of whose nodes nobody has looked for."""


def day(seconds: float) -> str:
    """Return the UTC day of a Unix time."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def item_of(row: Row, light: Light = JUST_CREATED) -> PoolItem:
    """Return one pool as it is answered."""
    pool, together = row.pool, _together(row.classes)
    measured = () if light.limited else _measured(together)
    utilization = {field: percent(value) for field, value in measured}
    seen = _seen(pool, together)
    status = _status(row, seen, light)
    known = light.read or pool.maintenance
    return PoolItem(
        id=pool.id,
        name=pool.name,
        description=pool.description,
        status=status,
        region=pool.region,
        provider=pool.provider,
        node_count=pool.wanted,
        **{field: utilization.get(field, 0) for field in _MEASURES},
        node_types=tuple(NodeTypeItem(one.type, one.count) for one in pool.node_types),
        tags=pool.tags,
        created_at=day(pool.created_at),
        cluster=pool.cluster,
        source=LABELS if pool.version == FOUND else REGISTERED,
        selector={NAMES_OF_FACTS[fact]: values for fact, values in pool.selector.items()},
        maintenance=pool.maintenance,
        ready_nodes=amount(together.ready),
        gpus=amount(together.gpus),
        allocated_gpus=amount(together.allocated),
        status_reason=lifecycle.reason(status, seen if known else None),
        unmeasured=tuple(_MEASURES[f] for f in _MEASURES if f not in utilization) or UNSET,
        stale=light.stale or not light.read or UNSET,
    )


def status_of(row: Row, light: Light = JUST_CREATED) -> Status:
    """Return where a pool is in its life."""
    return _status(row, _seen(row.pool, _together(row.classes)), light)


def _status(row: Row, seen: Seen, light: Light) -> Status:
    return lifecycle.shown(
        row.condition,
        seen,
        light.at,
        light.terms,
        own=row.pool.version != FOUND,
        known=light.read,
    )


def summary_of(items: Collection[PoolItem]) -> Summary:
    """Return what a list of pools begins with."""
    return Summary(
        total_pools=len(items),
        active_pools=sum(pool.status is Status.ACTIVE for pool in items),
        total_nodes=sum(pool.node_count for pool in items),
        total_capacity=amount(sum(pool.gpus for pool in items)),
    )


_MEASURES = {
    "cpu_utilization": "cpuUtilization",
    "memory_utilization": "memoryUtilization",
    "gpu_utilization": "gpuUtilization",
    "network_utilization": "networkUtilization",
}


def _measured(seen: ClassNumbers) -> Iterable[tuple[str, float]]:
    ratios = (seen.cpu.ratio, seen.memory.ratio, seen.gpu.ratio, seen.network.ratio)
    for field, ratio in zip(_MEASURES, ratios, strict=True):
        if ratio is not None:
            yield field, ratio


def _together(classes: Sequence[ClassNumbers]) -> ClassNumbers:
    if len(classes) == 1:
        return classes[0]

    def summed(of: Callable[[ClassNumbers], Measured]) -> Measured:
        return sum(map(of, classes), Measured())

    return ClassNumbers(
        _NO_KIND,
        nodes=sum(one.nodes for one in classes),
        ready=sum(one.ready for one in classes),
        cordoned=sum(one.cordoned for one in classes),
        gpus=sum(one.gpus for one in classes),
        allocated=sum(one.allocated for one in classes),
        free=sum(one.free for one in classes),
        cpu=summed(lambda one: one.cpu),
        memory=summed(lambda one: one.memory),
        network=summed(lambda one: one.network),
        gpu=summed(lambda one: one.gpu),
    )


_NO_KIND = NodeClass("", "", "", "", "", "")


def _seen(pool: Pool, seen: ClassNumbers) -> Seen:
    return Seen(
        round(seen.nodes),
        round(seen.ready),
        round(seen.cordoned),
        pool.wanted,
        pool.maintenance,
        pool.resized_at,
    )
