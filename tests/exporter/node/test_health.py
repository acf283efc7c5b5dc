"""Promises of the collectors of health: from what a device answers to exact readings."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import catalogue
from exporter.catalogue import Family
from exporter.errors import DeviceDown, DeviceError
from exporter.node.asking import Device
from exporter.node.collectors import (
    ecc,
    recovery,
    remapped_rows,
    retired_pages,
    sram_ecc,
)
from exporter.node.fields import Fi, FieldKey
from exporter.node.reading import Reading
from tests.support.fake_driver import FakeDevice

Values = list[tuple[Family, tuple[str, ...], float]]


def read(collect: Callable[[Device], Iterator[Reading]], device: FakeDevice) -> Values:
    """Return what is collected, as family, labels and value."""
    return [(each.family, each.labels, each.value) for each in collect(device)]


def device_of(
    answers: dict[object, object] | None = None, fields: dict[Fi, float] | None = None
) -> FakeDevice:
    """Return a device with these answers, and these fields in scope 0."""
    by_key = {(field, 0): value for field, value in (fields or {}).items()}
    return FakeDevice("GPU-a", answers=answers or {}, fields=by_key)


def test_ecc_by_fields() -> None:
    """Totals and locations are families of their own, so that neither is counted twice."""
    device = device_of(
        {"EccMode": [1, 0]},
        {
            Fi.ECC_SBE_VOL_TOTAL: 5,
            Fi.ECC_DBE_AGG_TOTAL: 2,
            Fi.ECC_SBE_VOL_L2: 1,
            Fi.ECC_SBE_VOL_DEV: 4,
            Fi.ECC_DBE_AGG_CBU: 2,
        },
    )
    locations = catalogue.ECC_LOCATION_ERRORS

    assert [
        (catalogue.ECC_MODE, ("current",), 1),
        (catalogue.ECC_MODE, ("pending",), 0),
        (catalogue.ECC_ERRORS, ("corrected", "volatile"), 5),
        (locations, ("corrected", "volatile", "l2"), 1),
        (locations, ("corrected", "volatile", "dram"), 4),
        (catalogue.ECC_ERRORS, ("uncorrected", "aggregate"), 2),
        (locations, ("uncorrected", "aggregate", "cbu"), 2),
    ] == read(ecc.collect, device)


def test_ecc_of_old_drivers() -> None:
    """Without fields the same is asked by functions; what a chip tells of SRAM as a whole too."""
    device = device_of(
        {
            ("TotalEccErrors", 1, 0): 3,
            ("MemoryErrorCounter", 1, 0, 2): 1,
            ("MemoryErrorCounter", 1, 0, 7): 2,
        }
    )

    assert [
        (catalogue.ECC_ERRORS, ("uncorrected", "volatile"), 3),
        (catalogue.ECC_LOCATION_ERRORS, ("uncorrected", "volatile", "dram"), 1),
        (catalogue.ECC_LOCATION_ERRORS, ("uncorrected", "volatile", "sram"), 2),
    ] == read(ecc.collect, device)


@given(st.dictionaries(st.integers(0, 8), st.integers(0, 100)))
def test_locations_never_overlap(counters: dict[int, int]) -> None:
    """SRAM as a whole is told of only where none of its parts is."""
    device = device_of({("MemoryErrorCounter", 0, 0, n): value for n, value in counters.items()})
    found = {labels[-1] for _, labels, _ in read(ecc.collect, device)}

    assert "sram" not in found or found <= {"sram", "dram"}


@dataclass(eq=False)
class _Failing(FakeDevice):
    """A device of which some fields fail."""

    failing: tuple[FieldKey, ...] = ()
    error: DeviceError = DeviceError("busy")  # noqa: RUF009 - never changed

    def field(self, field: Fi, scope: int = 0) -> float | None:
        """Raise, or answer."""
        if (field, scope) in self.failing:
            raise self.error
        return super().field(field, scope)


def test_a_field_that_fails() -> None:
    """A field that fails this time costs itself alone, and the failure is told."""
    device = _Failing(
        "GPU-a",
        answers={},
        fields={(Fi.ECC_DBE_AGG_TOTAL, 0): 2.0},
        failing=((Fi.ECC_SBE_VOL_TOTAL, 0),),
    )
    found: list[Reading] = []
    with pytest.raises(DeviceError, match="busy"):
        found.extend(ecc.collect(device))

    assert [Reading(catalogue.ECC_ERRORS, 2, ("uncorrected", "aggregate"))] == found


def test_a_device_that_is_down() -> None:
    """That a device is down is told at once."""
    device = _Failing(
        "GPU-a", answers={}, failing=((Fi.ECC_SBE_VOL_TOTAL, 0),), error=DeviceDown("lost")
    )
    with pytest.raises(DeviceDown):
        list(ecc.collect(device))


def test_sram() -> None:
    """Errors on the chip are told of by kind, for both counters, and by unit for life."""
    status = SimpleNamespace(
        volatileCor=1, aggregateCor=2, volatileUncParity=3, aggregateUncParity=4,
        volatileUncSecDed=5, aggregateUncSecDed=6, aggregateUncBucketL2=7, aggregateUncBucketSm=8,
        aggregateUncBucketPcie=9, aggregateUncBucketMcu=10, aggregateUncBucketOther=2**64 - 1,
        bThresholdExceeded=1,
    )  # fmt: skip
    errors, units = catalogue.SRAM_ERRORS, catalogue.SRAM_UNIT_ERRORS

    assert [
        (errors, ("corrected", "volatile"), 1),
        (errors, ("corrected", "aggregate"), 2),
        (errors, ("uncorrected_parity", "volatile"), 3),
        (errors, ("uncorrected_parity", "aggregate"), 4),
        (errors, ("uncorrected_secded", "volatile"), 5),
        (errors, ("uncorrected_secded", "aggregate"), 6),
        (units, ("l2",), 7),
        (units, ("sm",), 8),
        (units, ("pcie",), 9),
        (units, ("mcu",), 10),
        (catalogue.SRAM_THRESHOLD_EXCEEDED, (), 1),
    ] == read(sram_ecc.collect, device_of({"SramEccErrorStatus": status}))


@pytest.mark.parametrize(
    "device",
    [
        device_of({}, {Fi.RETIRED_SBE: 2, Fi.RETIRED_DBE: 0, Fi.RETIRED_PENDING: 1}),
        device_of(
            {
                ("RetiredPages", 0): [1, 2],
                ("RetiredPages", 1): [],
                "RetiredPagesPendingStatus": 1,
            }
        ),
    ],
    ids=["fields", "functions"],
)
def test_retired_pages(device: FakeDevice) -> None:
    """Retired pages are counted alike however the driver tells of them."""
    assert [
        (catalogue.RETIRED_PAGES, ("corrected",), 2),
        (catalogue.RETIRED_PAGES, ("uncorrected",), 0),
        (catalogue.RETIRED_PAGES_PENDING, (), 1),
    ] == read(retired_pages.collect, device)


ROWS: Values = [
    (catalogue.REMAPPED_ROWS, ("corrected",), 3),
    (catalogue.REMAPPED_ROWS, ("uncorrected",), 1),
    (catalogue.ROW_REMAP_FAILED, (), 0),
]


@pytest.mark.parametrize(
    "device",
    [
        device_of({"RemappedRows": (3, 1, 1, 0)}),
        device_of(
            {},
            {
                Fi.REMAPPED_COR: 3,
                Fi.REMAPPED_UNC: 1,
                Fi.REMAPPED_PENDING: 1,
                Fi.REMAPPED_FAILURE: 0,
            },
        ),
    ],
    ids=["functions", "fields"],
)
def test_remapped_rows(device: FakeDevice) -> None:
    """Remapped rows are counted alike however the driver tells of them."""
    assert ROWS == read(remapped_rows.collect, device)
    assert [(catalogue.ROW_REMAP_PENDING, (), 1)] == read(remapped_rows.pending, device)


def test_what_can_still_be_remapped() -> None:
    """Spare rows and banks are told of by level, and what waits to be repaired by part."""
    device = device_of(
        {
            "RowRemapperHistogram": SimpleNamespace(max=640, high=1, partial=0, low=0, none=0),
            "RepairStatus": [0, 1],
            "UnrepairableMemoryFlag_v1": 0,
        },
        {
            Fi.REMAPPED_ROWS_COR_INACTIVE: 4,
            Fi.ACTIVE_BANK_REMAPPINGS: 2,
            Fi.INACTIVE_BANK_REMAPPINGS: 0,
            Fi.BANK_REMAPPER_HISTOGRAM_MAX: 31,
            Fi.BANK_REMAPPER_HISTOGRAM_NONE: 1,
            Fi.PENDING_BANK_REMAPPING: 0,
        },
    )
    banks = catalogue.ROW_REMAP_BANKS

    assert [
        (catalogue.REMAPPED_ROWS_INACTIVE, ("corrected",), 4),
        (banks, ("max",), 640),
        (banks, ("high",), 1),
        (banks, ("partial",), 0),
        (banks, ("low",), 0),
        (banks, ("none",), 0),
        (catalogue.BANK_REMAPS, ("active",), 2),
        (catalogue.BANK_REMAPS, ("inactive",), 0),
        (catalogue.BANK_REMAP_GROUPS, ("max",), 31),
        (catalogue.BANK_REMAP_GROUPS, ("none",), 1),
        (catalogue.REPAIR_PENDING, ("channel",), 0),
        (catalogue.REPAIR_PENDING, ("tpc",), 1),
        (catalogue.MEMORY_UNREPAIRABLE, (), 0),
    ] == read(remapped_rows.collect, device)
    assert [(catalogue.BANK_REMAP_PENDING, (), 0)] == read(remapped_rows.pending, device)


@pytest.mark.parametrize(
    ("number", "action"),
    [(0, "none"), (1, "reset"), (2, "reboot"), (3, "drain_p2p"), (4, "drain_and_reset"),
     (5, "recover_imex"), (6, "bus_reset"), (7, "system_reboot"), (8, "other"), (99, "other")],
)  # fmt: skip
def test_recovery_action(number: int, action: str) -> None:
    """Exactly one action is asked for at a time; one we do not know yet is not lost."""
    device = device_of({}, {Fi.GET_GPU_RECOVERY_ACTION: number})
    found = {labels: value for _, labels, value in read(recovery.collect, device)}

    assert {(each,): each == action for each in recovery.Action} == found


def test_no_recovery_action() -> None:
    """All bits set is no action, and rings no alarm."""
    device = device_of({}, {Fi.GET_GPU_RECOVERY_ACTION: 2**32 - 1})

    assert [] == read(recovery.collect, device)
