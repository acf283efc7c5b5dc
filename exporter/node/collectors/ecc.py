"""How often memory was wrong, and whether ECC is on."""

from collections.abc import Iterator

from exporter.catalogue import ECC_ERRORS, ECC_LOCATION_ERRORS, ECC_MODE
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each
from exporter.node.units import flag, tally

_ERRORS = {"corrected": 0, "uncorrected": 1}
"""nvmlMemoryErrorType_t."""
_COUNTERS = {"volatile": 0, "aggregate": 1}
"""nvmlEccCounterType_t."""
_LOCATIONS = {"l1": 0, "l2": 1, "dram": 2, "registers": 3}
_LOCATIONS |= {"texture": 4, "texture_shared": 5, "cbu": 6}
"""nvmlMemoryLocation_t; those on the chip together are _SRAM."""
_SRAM = 7

_TOTALS = {
    ("corrected", "volatile"): Fi.ECC_SBE_VOL_TOTAL,
    ("uncorrected", "volatile"): Fi.ECC_DBE_VOL_TOTAL,
    ("corrected", "aggregate"): Fi.ECC_SBE_AGG_TOTAL,
    ("uncorrected", "aggregate"): Fi.ECC_DBE_AGG_TOTAL,
}
_BY_LOCATION = {
    ("corrected", "volatile"): {
        "l1": Fi.ECC_SBE_VOL_L1,
        "l2": Fi.ECC_SBE_VOL_L2,
        "dram": Fi.ECC_SBE_VOL_DEV,
        "registers": Fi.ECC_SBE_VOL_REG,
        "texture": Fi.ECC_SBE_VOL_TEX,
    },
    ("uncorrected", "volatile"): {
        "l1": Fi.ECC_DBE_VOL_L1,
        "l2": Fi.ECC_DBE_VOL_L2,
        "dram": Fi.ECC_DBE_VOL_DEV,
        "registers": Fi.ECC_DBE_VOL_REG,
        "texture": Fi.ECC_DBE_VOL_TEX,
        "cbu": Fi.ECC_DBE_VOL_CBU,
    },
    ("corrected", "aggregate"): {
        "l1": Fi.ECC_SBE_AGG_L1,
        "l2": Fi.ECC_SBE_AGG_L2,
        "dram": Fi.ECC_SBE_AGG_DEV,
        "registers": Fi.ECC_SBE_AGG_REG,
        "texture": Fi.ECC_SBE_AGG_TEX,
    },
    ("uncorrected", "aggregate"): {
        "l1": Fi.ECC_DBE_AGG_L1,
        "l2": Fi.ECC_DBE_AGG_L2,
        "dram": Fi.ECC_DBE_AGG_DEV,
        "registers": Fi.ECC_DBE_AGG_REG,
        "texture": Fi.ECC_DBE_AGG_TEX,
        "cbu": Fi.ECC_DBE_AGG_CBU,
    },
}


def collect(device: Device) -> Iterator[Reading]:
    """Yield the mode and all counters; a device without ECC has none of them."""
    asked = Gathering(device)
    modes = asked.ask("EccMode") or (None, None)
    yield from each(ECC_MODE, dict(zip(("current", "pending"), map(flag, modes), strict=True)))
    for (error, counter), field in _TOTALS.items():
        yield from each(ECC_ERRORS, {counter: _total(asked, error, counter, field)}, error)
        yield from each(ECC_LOCATION_ERRORS, _locations(asked, error, counter), error, counter)
    asked.settle()


def _total(asked: Gathering, error: str, counter: str, field: Fi) -> float | None:
    function = ("TotalEccErrors", _ERRORS[error], _COUNTERS[counter])
    return tally(asked.first((field, 0), function))


def _locations(asked: Gathering, error: str, counter: str) -> dict[str, float | None]:
    """Return the errors of every location; none of them contains another."""
    fields = _BY_LOCATION[error, counter]
    found: dict[str, float | None] = {}
    failures = asked.failures
    for name, number in _LOCATIONS.items():
        function = ("MemoryErrorCounter", _ERRORS[error], _COUNTERS[counter], number)
        if name in fields:
            found[name] = tally(asked.first((fields[name], 0), function))
        else:
            found[name] = tally(asked.first(function))
    parts = [value for name, value in found.items() if name != "dram" and value is not None]
    if not parts and asked.failures == failures:
        function = ("MemoryErrorCounter", _ERRORS[error], _COUNTERS[counter], _SRAM)
        found["sram"] = tally(asked.first(function))
    return found


COLLECTOR = Collector(
    "ecc",
    "ECC mode and errors, in all and by location",
    (
        Part(
            Group.SLOW,
            collect,
            keys(
                *_TOTALS.values(), *(f for fields in _BY_LOCATION.values() for f in fields.values())
            ),
        ),
    ),
)
