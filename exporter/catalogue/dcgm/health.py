"""Fields about what is wrong with a device. Names are without DCGM_FI_."""

from exporter.catalogue.dcgm.field import (
    Coded,
    Default,
    Field,
    Latest,
    PerLabel,
    Recent,
    Type,
    counter,
    gauge,
    read,
)

_ALWAYS = Default.ALWAYS
_ECC = {"SBE": ("single-bit", "corrected"), "DBE": ("double-bit", "uncorrected")}
_COUNTERS = {"VOL": ("volatile", "volatile"), "AGG": ("persistent", "aggregate")}
_LOCATIONS = {
    "L1": "l1",
    "L2": "l2",
    "DEV": "dram",
    "REG": "registers",
    "TEX": "texture",
    "CBU": "cbu",
    "SRM": "sram",
}
_ACTIONS = {
    "none": 0,
    "reset": 1,
    "reboot": 2,
    "drain_p2p": 3,
    "drain_and_reset": 4,
    "recover_imex": 5,
    "bus_reset": 6,
    "system_reboot": 7,
}

_XIDS = (
    gauge(
        "DEV_XID_ERRORS",
        "Value of the last XID error encountered.",
        Latest("gpu_xid_last_timestamp_seconds", "xid", "gpu_xid_errors_total"),
        new="DEV_XID_ERROR",
        default=_ALWAYS,
    ),
    Field(
        "DCGM_EXP_XID_ERRORS_TOTAL",
        Type.COUNTER,
        "Total XID errors observed since exporter start.",
        PerLabel("gpu_xid_errors_total", "xid", "xid"),
    ),
    Field(
        "DCGM_EXP_XID_ERRORS_COUNT",
        Type.GAUGE,
        "Count of XID errors within the last five minutes.",
        Recent("gpu_xid_errors_total", "xid", "xid"),
    ),
)
_ECC_TOTALS = tuple(
    counter(
        f"DEV_ECC_{bits}_{lasting}_TOTAL",
        f"Total number of {what} {how} ECC errors.",
        read("gpu_ecc_errors_total", error=error, counter=ours),
    )
    for lasting, (how, ours) in _COUNTERS.items()
    for bits, (what, error) in _ECC.items()
)
_ECC_LOCATIONS = tuple(
    counter(
        f"DEV_ECC_{bits}_{lasting}_{place}",
        f"Number of {what} {how} ECC errors in {location}.",
        read("gpu_ecc_location_errors_total", error=error, counter=ours, location=location),
    )
    for lasting, (how, ours) in _COUNTERS.items()
    for bits, (what, error) in _ECC.items()
    for place, location in _LOCATIONS.items()
)
_ECC_STATES = (
    gauge(
        "DEV_ECC_CURRENT",
        "Whether ECC is on.",
        read("gpu_ecc_mode_enabled", setting="current"),
        new="DEV_ECC_MODE",
    ),
    gauge(
        "DEV_ECC_PENDING",
        "Whether ECC will be on after the next reboot.",
        read("gpu_ecc_mode_enabled", setting="pending"),
    ),
    gauge(
        "DEV_THRESHOLD_SRM",
        "Whether SRAM had more errors than it should.",
        read("gpu_sram_ecc_threshold_exceeded"),
        new="DEV_SRAM_EXCEEDED",
    ),
)
_RETIRED = (
    counter(
        "DEV_RETIRED_SBE",
        "Total number of retired pages due to single-bit errors.",
        read("gpu_retired_pages_total", cause="corrected"),
        new="DEV_PAGE_RETIRED_SBE_TOTAL",
    ),
    counter(
        "DEV_RETIRED_DBE",
        "Total number of retired pages due to double-bit errors.",
        read("gpu_retired_pages_total", cause="uncorrected"),
        new="DEV_PAGE_RETIRED_DBE_TOTAL",
    ),
    counter(
        "DEV_RETIRED_PENDING",
        "Total number of pages pending retirement.",
        read("gpu_retired_pages_pending"),
        new="DEV_PAGE_RETIRED_PENDING",
    ),
)
_REMAPPED = (
    counter(
        "DEV_UNCORRECTABLE_REMAPPED_ROWS",
        "Number of remapped rows for uncorrectable errors",
        read("gpu_remapped_rows_total", cause="uncorrected"),
        new="DEV_ROW_REMAP_UNCORRECTABLE_TOTAL",
        default=_ALWAYS,
    ),
    counter(
        "DEV_CORRECTABLE_REMAPPED_ROWS",
        "Number of remapped rows for correctable errors",
        read("gpu_remapped_rows_total", cause="corrected"),
        new="DEV_ROW_REMAP_CORRECTABLE_TOTAL",
        default=_ALWAYS,
    ),
    gauge(
        "DEV_ROW_REMAP_FAILURE",
        "Whether remapping of rows has failed",
        read("gpu_row_remap_failed"),
        new="DEV_ROW_REMAP_FAILED",
        default=_ALWAYS,
    ),
    gauge(
        "DEV_ROW_REMAP_PENDING",
        "Whether remapping of rows is pending",
        read("gpu_row_remap_pending"),
    ),
    *(
        gauge(
            f"DEV_BANKS_REMAP_ROWS_AVAIL_{level.upper()}",
            f"Number of memory banks by spare rows left: {level}.",
            read("gpu_row_remap_available_banks", level=level),
            new=f"DEV_BANK_REMAP_AVAIL_{level.upper()}",
        )
        for level in ("max", "high", "partial", "low", "none")
    ),
)
_RECOVERY = gauge(
    "DEV_GET_GPU_RECOVERY_ACTION",
    "What has to be done to make the device well, as NVML's number.",
    Coded("gpu_recovery_action", "action", _ACTIONS),
    new="DEV_GPU_RECOVERY_ACTION",
)

FIELDS: tuple[Field, ...] = (
    *_XIDS,
    *(*_ECC_TOTALS, *_ECC_LOCATIONS, *_ECC_STATES),
    *(*_RETIRED, *_REMAPPED, _RECOVERY),
)
