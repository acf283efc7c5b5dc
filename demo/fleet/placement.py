"""Where a pod goes: first fit, and nothing random, so that anybody can compute it again.

A pod goes to the first machine, in the fleet's own order, that has CPU, memory and devices left for
it. There it takes the lowest devices that have room: wholly free ones when it asks for whole GPUs,
for a share any device with that much left.
"""

from collections.abc import Iterable
from dataclasses import dataclass

WHOLE = 1000
"""Thousandths of a GPU in one device."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A node's size: thousandths of a CPU, MiB, devices; its first `cut` devices go by halves."""

    name: str
    cpu_milli: int
    memory_mib: int
    gpus: int
    model: str
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What a pod asks for: `gpu_milli` thousandths of each of `gpus` devices."""

    cpu_milli: int = 0
    memory_mib: int = 0
    gpus: int = 0
    gpu_milli: int = WHOLE


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a pod is: its node and the devices it holds there."""

    node: str
    devices: tuple[int, ...]


class _Room:
    """What is left of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.name = machine.name
        self.cpu_milli = machine.cpu_milli
        self.memory_mib = machine.memory_mib
        self.devices = [WHOLE] * machine.gpus
        self._cut = machine.cut

    def find(self, request: Request) -> tuple[int, ...] | None:
        """Return the devices the request would get; None when it does not fit."""
        if request.cpu_milli > self.cpu_milli or request.memory_mib > self.memory_mib:
            return None
        fitting = [
            index
            for index, left in enumerate(self.devices)
            if left >= request.gpu_milli and (request.gpu_milli < WHOLE or index >= self._cut)
        ][: request.gpus]
        return tuple(fitting) if len(fitting) == request.gpus else None

    def take(self, request: Request, devices: tuple[int, ...], *, sign: int = 1) -> None:
        """Take the request's share; with sign -1, give it back."""
        self.cpu_milli -= sign * request.cpu_milli
        self.memory_mib -= sign * request.memory_mib
        for index in devices:
            self.devices[index] -= sign * request.gpu_milli


class Scheduler:
    """Places pods on machines and remembers who holds what."""

    def __init__(self, machines: Iterable[Machine]) -> None:
        self._rooms = [_Room(machine) for machine in machines]
        self._places = {room.name: place for place, room in enumerate(self._rooms)}
        self._held: dict[str, tuple[Request, Placement]] = {}
        self._closed: set[str] = set()
        # Thousands of pods ask for the same: no machine before this place has room for one of them.
        self._from: dict[Request, int] = {}

    def place(self, pod: str, request: Request) -> Placement | None:
        """Place a pod; None when no machine has room for it now."""
        for place in range(self._from.get(request, 0), len(self._rooms)):
            room = self._rooms[place]
            devices = None if room.name in self._closed else room.find(request)
            if devices is not None:
                room.take(request, devices)
                placement = Placement(room.name, devices)
                self._held[pod] = (request, placement)
                self._from[request] = place
                return placement
        self._from[request] = len(self._rooms)
        return None

    def release(self, pod: str) -> None:
        """Give back what a pod holds; one that holds nothing is ignored."""
        if pod in self._held:
            request, placement = self._held.pop(pod)
            self._room(placement.node).take(request, placement.devices, sign=-1)
            self._look_again(placement.node)

    def close(self, node: str) -> None:
        """Place nothing new on a node (it is cordoned or down)."""
        self._closed.add(node)

    def open(self, node: str) -> None:
        """Place pods on a node again."""
        self._closed.discard(node)
        self._look_again(node)

    def devices_left(self, node: str) -> list[int]:
        """Return what is left of each of a node's devices, in thousandths."""
        return list(self._room(node).devices)

    def _room(self, node: str) -> _Room:
        return self._rooms[self._places[node]]

    def _look_again(self, node: str) -> None:
        """A node has more room than it had."""
        place = self._places[node]
        self._from = {request: min(known, place) for request, known in self._from.items()}
