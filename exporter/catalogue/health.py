"""What is wrong with a device: ECC, remapped rows, recovery action, fabric, XIDs."""

from exporter.catalogue.family import DEVICE, Family, Kind

ECC_MODE = Family(
    "gpu_ecc_mode_enabled",
    "1 when ECC is on, by setting: current, or pending (after the next reboot).",
    (*DEVICE, "setting"),
)
ECC_ERRORS = Family(
    "gpu_ecc_errors_total",
    "ECC errors, corrected or uncorrected. The counter volatile begins anew with the driver and is "
    "part of the counter aggregate, which is for life: select one of the two.",
    (*DEVICE, "error", "counter"),
    kind=Kind.COUNTER,
)
ECC_LOCATION_ERRORS = Family(
    "gpu_ecc_location_errors_total",
    "ECC errors by where they were (l1, l2, dram, registers, texture, "
    "texture_shared, cbu; sram where chips tell "
    "of all of it only); counter as in gpu_ecc_errors_total.",
    (*DEVICE, "error", "counter", "location"),
    kind=Kind.COUNTER,
)
SRAM_ERRORS = Family(
    "gpu_sram_ecc_errors_total",
    "ECC errors of on-chip memory: corrected, uncorrected_parity, uncorrected_secded; counter as "
    "in gpu_ecc_errors_total.",
    (*DEVICE, "error", "counter"),
    kind=Kind.COUNTER,
)
SRAM_UNIT_ERRORS = Family(
    "gpu_sram_ecc_uncorrected_errors_total",
    "Uncorrected ECC errors of on-chip memory for life, by unit: l2, sm, pcie, mcu, other.",
    (*DEVICE, "unit"),
    kind=Kind.COUNTER,
)
SRAM_THRESHOLD_EXCEEDED = Family(
    "gpu_sram_ecc_threshold_exceeded",
    "1 when on-chip memory had so many uncorrected errors that the device should be replaced.",
    DEVICE,
)
RETIRED_PAGES = Family(
    "gpu_retired_pages_total",
    "Memory pages retired for good, by cause: corrected (many in one place) or uncorrected.",
    (*DEVICE, "cause"),
    kind=Kind.COUNTER,
)
RETIRED_PAGES_PENDING = Family(
    "gpu_retired_pages_pending",
    "1 when pages wait for a reset or reboot to be retired.",
    DEVICE,
)
REMAPPED_ROWS = Family(
    "gpu_remapped_rows_total",
    "Memory rows replaced by spare ones, by cause: corrected or uncorrected.",
    (*DEVICE, "cause"),
    kind=Kind.COUNTER,
)
REMAPPED_ROWS_INACTIVE = Family(
    "gpu_remapped_rows_inactive",
    "Remappings of rows that are not in force, by cause: corrected or uncorrected.",
    (*DEVICE, "cause"),
)
ROW_REMAP_PENDING = Family(
    "gpu_row_remap_pending", "1 when rows wait for a reset of the device to be remapped.", DEVICE
)
ROW_REMAP_FAILED = Family(
    "gpu_row_remap_failed",
    "1 when a row could not be remapped: the device should be replaced.",
    DEVICE,
)
ROW_REMAP_BANKS = Family(
    "gpu_row_remap_available_banks",
    "Memory banks by how many spare rows they have left: max, high, partial, low, none.",
    (*DEVICE, "level"),
)
BANK_REMAPS = Family(
    "gpu_bank_remaps",
    "Memory banks replaced by spare ones, by whether that is in force: active or inactive.",
    (*DEVICE, "state"),
)
BANK_REMAP_GROUPS = Family(
    "gpu_bank_remap_available_groups",
    "Groups of memory banks that have all (max) or no (none) spare banks left.",
    (*DEVICE, "level"),
)
BANK_REMAP_PENDING = Family(
    "gpu_bank_remap_pending", "1 when banks wait for a reset of the device to be remapped.", DEVICE
)
REPAIR_PENDING = Family(
    "gpu_repair_pending",
    "1 when a repair of a memory channel or of a cluster of processors (tpc) waits for a reset.",
    (*DEVICE, "part"),
)
MEMORY_UNREPAIRABLE = Family(
    "gpu_memory_unrepairable",
    "1 when memory has defects that cannot be repaired: the device should be replaced.",
    DEVICE,
)
RECOVERY_ACTION = Family(
    "gpu_recovery_action",
    "What the driver asks for to make the device well; 1 for the present action: none, reset, "
    "reboot, drain_p2p, drain_and_reset, recover_imex, bus_reset, system_reboot, other.",
    (*DEVICE, "action"),
)
XID_ERRORS = Family(
    "gpu_xid_errors_total",
    "XID errors that the driver told of since this exporter listens, by number; those of MIG "
    "instances included. The critical ones begin at 0, so that rate() sees the first.",
    (*DEVICE, "xid"),
    kind=Kind.COUNTER,
)
XID_LAST = Family(
    "gpu_xid_last_timestamp_seconds",
    "When the exporter last heard of an XID error, by number, in Unix time.",
    (*DEVICE, "xid"),
)
INSTANCE_XID_ERRORS = Family(
    "gpu_instance_xid_errors_total",
    "The part of gpu_xid_errors_total that the driver blames on a MIG instance.",
    (*DEVICE, "gpu_instance", "xid"),
    kind=Kind.COUNTER,
)
DEVICE_EVENTS = Family(
    "gpu_device_events_total",
    "Events that the driver told of since this exporter listens, by kind: xid, ecc_corrected, "
    "ecc_uncorrected, ecc_storm, retirement, retirement_failure, poison_non_fatal, poison_fatal, "
    "unavailable, recovery_action, mig_config.",
    (*DEVICE, "event"),
    kind=Kind.COUNTER,
)
DEVICE_EVENTS_HEARD = Family(
    "gpu_device_events_heard",
    "1 while events of the device, XIDs among them, are listened to; 0 while they would be missed; "
    "absent for a device that never could be listened to.",
    DEVICE,
)
