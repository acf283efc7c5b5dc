"""What node_exporter would tell of the living fleet's nodes: CPU, memory and network.

It stands in for a node_exporter on every node, in node_exporter's own text form, with as few CPUs
and devices as show how busy a node is. Counters are moved on when they are read, so that rates are
right at any scrape interval.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from demo.fleet.placement import Machine, Request

PATH = "/_demo/hosts/{node}/metrics"
"""Where the living fleet's API server serves a node's page."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MIB = 2**20
_UP = 86_400.0
_LINK = 12_500_000_000
"""Bytes per second of a node's only network device: 100 Gbit/s."""
_CPUS = 2
_MODES = {"user": 0.8, "system": 0.18, "iowait": 0.02}
"""How the busy seconds of a CPU are spent."""
_IDLE_CPU, _IDLE_MEMORY, _IDLE_NETWORK = 0.03, 0.04, 0.01
"""What a node without pods has to do."""
_HELD = 0.85
"""Share of the memory it asks for that a pod uses."""
_SENT_PER_GPU = 0.1
_SENT_PER_NODE_OF_CPUS = 0.3
_SENT_SHARE = 0.45
"""Of the bytes that are moved: more comes in than goes out."""


@dataclass(frozen=True, slots=True)
class Work:
    """A running pod: where, what it asked for, how busy it keeps what it has, from 0 to 1."""

    node: str
    request: Request
    busy: float


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a node is, each from 0 to 1."""

    cpu: float = _IDLE_CPU
    memory: float = _IDLE_MEMORY
    network: float = _IDLE_NETWORK


def loads(machines: Iterable[Machine], work: Iterable[Work]) -> dict[str, Load]:
    """Return how busy the machines are with the pods that run on them."""
    by_name = {machine.name: machine for machine in machines}
    found = dict.fromkeys(by_name, Load())
    for one in work:
        machine, load = by_name[one.node], found[one.node]
        cpu = one.request.cpu_milli / machine.cpu_milli
        sent = one.request.gpus * _SENT_PER_GPU or cpu * _SENT_PER_NODE_OF_CPUS
        found[one.node] = Load(
            # Whoever keeps a GPU busy feeds it with more than the cores asked for.
            cpu=min(0.98, load.cpu + cpu * (0.5 + one.busy)),
            memory=min(0.98, load.memory + _HELD * one.request.memory_mib / machine.memory_mib),
            network=min(0.95, load.network + sent * one.busy),
        )
    return found


class Hosts:
    """The nodes' pages; `show` what they do whenever that changes.

    Args:
        machines: The nodes.
        now: Since when they count, in Unix time.
    """

    def __init__(self, machines: Iterable[Machine], now: float) -> None:
        self._hosts = {machine.name: _Host(machine, now) for machine in machines}

    def show(self, loads: Mapping[str, Load], now: float) -> None:
        """Let the nodes be so busy from *now* on."""
        for node, load in loads.items():
            self._hosts[node].become(load, now)

    def page(self, node: str, now: float) -> str | None:
        """Return a node's metrics as of *now*; None where there is no such node."""
        host = self._hosts.get(node)
        return None if host is None else host.page(now)


class _Host:
    """One node: what it does, and the counters so far, in seconds and bytes."""

    def __init__(self, machine: Machine, now: float) -> None:
        self._machine = machine
        self._load = Load()
        self._at = now
        # Up for a day, in which it had nothing to do.
        self._busy, self._idle = _UP * _IDLE_CPU, _UP * (1 - _IDLE_CPU)
        self._received = self._sent = _UP * _LINK * _IDLE_NETWORK

    def become(self, load: Load, now: float) -> None:
        self._count(now)
        self._load = load

    def page(self, now: float) -> str:
        self._count(now)
        total = self._machine.memory_mib * _MIB
        available = total * (1 - self._load.memory)
        return "".join(
            (
                _family("node_cpu_seconds_total", "counter", self._cpus()),
                _family("node_memory_MemAvailable_bytes", "gauge", {"": available}),
                _family("node_memory_MemTotal_bytes", "gauge", {"": total}),
                _family("node_network_receive_bytes_total", "counter", {_DEVICE: self._received}),
                _family("node_network_speed_bytes", "gauge", {_DEVICE: _LINK}),
                _family("node_network_transmit_bytes_total", "counter", {_DEVICE: self._sent}),
                _family("node_time_seconds", "gauge", {"": self._at}),
                _family("node_uname_info", "gauge", {self._uname(): 1}),
            )
        )

    def _count(self, now: float) -> None:
        # A clock that was set back must not take counters back.
        elapsed, self._at = max(0.0, now - self._at), now
        moved = 2 * _LINK * self._load.network * elapsed
        self._busy += elapsed * self._load.cpu
        self._idle += elapsed * (1 - self._load.cpu)
        self._received += moved * (1 - _SENT_SHARE)
        self._sent += moved * _SENT_SHARE

    def _cpus(self) -> dict[str, float]:
        seconds = {mode: share * self._busy for mode, share in _MODES.items()}
        return {
            f'{{cpu="{cpu}",mode="{mode}"}}': spent
            for cpu in range(_CPUS)
            for mode, spent in {"idle": self._idle, **seconds}.items()
        }

    def _uname(self) -> str:
        return (
            f'{{domainname="(none)",machine="x86_64",nodename="{self._machine.name}",'
            'release="6.1.0-39-amd64",sysname="Linux",version="#1 SMP"}'
        )


_DEVICE = '{device="eth0"}'
_HELP = {
    "node_cpu_seconds_total": "Seconds the CPUs spent in each mode.",
    "node_memory_MemAvailable_bytes": "Memory information field MemAvailable_bytes.",
    "node_memory_MemTotal_bytes": "Memory information field MemTotal_bytes.",
    "node_network_receive_bytes_total": "Network device statistic receive_bytes.",
    "node_network_speed_bytes": "Network device property: speed_bytes",
    "node_network_transmit_bytes_total": "Network device statistic transmit_bytes.",
    "node_time_seconds": "System time in seconds since epoch (1970).",
    "node_uname_info": "Labeled system information as provided by the uname system call.",
}


def _family(name: str, kind: str, samples: Mapping[str, float]) -> str:
    lines = "".join(f"{name}{labels} {float(value)!r}\n" for labels, value in samples.items())
    return f"# HELP {name} {_HELP[name]}\n# TYPE {name} {kind}\n{lines}"
