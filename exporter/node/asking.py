"""What the node role needs of a GPU driver; `driver/` is the real one, tests bring their own.

Questions are asked in NVML's words, and answered as nvidia-ml-py answers them: in NVML's units,
sentinels included. What they mean is the business of the collector that asks. A quantity that the
device or its driver does not have is None. Every question may raise DeviceDown (this device),
DriverUnavailable (all of them), and DeviceError when one call failed this time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from exporter.node.fields import Fi, FieldKey


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of the driver, of NVML and of the newest CUDA the driver supports."""

    driver: str
    nvml: str
    cuda: str


@dataclass(slots=True)
class Tally:
    """What the calls of one function came to.

    Args:
        calls: How many.
        seconds: What they took together.
        errors: How many failed, by NVML's word for why; not being supported is no failure.
    """

    calls: int = 0
    seconds: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Add what *other* came to."""
        self.calls += other.calls
        self.seconds += other.seconds
        for error, number in other.errors.items():
            self.errors[error] = self.errors.get(error, 0) + number


class Asker(Protocol):
    """A device or a MIG instance, open for reading."""

    @property
    def uuid(self) -> str:
        """Its UUID: the only name that outlives a reboot."""

    def ask(self, function: str, *arguments: object) -> Any:
        """Return what `nvmlDeviceGet<function>` answers, or None when there is no such thing.

        What is not supported is asked once, and again only after `forget`.
        """

    def word(self, prefix: str, number: int) -> str:
        """Return the constant of NVML's with this prefix and value: `NVML_BRAND_`, 5 → geforce."""

    def profile(self, metrics: Sequence[int]) -> Mapping[int, float]:
        """Return GPM metrics, averaged over the time since the previous call, without waiting.

        Empty at the first call, after a change of the instance, and where there is no GPM. One that
        the device does not have is left out.
        """

    def missed(self) -> Sequence[str]:
        """Return what was asked since the last call and is not supported: `Brand: not_found`."""

    def tallies(self) -> Mapping[str, Tally]:
        """Return what was called since the last call of this, by function."""


class Instance(Asker, Protocol):
    """A MIG instance of a device."""

    @property
    def index(self) -> int:
        """Its place among the MIG devices of its device."""

    @property
    def gpu_instance(self) -> int:
        """NVML's id of the GPU instance; several compute instances may share it."""

    @property
    def compute_instance(self) -> int:
        """NVML's id of the compute instance in its GPU instance."""


class Device(Asker, Protocol):
    """One device, open for reading."""

    @property
    def index(self) -> int:
        """Its place in the driver's enumeration."""

    def fetch(self, fields: Iterable[FieldKey]) -> None:
        """Ask for all these fields in one call; `field` then returns what was answered."""

    def field(self, field: Fi, scope: int = 0) -> float | None:
        """Return a field's value; each has a return code of its own.

        It is the one that `fetch` brought last, else it is asked for alone.
        """

    def latencies(self) -> Mapping[Fi, float]:
        """Return how long the driver took for each field when last asked, in seconds."""

    def find_instances(self) -> Sequence[Instance]:
        """Look which MIG instances there are; one that stays is the same object."""

    def instances(self, *, check: bool = False) -> Sequence[Instance]:
        """Return the MIG instances that were found last.

        Args:
            check: Look at each whether it is still the same, and for others when one is not.
        """


@dataclass(frozen=True, slots=True)
class Enumeration:
    """What the driver says is there.

    Args:
        count: How many devices.
        devices: Those that could be opened.
        refused: Why a device that could be opened before cannot be now, by UUID.
    """

    count: int
    devices: tuple[Device, ...]
    refused: Mapping[str, str] = field(default_factory=dict)


class EventKind(StrEnum):
    """What a driver tells of by itself: a word of ours for each bit of nvmlEventType."""

    XID = "xid"
    ECC_CORRECTED = "ecc_corrected"
    ECC_UNCORRECTED = "ecc_uncorrected"
    ECC_STORM = "ecc_storm"
    RETIREMENT = "retirement"
    RETIREMENT_FAILURE = "retirement_failure"
    POISON_NON_FATAL = "poison_non_fatal"
    POISON_FATAL = "poison_fatal"
    UNAVAILABLE = "unavailable"
    RECOVERY_ACTION = "recovery_action"
    MIG_CONFIG = "mig_config"
    UNBIND = "unbind"
    """Of no device: the driver is about to be taken from one, and waits for those who use it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a device.

    Args:
        uuid: The device; empty when it is the driver's own.
        kind: What.
        data: For an XID its number.
        gpu_instance: NVML's id of the GPU instance concerned; None = the whole device.
    """

    uuid: str
    kind: EventKind
    data: int
    gpu_instance: int | None = None


class Listener(Protocol):
    """Hears of events; used by one thread."""

    heard: Mapping[str, frozenset[EventKind]]
    """What is heard of, by UUID; a device that cannot be listened to is left out."""

    def wait(self, seconds: float) -> Event | None:
        """Return the next event, or None when none was told, at the latest after so long.

        Raises:
            DriverError: When listening is over: listen anew.
        """

    def close(self) -> None:
        """Stop listening."""


class Driver(Protocol):
    """A GPU driver; its methods but for `listen` are called from one thread at a time."""

    def open(self, *, in_use: bool) -> Versions:
        """Load and initialise the library, anew when it was loaded before.

        Args:
            in_use: A call into the library has not returned: its code must stay where it is.

        Raises:
            DriverUnavailable: When that is not possible now.
        """

    def enumerate(self, untouched: Mapping[int, Device]) -> Enumeration:
        """Return every device there is; those in *untouched*, by index, are kept without asking.

        A device that was there before and has not changed is the same object.

        Raises:
            DriverUnavailable: When the driver as a whole does not answer.
        """

    def listen(self, devices: Sequence[Device]) -> Listener:
        """Begin to hear of events of these devices, in a thread of its own.

        Raises:
            DriverError: When there is no such thing.
        """

    def close(self) -> None:
        """Let go of the library."""
