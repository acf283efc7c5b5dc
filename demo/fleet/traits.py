"""What some devices of the living fleet have that others do not: links, instances, a history."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from demo.fleet.placement import Machine
from demo.nvml.cutting import cut
from demo.nvml.models import MODELS, device
from demo.nvml.parts import Ecc, Part, Pcie, RemappedRows, RowHistogram
from demo.nvml.scenario import Device
from demo.nvml.tenants import Process, Processes

LINKED: Final = frozenset({"gpu-h100-02", "gpu-a100-00"})
"""Nodes whose NVLinks are told of: those of forty would be half of all series."""
HALVES: Final = ("3g", "3g")
"""Profiles of the instances of a device that goes by halves."""
_NO_PROCESS: Final = 5_000_000
"""Process ids from here on are no machine's own."""
_HARDLY = 0.01

_AGED: Final[Mapping[tuple[str, int], tuple[int, int]]] = {
    ("gpu-a100-10", 3): (2, 0),
    ("gpu-h100-07", 5): (0, 1),
}
"""Devices with memory rows that were replaced long ago: after corrected errors, after others."""

TELLING: Final = (
    *("gpu-h100-00", "gpu-h100-16", "gpu-t4-02", "gpu-a100-10"),
    *("gpu-a100-00", "gpu-h100-17", "gpu-a100-12", "gpu-h100-07"),
)
"""Where few nodes have an exporter, these do: together they show what there is to be seen.

The node whose device is let ail; those with instances, a faulty and an idle program, links, rows
that were replaced; one of each pool.
"""


def telling(nodes: Iterable[str], count: int | None) -> list[str]:
    """Return as many of some nodes' names, those first that show most; all of them for None."""
    names = set(nodes)
    first = [node for node in TELLING if node in names]
    return [*first, *sorted(names.difference(first))][:count]


def shown(machine: Machine, index: int, uuid: str, busy: float) -> Device:
    """Return a device of the fleet that is *busy*."""
    model = MODELS[machine.model]
    links = model.links if machine.name in LINKED else 0
    whole = device(model, uuid, index, busy=busy, nvlinks=links)
    if index < machine.cut:
        return cut(whole, model, *HALVES, busy=busy)
    if rows := _AGED.get((machine.name, index)):
        whole = replace(whole, parts=tuple(_aged(part, *rows) for part in whole.parts))
    if busy > _HARDLY:
        process = Process(_NO_PROCESS + index, int(str(whole.memory_used)))
        whole = replace(whole, parts=(*whole.parts, Processes((process,))))
    return whole


def instances(uuid: str) -> tuple[str, ...]:
    """Return the UUIDs of the instances of a device that goes by halves."""
    digits = uuid.removeprefix("GPU-")
    return tuple(f"MIG-{digits}-{number}" for number in range(1, len(HALVES) + 1))


def _aged(part: Part, corrected: int, uncorrected: int) -> Part:
    match part:
        case Ecc():
            told = {("corrected", "aggregate"): 40, ("corrected", "aggregate", "dram"): 40}
            if uncorrected:
                told |= {("uncorrected", "aggregate"): 1, ("uncorrected", "aggregate", "dram"): 1}
            return replace(part, errors={**part.errors, **told})
        case RemappedRows():
            return replace(part, corrected=corrected, uncorrected=uncorrected)
        case RowHistogram():
            return replace(part, max=(part.max or 1) - 1, high=1)
        case Pcie():
            return replace(part, replays=12)
        case _:
            return part
