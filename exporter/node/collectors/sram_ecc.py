"""How often memory on the chip was wrong, more finely than `ecc` tells; Ampere and later."""

from collections.abc import Iterator

from exporter.catalogue import SRAM_ERRORS, SRAM_THRESHOLD_EXCEEDED, SRAM_UNIT_ERRORS
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.reading import Reading, each, single
from exporter.node.units import flag, tally


def collect(device: Device) -> Iterator[Reading]:
    """Yield the errors by kind and by unit, and whether there were too many."""
    status = device.ask("SramEccErrorStatus")
    if status is None:
        return
    for error, counted in {
        "corrected": (status.volatileCor, status.aggregateCor),
        "uncorrected_parity": (status.volatileUncParity, status.aggregateUncParity),
        "uncorrected_secded": (status.volatileUncSecDed, status.aggregateUncSecDed),
    }.items():
        values = map(tally, counted)
        yield from each(
            SRAM_ERRORS, dict(zip(("volatile", "aggregate"), values, strict=True)), error
        )
    yield from each(
        SRAM_UNIT_ERRORS,
        {
            "l2": tally(status.aggregateUncBucketL2),
            "sm": tally(status.aggregateUncBucketSm),
            "pcie": tally(status.aggregateUncBucketPcie),
            "mcu": tally(status.aggregateUncBucketMcu),
            "other": tally(status.aggregateUncBucketOther),
        },
    )
    yield from single(SRAM_THRESHOLD_EXCEEDED, flag(status.bThresholdExceeded))


COLLECTOR = Collector(
    "sram_ecc", "ECC errors of on-chip memory by kind and unit", (Part(Group.SLOW, collect),)
)
