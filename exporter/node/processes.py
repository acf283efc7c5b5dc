"""Processes that use a device, as the driver lists them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from exporter.node.asking import Asker, Device
from exporter.node.instances import by_gpu_instance
from exporter.node.units import size

_PROC = Path("/proc")
_FIRST_NAMESPACE = 0xEFFFFFFC
"""Inode of the first PID namespace: the driver's process ids are those of that one."""


class Kind(StrEnum):
    """What a process uses a device for; one process can be of several kinds."""

    COMPUTE = "compute"
    GRAPHICS = "graphics"
    MPS = "mps"


_FUNCTIONS = {Kind.COMPUTE: "Compute", Kind.GRAPHICS: "Graphics", Kind.MPS: "MPSCompute"}


@dataclass(frozen=True, slots=True)
class Process:
    """One process.

    Args:
        pid: Its id.
        memory: Bytes of device memory; None where the driver does not tell.
    """

    pid: int
    memory: float | None


def running(askers: Sequence[Asker]) -> Mapping[Kind, Sequence[Process]]:
    """Return the processes of all of these by kind, without the kinds that none can list."""
    found: dict[Kind, dict[int, Process]] = {}
    for asker in askers:
        for kind in Kind:
            listed = _listed(asker, kind)
            if listed is not None:
                found.setdefault(kind, {}).update({each.pid: each for each in listed})
    return {kind: tuple(processes.values()) for kind, processes in found.items()}


def pids(device: Device) -> Mapping[int | None, frozenset[int]]:
    """Return the processes by GPU instance, None where there is none, if the driver lists any."""
    groups = by_gpu_instance(device.instances())
    found: dict[int | None, Mapping[Kind, Sequence[Process]]]
    found = {number: running(group) for number, group in groups.items()}
    found = found or {None: running([device])}
    return {number: _ids(listed) for number, listed in found.items() if listed}


def name_of(pid: int, proc: Path = _PROC) -> str:
    """Return a process's name; empty where it cannot be read or would be another's."""
    try:
        if (proc / "self" / "ns" / "pid").stat().st_ino != _FIRST_NAMESPACE:
            return ""
        return (proc / str(pid) / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _ids(processes: Mapping[Kind, Sequence[Process]]) -> frozenset[int]:
    return frozenset(each.pid for listed in processes.values() for each in listed)


def _listed(asker: Asker, kind: Kind) -> Sequence[Process] | None:
    function = f"{_FUNCTIONS[kind]}RunningProcesses"
    answer = asker.ask(f"{function}_v3")
    if answer is None:
        # Drivers before 510.
        answer = asker.ask(f"{function}_v2")
    if answer is None:
        return None
    return [Process(each.pid, size(each.usedGpuMemory)) for each in answer if each.pid > 0]
