"""Fields of DCGM's that NVML has no values for, so that a counters file with them is understood."""

from exporter.catalogue.dcgm.field import Field, Type

_REASONED = (
    # Counted over a time window, diagnosed, compared or put together by DCGM and dcgm-exporter.
    "DCGM_EXP_CLOCK_EVENTS_COUNT",
    "DCGM_EXP_CLOCK_EVENTS_TOTAL",
    "DCGM_EXP_GPU_HEALTH_STATUS",
    "DCGM_EXP_P2P_STATUS",
    # Not read, or told elsewhere: who a device is stands in labels.
    "DCGM_FI_DEV_APP_SM_CLOCK",
    "DCGM_FI_DEV_APP_MEM_CLOCK",
    "DCGM_FI_DEV_SM_APP_CLOCK_HERTZ",
    "DCGM_FI_DEV_MEMORY_APP_CLOCK_HERTZ",
    "DCGM_FI_DEV_AUTOBOOST",
    "DCGM_FI_DEV_TOTAL_APP_CLOCKS_VIOLATION",
    "DCGM_FI_DEV_TOTAL_BASE_CLOCKS_VIOLATION",
    "DCGM_FI_DEV_SUPPORTED_CLOCKS",
    "DCGM_FI_DEV_P2P_NVLINK_STATUS",
    "DCGM_FI_DEV_FABRIC_MANAGER_STATUS",
    "DCGM_FI_DEV_FABRIC_MANAGER_ERROR_CODE",
    "DCGM_FI_DEV_COUNT",
    "DCGM_FI_DEV_UUID",
    "DCGM_FI_DEV_GPU_UUID",
    "DCGM_FI_DEV_NVML_INDEX",
    "DCGM_FI_DEV_MINOR_NUMBER",
    "DCGM_FI_DEV_PCI_BUSID",
    "DCGM_FI_CUDA_DRIVER_VERSION",
    "DCGM_FI_PROCESS_NAME",
)

PREFIXES = (
    *("DCGM_FI_DEV_NVSWITCH_", "DCGM_FI_DEV_CPU_", "DCGM_FI_DEV_CONNECTX_", "DCGM_FI_DEV_DIAG_"),
    *("DCGM_FI_DEV_VGPU_", "DCGM_FI_DEV_ENC_STATS", "DCGM_FI_DEV_FBC_", "DCGM_FI_DEV_MIG_"),
    *("DCGM_FI_DEV_CPU_AFFINITY_", "DCGM_FI_DEV_MEM_AFFINITY_", "DCGM_FI_DEV_MEMORY_AFFINITY_"),
    *("DCGM_FI_DEV_NVLINK_BANDWIDTH_L", "DCGM_FI_DEV_NVLINK_THROUGHPUT_L"),
    *("DCGM_FI_DEV_NVLINK_TX_", "DCGM_FI_DEV_NVLINK_RX_", "DCGM_FI_DEV_NVLINK_PPCNT_"),
    *("DCGM_FI_DEV_NVLINK_PPRM_", "DCGM_FI_DEV_PLATFORM_", "DCGM_FI_DEV_SXID_"),
    *("DCGM_FI_DEV_ECC_SBE_", "DCGM_FI_DEV_ECC_DBE_", "DCGM_FI_DEV_POWER_PROFILE"),
    *("DCGM_FI_PROF_", "DCGM_FI_IMEX_", "DCGM_FI_SYNC_BOOST", "DCGM_FI_INTERNAL_"),
)
"""How the names of whole groups of such fields begin; a field that is known by name comes first."""

FIELDS: tuple[Field, ...] = tuple(Field(name, Type.GAUGE, "") for name in _REASONED)
