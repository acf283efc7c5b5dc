"""What is known of a field of DCGM's, and how it is told in our families' terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum


class Generation(StrEnum):
    """Whose names: dcgm-exporter renamed most of its metrics in 4.9, and changed their units."""

    OLD = "dcgm-4.8"
    NEW = "dcgm-4.9"


class Type(StrEnum):
    """What a row of a counters file says a field is."""

    GAUGE = "gauge"
    COUNTER = "counter"
    LABEL = "label"


class Unit(Enum):
    """A unit of the old names: how help texts spell it, and the base unit that took its place."""

    BASE = ("", "")
    MEGAHERTZ = ("in MHz", "in Hz")
    MEBIBYTES = ("in MiB", "in bytes")
    MEGABYTES_PER_SECOND = ("in MB/s", "in bytes per second")
    KILOBYTES_PER_SECOND = ("in KB/s", "in bytes per second")
    PERCENT = ("in %", "from 0 to 1")
    MILLIJOULES = ("in mJ", "in J")
    NANOSECONDS = ("in ns", "in seconds")


class Default(Enum):
    """With which generations a field is published when no counters file says otherwise."""

    NEVER = ()
    ALWAYS = (Generation.OLD, Generation.NEW)
    NEW = (Generation.NEW,)


@dataclass(frozen=True, slots=True)
class Read:
    """The readings of a family whose labels have these values, added up."""

    family: str
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Coded:
    """A number per value of a label, added up over those that are 1: bits of a mask, or states.

    While one is 1 that DCGM has no number for, there is nothing to tell.
    """

    family: str
    label: str
    codes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Text:
    """What a label of an `_info` family says."""

    family: str
    label: str


@dataclass(frozen=True, slots=True)
class PerLabel:
    """One series per value of a label; DCGM calls the label *becomes*."""

    family: str
    label: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Latest:
    """The number in a label of the reading that is the newest; 0 while *counted* says none."""

    family: str
    label: str
    counted: str


@dataclass(frozen=True, slots=True)
class Share:
    """One family as a share of another, of which *less* can never be had."""

    family: str
    of: str
    less: str


@dataclass(frozen=True, slots=True)
class States:
    """DCGM's number for each value of a family."""

    family: str
    codes: Mapping[float, int]


@dataclass(frozen=True, slots=True)
class Mask:
    """Bits of a mask, added up: for each value of a label those while it is 0, and while it is 1.

    While DCGM's bits do not follow from one that is as it is (None), there is nothing to tell.
    """

    family: str
    label: str
    bits: Mapping[str, tuple[int | None, int | None]]


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate, added up, as it is told or else as fast as *counted* grows."""

    family: str
    counted: str


@dataclass(frozen=True, slots=True)
class Recent:
    """How much a counter grew of late, by the value of a label that DCGM calls *becomes*."""

    family: str
    label: str
    becomes: str


Source = Read | Coded | States | Text | PerLabel | Latest | Share | Mask | Rate | Recent


@dataclass(frozen=True, slots=True)
class Field:
    """A field of DCGM's.

    Args:
        name: The name up to dcgm-exporter 4.8.
        type: Its type in dcgm-exporter's own counters file.
        help: Its help text there.
        source: Where its value comes from; None: NVML does not tell it.
        unit: The unit under its old name; under a new one it is the base unit.
        new: The name since 4.9; empty: the same.
        default: When it is published without being asked for.
        new_type: Its type since 4.9; None: the same.
    """

    name: str
    type: Type
    help: str
    source: Source | None = None
    unit: Unit = Unit.BASE
    new: str = ""
    default: Default = Default.NEVER
    new_type: Type | None = None

    def name_in(self, generation: Generation) -> str:
        """Return the name in a generation."""
        return self.new if self.new and generation is Generation.NEW else self.name

    def unit_of(self, name: str) -> Unit:
        """Return the unit of the values that are published under one of the two names."""
        return Unit.BASE if name == self.new else self.unit

    def type_of(self, name: str) -> Type:
        """Return the type under one of the two names."""
        return self.new_type or self.type if name == self.new else self.type

    def help_of(self, name: str) -> str:
        """Return the help text, with the unit of the values under this name."""
        old, new = self.unit.value
        return self.help.replace(old, new) if name == self.new and old else self.help


def read(family: str, **where: str) -> Read:
    """Return a source that adds up the readings with these labels."""
    return Read(family, tuple(where.items()))


def gauge(
    name: str,
    help_: str,
    source: Source | None,
    unit: Unit = Unit.BASE,
    *,
    new: str = "",
    default: Default = Default.NEVER,
) -> Field:
    """Return a gauge; names are without DCGM_FI_."""
    return Field(_full(name), Type.GAUGE, help_, source, unit, new and _full(new), default)


def counter(
    name: str,
    help_: str,
    source: Source | None,
    unit: Unit = Unit.BASE,
    *,
    new: str = "",
    default: Default = Default.NEVER,
) -> Field:
    """Return a counter; names are without DCGM_FI_."""
    return Field(_full(name), Type.COUNTER, help_, source, unit, new and _full(new), default)


def label(name: str, help_: str, source: Source, *, new: str = "") -> Field:
    """Return what is told in a label; names are without DCGM_FI_."""
    return Field(_full(name), Type.LABEL, help_, source, new=new and _full(new))


def _full(name: str) -> str:
    return f"DCGM_FI_{name}"
