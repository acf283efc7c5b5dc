"""A GPU driver written in Python, for promises about threads and time."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from exporter.errors import Unsupported
from exporter.node.asking import Device, Enumeration, Instance, Listener, Tally, Versions
from exporter.node.fields import Fi, FieldKey

VERSIONS = Versions("570.124.06", "12.570.124.06", "12.8")
ANSWERS: Mapping[object, object] = {
    "Name": "Fake",
    "UtilizationRates": SimpleNamespace(gpu=50, memory=0xFFFFFFFF),
    "MemoryInfo": SimpleNamespace(total=100, used=60, free=40),
    "Temperature": 40,
    "PowerUsage": 100_000,
    "PowerManagementLimitConstraints": (50_000, 150_000),
    ("ClockInfo", 1): 1000,
    ("MaxClockInfo", 1): 2000,
}
"""What an old device answers, which knows neither its energy nor what memory is reserved."""


@dataclass(eq=False)
class FakeDevice:
    """A device that shows 100 W and little else.

    Args:
        uuid: Its UUID.
        index: Its index.
        before: Called before every power reading: to hang, to raise, to count.
        answers: What it answers to a function, or to a function and its arguments.
        fields: What its fields answer.
        fetched: What was asked for by `fetch`.
        unsupported: What was asked for and not answered.
        found: Its MIG instances.
        gpm: Its GPM metrics.
    """

    uuid: str
    index: int = 0
    before: Callable[[], None] = lambda: None
    answers: Mapping[object, object] = field(default_factory=lambda: ANSWERS)
    fields: Mapping[FieldKey, float] = field(default_factory=dict)
    fetched: list[tuple[FieldKey, ...]] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    found: Sequence[Instance] = ()
    gpm: Mapping[int, float] = field(default_factory=dict)

    def ask(self, function: str, *arguments: object) -> Any:
        """Do what the test wants when power is asked for, then answer."""
        if function == "PowerUsage":
            self.before()
        for question in ((function, *arguments), function):
            if question in self.answers:
                return self.answers[question]
        self.unsupported.append(" ".join(map(str, (function, *arguments))))
        return None

    def word(self, prefix: str, number: int) -> str:
        """Return something that tells what was asked for."""
        return f"{prefix}{number}"

    def profile(self, metrics: Sequence[int]) -> Mapping[int, float]:
        """Return those of *metrics* there are."""
        return {metric: self.gpm[metric] for metric in metrics if metric in self.gpm}

    def missed(self) -> Sequence[str]:
        """Return what was not answered."""
        missed, self.unsupported = self.unsupported, []
        return missed

    def tallies(self) -> Mapping[str, Tally]:
        """Return the same each time."""
        return {"PowerUsage": Tally(1, 0.25, {"timeout": 1})}

    def fetch(self, fields: Iterable[FieldKey]) -> None:
        """Keep what was asked for."""
        self.fetched.append(tuple(fields))

    def field(self, field: Fi, scope: int = 0) -> float | None:
        """Return what the test put there."""
        return self.fields.get((field, scope))

    def latencies(self) -> Mapping[Fi, float]:
        """Return a millisecond for all."""
        return {key[0]: 0.001 for key in self.fields}

    def find_instances(self) -> Sequence[Instance]:
        """Return what the test put there."""
        return self.found

    def instances(self, *, check: bool = False) -> Sequence[Instance]:
        """Return what the test put there."""
        return self.found


@dataclass(eq=False)
class FakeInstance(FakeDevice):
    """A MIG instance.

    Args:
        gpu_instance: The id of its GPU instance.
        compute_instance: Its id in there.
    """

    gpu_instance: int = 0
    compute_instance: int = 0


@dataclass
class FakeDriver:
    """A driver that shows *devices*, or raises *error*; it keeps what it was asked.

    Args:
        devices: What it enumerates.
        refused: Why further ones, by UUID, cannot be opened.
        error: What it raises instead of answering.
        before: Called before every enumeration.
    """

    devices: list[Device] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    before: Callable[[], None] = lambda: None
    opened: list[bool] = field(default_factory=list)
    enumerated: list[Mapping[int, Device]] = field(default_factory=list)
    closed: int = 0

    def open(self, *, in_use: bool) -> Versions:
        """Answer, or raise."""
        self.opened.append(in_use)
        if self.error is not None:
            raise self.error
        return VERSIONS

    def enumerate(self, untouched: Mapping[int, Device]) -> Enumeration:
        """Return the devices, or raise."""
        self.before()
        self.enumerated.append(untouched)
        if self.error is not None:
            raise self.error
        count = len(self.devices) + len(self.refused)
        return Enumeration(count, tuple(self.devices), self.refused)

    def listen(self, devices: Sequence[Device]) -> Listener:
        """Refuse."""
        raise Unsupported("no events here")

    def close(self) -> None:
        """Count."""
        self.closed += 1


class Hang:
    """Blocks whoever calls it until it is released; counts the calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self._released = threading.Event()
        self._left = threading.Event()

    def __call__(self) -> None:
        """Wait for the release, then raise the error if there is one."""
        self.calls += 1
        try:
            assert self._released.wait(20)
            if self.error is not None:
                raise self.error
        finally:
            self._left.set()

    def release(self, error: Exception | None = None) -> None:
        """Let every call, past and future, return or raise *error*."""
        self.error = error
        self._released.set()
        assert self._left.wait(20)


class ManualClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def broken(error: Exception) -> FakeDevice:
    """Return a second device, each call of which fails with this."""

    def fail() -> None:
        raise error

    return FakeDevice("GPU-b", 1, fail)
