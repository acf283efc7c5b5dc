"""What a quantity of a scenario can be: a number, or something that moves with time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wave:
    """A cosine between two values; two devices of different *phase* (seconds) do not move alike."""

    low: float
    high: float
    period: float
    phase: float = 0

    def __str__(self) -> str:
        return f"wave {self.low} {self.high} {self.period} {self.phase}"


@dataclass(frozen=True, slots=True)
class Noise:
    """A new random value every *period* seconds, with straight lines between them."""

    low: float
    high: float
    period: float
    seed: int = 0

    def __str__(self) -> str:
        return f"noise {self.low} {self.high} {self.period} {self.seed}"


@dataclass(frozen=True, slots=True)
class Ramp:
    """A straight line that takes *seconds* from when the file is loaded, and then stays."""

    start: float
    end: float
    seconds: float

    def __str__(self) -> str:
        return f"ramp {self.start} {self.end} {self.seconds}"


@dataclass(frozen=True, slots=True)
class Count:
    """What only grows: so much every second, on from *start* at the beginning of 2025."""

    per_second: float
    start: float = 0

    def __str__(self) -> str:
        return f"count {self.per_second} {self.start}"


@dataclass(frozen=True, slots=True)
class Integral:
    """For `energy` alone: *start* joules, and from then on the integral of the power."""

    start: float = 0

    def __str__(self) -> str:
        return f"integral {self.start}"


@dataclass(frozen=True, slots=True)
class Sentinel:
    """A value with all bits set, as drivers answer instead of saying that they do not know."""

    def __str__(self) -> str:
        return "sentinel"


Value = float | Wave | Noise | Ramp | Count | Integral | Sentinel
"""One quantity; None in a device = the device does not have it."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A field's value as one of nvmlValueType_t: double uint ulong ull sll sint ushort."""

    type: str
    value: Value

    def __str__(self) -> str:
        return f"{self.type} {self.value}"


FieldKey = int | tuple[int, int]
"""A field by NVML's number, in scope 0 or in that of a link or a part of the board."""
