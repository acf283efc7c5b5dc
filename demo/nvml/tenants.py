"""Who shares a device: MIG instances and processes, what these use, and accounts of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from demo.nvml.parts import Part, dotted
from demo.nvml.values import Value


@dataclass(frozen=True, slots=True)
class Instance:
    """A MIG instance; one that is None in Mig is a place without any.

    Args:
        gpu: The id of its GPU instance; what follows is said of that as a whole.
        uuid: Its UUID, `MIG-…`.
        profile: `1g.10gb`, or `1c.3g.40gb` for a part of a GPU instance.
        compute: The id of its compute instance.
        memory_total: Bytes.
        memory_used: Bytes.
        multiprocessors: Of the compute instance.
        gpm: GPM metrics by id, in NVML's units.
    """

    gpu: int
    uuid: str
    profile: str = "1g.10gb"
    compute: int = 0
    memory_total: Value | None = None
    memory_used: Value | None = None
    multiprocessors: Value | None = None
    gpm: Mapping[int, Value] = field(default_factory=dict)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield its lines."""
        yield "instance", f"{self.gpu} {self.compute} {self.uuid} {self.profile}"
        values = {
            "memory_total": self.memory_total,
            "memory_used": self.memory_used,
            "multiprocessors": self.multiprocessors,
            **{f"gpm.{metric}": value for metric, value in self.gpm.items()},
        }
        for key, value in values.items():
            if value is not None:
                yield f"instance.{self.gpu}.{key}", str(value)


@dataclass(frozen=True, slots=True)
class Process:
    """A process on a device.

    Args:
        pid: Its id.
        memory: Bytes; None = the driver does not tell.
        kind: compute, graphics or mps.
        gpu: The id of the GPU instance it runs on.
        compute: The id of the compute instance.
    """

    pid: int
    memory: int | None = None
    kind: str = "compute"
    gpu: int | None = None
    compute: int = 0

    def __str__(self) -> str:
        place = "" if self.gpu is None else f" {self.gpu} {self.compute}"
        return f"{self.pid} {self.kind} {'-' if self.memory is None else self.memory}{place}"


@dataclass(frozen=True, slots=True)
class Use:
    """What a process used of a device, in percent, some seconds *ago*."""

    pid: int
    sm: int = 0
    memory: int = 0
    encoder: int = 0
    decoder: int = 0
    ago: float = 0

    def __str__(self) -> str:
        return f"{self.pid} {self.sm} {self.memory} {self.encoder} {self.decoder} {self.ago}"


@dataclass(frozen=True, slots=True)
class Account:
    """What the driver remembers of a process.

    Args:
        pid: Its id.
        sm: Percent of its time in which kernels ran.
        memory: Percent of its time in which memory was read or written.
        most: Most bytes it had.
        milliseconds: How long it ran; 0 while it does.
        start: When it began, in Unix time.
        running: Whether it does.
    """

    pid: int
    sm: int = 0
    memory: int = 0
    most: int = 0
    milliseconds: int = 0
    start: float = 0
    running: bool = False

    def __str__(self) -> str:
        return (
            f"{self.pid} {self.sm} {self.memory} {self.most} {self.milliseconds} {self.start}"
            f" {int(self.running)}"
        )


@dataclass(frozen=True, slots=True)
class Gpm(Part):
    """GPM metrics by id, in NVML's units; a device without any has no GPM."""

    PREFIX: ClassVar[str] = "gpm"

    metrics: Mapping[int, Value] = field(default_factory=dict)

    def pairs(self, _: int | None = None) -> Iterator[tuple[str, str]]:
        """Yield its lines."""
        yield from (
            (f"{self.PREFIX}.{metric}", str(value)) for metric, value in self.metrics.items()
        )


@dataclass(frozen=True, slots=True)
class Mig(Part):
    """MIG.

    Args:
        mode: 1 = on: what is not known then is not supported.
        mode_pending: What it will be after a reset; None = the same.
        instances: By their place; None = a place without one.
    """

    PREFIX: ClassVar[str] = "mig"

    mode: Value | None = 1
    mode_pending: Value | None = None
    instances: tuple[Instance | None, ...] = ()

    def pairs(self, _: int | None = None) -> Iterator[tuple[str, str]]:
        """Yield its lines."""
        values = {"mode": self.mode, "mode_pending": self.mode_pending}
        yield from dotted(self.PREFIX, {k: v for k, v in values.items() if v is not None})
        for each in self.instances:
            yield from [("instance", "empty")] if each is None else each.pairs()


@dataclass(frozen=True, slots=True)
class Processes(Part):
    """Processes, and what they use."""

    PREFIX: ClassVar[str] = "process"

    running: tuple[Process, ...] = ()
    uses: tuple[Use, ...] = ()

    def pairs(self, _: int | None = None) -> Iterator[tuple[str, str]]:
        """Yield their lines."""
        yield from (("process", str(each)) for each in self.running)
        yield from (("process_use", str(each)) for each in self.uses)


@dataclass(frozen=True, slots=True)
class Accounting(Part):
    """Accounts, of at most so many processes."""

    PREFIX: ClassVar[str] = "accounting"

    accounts: tuple[Account, ...] = ()
    mode: int = 1
    buffer_size: int = 4000

    def pairs(self, _: int | None = None) -> Iterator[tuple[str, str]]:
        """Yield its lines."""
        yield from dotted(self.PREFIX, {"mode": self.mode, "buffer_size": self.buffer_size})
        yield from (("account", str(each)) for each in self.accounts)
