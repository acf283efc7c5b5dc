"""A GPU driver written in Python, for promises about threads and time."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from exporter.node.driver import (
    Clock,
    Device,
    Enumeration,
    Identity,
    Memory,
    PowerLimit,
    Sensor,
    Utilization,
    Versions,
)

VERSIONS = Versions("570.124.06", "12.570.124.06", "12.8")


@dataclass(eq=False)
class FakeDevice:
    """A device that shows 100 W and little else.

    Args:
        uuid: Its UUID.
        index: Its index.
        before: Called before every power reading: to hang, to raise, to count.
    """

    uuid: str
    index: int = 0
    before: Callable[[], None] = lambda: None

    def identity(self) -> Identity:
        """Return a name and nothing else."""
        return Identity("Fake", "", "", "", "", "", "")

    def utilization(self) -> Utilization:
        """Return one of two figures."""
        return Utilization(0.5, None)

    def memory(self) -> Memory:
        """Return what an old driver knows."""
        return Memory(100, 60, 40, None)

    def temperatures(self) -> Mapping[Sensor, float]:
        """Return one sensor."""
        return {Sensor.GPU: 40}

    def power(self) -> float | None:
        """Do what the test wants, then return 100 W."""
        self.before()
        return 100

    def power_limits(self) -> Mapping[PowerLimit, float]:
        """Return two limits."""
        return {PowerLimit.MIN: 50, PowerLimit.MAX: 150}

    def energy(self) -> float | None:
        """Return nothing, as devices before Volta."""
        return None

    def clocks(self) -> Mapping[Clock, float]:
        """Return one clock."""
        return {Clock.SM: 1e9}

    def clocks_max(self) -> Mapping[Clock, float]:
        """Return one clock."""
        return {Clock.SM: 2e9}


@dataclass
class FakeDriver:
    """A driver that shows *devices*, or raises *error*; it keeps what it was asked.

    Args:
        devices: What it enumerates.
        error: What it raises instead of answering.
        before: Called before every enumeration.
    """

    devices: list[Device] = field(default_factory=list)
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
        return Enumeration(len(self.devices), tuple(self.devices))

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
