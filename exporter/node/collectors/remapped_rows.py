"""Memory rows and banks replaced by spare ones, and what is left of those; Ampere and later."""

from collections.abc import Iterator, Sequence

from exporter.catalogue import (
    BANK_REMAP_GROUPS,
    BANK_REMAP_PENDING,
    BANK_REMAPS,
    MEMORY_UNREPAIRABLE,
    REMAPPED_ROWS,
    REMAPPED_ROWS_INACTIVE,
    REPAIR_PENDING,
    ROW_REMAP_BANKS,
    ROW_REMAP_FAILED,
    ROW_REMAP_PENDING,
)
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each, single
from exporter.node.units import flag, tally

_SUMMARY = (Fi.REMAPPED_COR, Fi.REMAPPED_UNC, Fi.REMAPPED_PENDING, Fi.REMAPPED_FAILURE)
"""The fields, in the order in which the function RemappedRows answers."""
_LEVELS = ("max", "high", "partial", "low", "none")


def collect(device: Device) -> Iterator[Reading]:
    """Yield what was remapped, and how much more can be."""
    asked = Gathering(device)
    yield from each(
        REMAPPED_ROWS,
        {"corrected": tally(_summed(asked, 0)), "uncorrected": tally(_summed(asked, 1))},
    )
    yield from single(ROW_REMAP_FAILED, flag(_summed(asked, 3)))
    yield from each(
        REMAPPED_ROWS_INACTIVE,
        {
            "corrected": tally(asked.field(Fi.REMAPPED_ROWS_COR_INACTIVE)),
            "uncorrected": tally(asked.field(Fi.REMAPPED_ROWS_UNC_INACTIVE)),
        },
    )
    histogram = asked.ask("RowRemapperHistogram")
    if histogram is not None:
        yield from each(
            ROW_REMAP_BANKS, {level: tally(getattr(histogram, level)) for level in _LEVELS}
        )
    yield from _banks(asked)
    yield from _repairs(asked)
    asked.settle()


def pending(device: Device) -> Iterator[Reading]:
    """Yield whether a reset is waited for."""
    asked = Gathering(device)
    yield from single(ROW_REMAP_PENDING, flag(_summed(asked, 2)))
    yield from single(BANK_REMAP_PENDING, flag(asked.field(Fi.PENDING_BANK_REMAPPING)))
    asked.settle()


def _summed(asked: Gathering, which: int) -> float | None:
    value: float | Sequence[int] | None = asked.first((_SUMMARY[which], 0), ("RemappedRows",))
    return value[which] if isinstance(value, Sequence) else value


def _banks(asked: Gathering) -> Iterator[Reading]:
    yield from each(
        BANK_REMAPS,
        {
            "active": tally(asked.field(Fi.ACTIVE_BANK_REMAPPINGS)),
            "inactive": tally(asked.field(Fi.INACTIVE_BANK_REMAPPINGS)),
        },
    )
    yield from each(
        BANK_REMAP_GROUPS,
        {
            "max": tally(asked.field(Fi.BANK_REMAPPER_HISTOGRAM_MAX)),
            "none": tally(asked.field(Fi.BANK_REMAPPER_HISTOGRAM_NONE)),
        },
    )


def _repairs(asked: Gathering) -> Iterator[Reading]:
    channel, cluster = asked.ask("RepairStatus") or (None, None)
    yield from each(REPAIR_PENDING, {"channel": flag(channel), "tpc": flag(cluster)})
    yield from single(MEMORY_UNREPAIRABLE, flag(asked.ask("UnrepairableMemoryFlag_v1")))


COLLECTOR = Collector(
    "remapped_rows",
    "memory rows and banks remapped, spare ones left, repairs",
    (
        Part(
            Group.SLOW,
            collect,
            keys(
                Fi.REMAPPED_COR,
                Fi.REMAPPED_UNC,
                Fi.REMAPPED_FAILURE,
                Fi.REMAPPED_ROWS_COR_INACTIVE,
                Fi.REMAPPED_ROWS_UNC_INACTIVE,
                Fi.ACTIVE_BANK_REMAPPINGS,
                Fi.INACTIVE_BANK_REMAPPINGS,
                Fi.BANK_REMAPPER_HISTOGRAM_MAX,
                Fi.BANK_REMAPPER_HISTOGRAM_NONE,
            ),
        ),
        Part(Group.MEDIUM, pending, keys(Fi.REMAPPED_PENDING, Fi.PENDING_BANK_REMAPPING)),
    ),
)
