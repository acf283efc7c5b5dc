"""What the collectors need of a GPU driver; `nvml.py` is the real one, tests bring their own.

Quantities are in base units (ratio, bytes, degrees Celsius, watts, joules, hertz). A quantity the
device or its driver does not have is None or left out of a mapping: it is published as no sample.
Every method may raise DeviceDown (this device) or DriverUnavailable (all of them), and DeviceError
when one call failed this time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Sensor(StrEnum):
    """Where a temperature is measured."""

    GPU = "gpu"
    MEMORY = "memory"


class PowerLimit(StrEnum):
    """What a power limit means."""

    ENFORCED = "enforced"
    DEFAULT = "default"
    MIN = "min"
    MAX = "max"


class Clock(StrEnum):
    """A clock domain."""

    GRAPHICS = "graphics"
    SM = "sm"
    MEMORY = "memory"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of the driver, of NVML and of the newest CUDA the driver supports."""

    driver: str
    nvml: str
    cuda: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is; an unknown text is empty."""

    model: str
    brand: str
    architecture: str
    serial: str
    pci_bus_id: str
    minor_number: str
    vbios_version: str


@dataclass(frozen=True, slots=True)
class Utilization:
    """Shares of the last sampling period, from 0 to 1."""

    kernels: float | None
    memory_copies: float | None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of device memory; *used* holds the reserved ones where *reserved* is unknown."""

    total: float | None
    used: float | None
    free: float | None
    reserved: float | None


class Device(Protocol):
    """One device, open for reading."""

    @property
    def uuid(self) -> str:
        """The device's UUID: the only name that outlives a reboot."""

    @property
    def index(self) -> int:
        """Its place in the driver's enumeration."""

    def identity(self) -> Identity:
        """Return who it is."""

    def utilization(self) -> Utilization:
        """Return how busy it was."""

    def memory(self) -> Memory:
        """Return how its memory is used."""

    def temperatures(self) -> Mapping[Sensor, float]:
        """Return the temperature of each sensor."""

    def power(self) -> float | None:
        """Return the power it draws."""

    def power_limits(self) -> Mapping[PowerLimit, float]:
        """Return its power limits."""

    def energy(self) -> float | None:
        """Return the energy it used since the driver was loaded."""

    def clocks(self) -> Mapping[Clock, float]:
        """Return the present frequencies."""

    def clocks_max(self) -> Mapping[Clock, float]:
        """Return the highest frequencies."""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """What the driver says is there: *count* devices, of which some could be opened."""

    count: int
    devices: tuple[Device, ...]


class Driver(Protocol):
    """A GPU driver; its methods are called from one thread at a time."""

    def open(self, *, in_use: bool) -> Versions:
        """Load and initialise the library, anew when it was loaded before.

        Args:
            in_use: A call into the library has not returned: its code must stay where it is.

        Raises:
            DriverUnavailable: When that is not possible now.
        """

    def enumerate(self, untouched: Mapping[int, Device]) -> Enumeration:
        """Open every device anew, but for those in *untouched*, by index: these are kept.

        Raises:
            DriverUnavailable: When the driver as a whole does not answer.
        """

    def close(self) -> None:
        """Let go of the library."""
