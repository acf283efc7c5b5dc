"""A value on its way from a device to the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from exporter.catalogue import Family


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a device.

    Args:
        family: Where it belongs.
        value: In the family's unit.
        labels: Values of the family's labels after the device's own.
    """

    family: Family
    value: float
    labels: tuple[str, ...] = ()


Sample = tuple[Family, tuple[str, ...], float]
"""A family, the values of all its labels, and a value: ready for the page."""


def single(family: Family, value: float | None, *labels: str) -> Iterator[Reading]:
    """Yield the value, or nothing when there is none."""
    if value is not None:
        yield Reading(family, value, labels)


def each(family: Family, values: Mapping[str, float | None], *labels: str) -> Iterator[Reading]:
    """Yield every value there is, labelled by *labels* and its key."""
    for label, value in values.items():
        if value is not None:
            yield Reading(family, value, (*labels, label))


def state(family: Family, states: type[StrEnum], present: str, *labels: str) -> Iterator[Reading]:
    """Yield one sample per state, 1 for the present one; nothing when *present* is none of them."""
    if present in list(states):
        for each_state in states:
            yield Reading(family, each_state == present, (*labels, each_state))
