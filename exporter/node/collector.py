"""What a collector is: a file of `collectors/` that says what is asked, how often and why."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from exporter.node.asking import Device
from exporter.node.fields import FieldKey
from exporter.node.reading import Reading


class Group(StrEnum):
    """How often something is read: each collection, what changes by the minute, and the rest.

    In the order in which groups that are due at once are read: SLOW finds the MIG instances.
    """

    SLOW = "slow"
    MEDIUM = "medium"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two readings of each group."""

    fast: float = 5.0
    medium: float = 15.0
    slow: float = 60.0

    def of(self, group: Group) -> float:
        """Return the seconds of one group."""
        return {Group.FAST: self.fast, Group.MEDIUM: self.medium, Group.SLOW: self.slow}[group]


@dataclass(frozen=True, slots=True)
class Part:
    """What is read together.

    Args:
        group: How often.
        collect: Yields the values of one device.
        fields: What *collect* asks for by `Device.field`: asked of the driver in one call, together
            with those of the other collectors of the group.
    """

    group: Group
    collect: Callable[[Device], Iterator[Reading]]
    fields: tuple[FieldKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Collector:
    """A file of `collectors/`.

    Args:
        name: Also its flag, `--collector.NAME`, and its value of the label `collector`.
        help: What it reads, in a few words, for `--help` and the documentation.
        parts: What it reads.
        default: Whether it runs when nothing is said; one that costs much does not.
    """

    name: str
    help: str
    parts: tuple[Part, ...]
    default: bool = True
