"""A value on its way from a device to the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from exporter.catalogue import Family

_Label = TypeVar("_Label", bound=StrEnum)


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


def single(family: Family, value: float | None) -> Iterator[Reading]:
    """Yield the value, or nothing when there is none."""
    if value is not None:
        yield Reading(family, value)


def each(family: Family, values: Mapping[_Label, float]) -> Iterator[Reading]:
    """Yield every value, labelled by its key."""
    for label, value in values.items():
        yield Reading(family, value, (label,))
