"""What each process has and uses of a device: a series per process, so only when asked for."""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from exporter.catalogue import PROCESS_MEMORY, PROCESS_UTILIZATION, PROCESSES_OMITTED
from exporter.node.asking import Asker, Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.instances import by_gpu_instance
from exporter.node.processes import Process, name_of, running
from exporter.node.reading import Reading, each, single
from exporter.node.units import ratio

MOST = 256
"""Processes of one device that are told of one by one."""

_RECENT = 30
"""Seconds back from now: as old as a reading of this group may be."""

_ENGINES = {"sm": "smUtil", "memory": "memUtil", "encoder": "encUtil", "decoder": "decUtil"}


def collect(device: Device) -> Iterator[Reading]:
    """Yield memory and use of the largest processes, and how many others there are."""
    found = sorted(_all(device), key=lambda row: (-(row[2].memory or 0), row[2].pid, row[1]))
    names = {row[2].pid: "" for row in found[:MOST]}
    for pid in names:
        names[pid] = name_of(pid)
    for label, kind, process in found[:MOST]:
        texts = (label, str(process.pid), names[process.pid], kind)
        yield from single(PROCESS_MEMORY, process.memory, *texts)
    if found:
        yield Reading(PROCESSES_OMITTED, len({row[2].pid for row in found} - names.keys()))
    yield from _use(_newest(device.ask("ProcessUtilization", _RECENT) or ()), names)


def _all(device: Device) -> Iterator[tuple[str, str, Process]]:
    """Yield the GPU instance's label, empty without MIG, the kind, and the process."""
    groups: dict[str, Sequence[Asker]] = {
        str(number): members for number, members in by_gpu_instance(device.instances()).items()
    }
    for label, askers in (groups or {"": (device,)}).items():
        for kind, listed in running(askers).items():
            yield from ((label, kind, each_process) for each_process in listed)


def _newest(samples: Iterable[Any]) -> dict[int, Any]:
    return {sample.pid: sample for sample in sorted(samples, key=attrgetter("timeStamp"))}


def _use(samples: dict[int, Any], names: dict[int, str]) -> Iterator[Reading]:
    for pid, sample in samples.items():
        if pid in names:
            values = {word: ratio(getattr(sample, key)) for word, key in _ENGINES.items()}
            yield from each(PROCESS_UTILIZATION, values, str(pid), names[pid])


COLLECTOR = Collector(
    "process_details",
    "memory and use of each process",
    (Part(Group.MEDIUM, collect),),
    default=False,
)
