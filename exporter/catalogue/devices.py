"""What a device is and does: the families every device has."""

from exporter.catalogue.family import DEVICE, Family, Kind

DEVICE_INFO = Family(
    "gpu_info",
    "Identity of a device; the value is always 1.",
    (
        *DEVICE,
        "model",
        "brand",
        "architecture",
        "serial",
        "pci_bus_id",
        "minor_number",
        "vbios_version",
    ),
)
# Apart from gpu_info, whose labels other series are joined with, and from each other: firmware is
# updated, the board stays.
FIRMWARE_INFO = Family(
    "gpu_firmware_info",
    "Versions of a device's firmware: its InfoROM and what is in it, and of its system processor; "
    "the value is always 1.",
    (
        *DEVICE,
        "inforom_image_version",
        "inforom_oem_version",
        "inforom_ecc_version",
        "inforom_power_version",
        "gsp_firmware_version",
    ),
)
BOARD_INFO = Family(
    "gpu_board_info",
    "What a device is and where it sits: part number of its board, module in its baseboard, NUMA "
    "node of its memory, CUDA compute capability; the value is always 1.",
    (*DEVICE, "board_part_number", "module_id", "numa_node", "compute_capability"),
)
DRIVER_INFO = Family(
    "gpu_driver_info",
    "Versions of the driver, of NVML and of the newest CUDA it supports; always 1.",
    ("node", "driver_version", "nvml_version", "cuda_version"),
)
DEVICES = Family("gpu_devices", "Devices the driver enumerates on this node.", ("node",))
PCI_DEVICES = Family(
    "gpu_pci_devices",
    "NVIDIA GPUs on the node's PCI bus, whatever the driver makes of them: one that it failed to "
    "start counts here and not in gpu_devices.",
    ("node",),
)
DEVICE_UP = Family(
    "gpu_up",
    "1 when the device answered in the last collection, 0 when it is lost, stuck or needs a reset.",
    DEVICE,
)
DEVICE_DOWN = Family(
    "gpu_down_info",
    "Why a device is down (lost, reset_required, not_found, unknown, stuck, absent, driver); the "
    "value is always 1, and the series is absent while the device is up.",
    (*DEVICE, "reason"),
)
LAST_READING = Family(
    "gpu_last_reading_timestamp_seconds",
    "When a group of values (slow, medium, fast) of the device was last read, in Unix time.",
    (*DEVICE, "group"),
)

UTILIZATION = Family(
    "gpu_utilization_ratio",
    "Share of the last sampling period in which at least one kernel ran, from 0 to 1.",
    DEVICE,
)
MEMORY_COPY_UTILIZATION = Family(
    "gpu_memory_copy_utilization_ratio",
    "Share of the last sampling period in which device memory was read or written, from 0 to 1.",
    DEVICE,
)
ENCODER_UTILIZATION = Family(
    "gpu_encoder_utilization_ratio",
    "Share of the last sampling period in which video was encoded, from 0 to 1.",
    DEVICE,
)
DECODER_UTILIZATION = Family(
    "gpu_decoder_utilization_ratio",
    "Share of the last sampling period in which video was decoded, from 0 to 1.",
    DEVICE,
)
JPEG_UTILIZATION = Family(
    "gpu_jpeg_utilization_ratio",
    "Share of the last sampling period in which the JPEG engine worked, from 0 to 1.",
    DEVICE,
)
OFA_UTILIZATION = Family(
    "gpu_ofa_utilization_ratio",
    "Share of the last sampling period in which the optical flow engine worked, from 0 to 1.",
    DEVICE,
)
ENCODER_SESSIONS = Family(
    "gpu_encoder_sessions", "Sessions that encode video on the device now.", DEVICE
)
ENCODER_FRAMES = Family(
    "gpu_encoder_frames_per_second",
    "Frames encoded per second, averaged over the sessions there are.",
    DEVICE,
)
ENCODER_LATENCY = Family(
    "gpu_encoder_latency_seconds",
    "Time it takes to encode a frame, averaged over the sessions there are, in seconds.",
    DEVICE,
)
MEMORY_TOTAL = Family(
    "gpu_memory_total_bytes", "Device memory, reserved memory included, in bytes.", DEVICE
)
MEMORY_USED = Family(
    "gpu_memory_used_bytes",
    "Device memory allocated, in bytes; reserved memory included where it is not reported apart.",
    DEVICE,
)
MEMORY_FREE = Family(
    "gpu_memory_free_bytes",
    "Device memory that can be allocated, in bytes.",
    DEVICE,
)
MEMORY_RESERVED = Family(
    "gpu_memory_reserved_bytes",
    "Device memory kept by driver and firmware, in bytes.",
    DEVICE,
)
BAR1_TOTAL = Family(
    "gpu_bar1_memory_total_bytes",
    "Window (BAR1) through which the CPU and other devices reach device memory, in bytes.",
    DEVICE,
)
BAR1_USED = Family(
    "gpu_bar1_memory_used_bytes",
    "Part of that window that is mapped, in bytes.",
    DEVICE,
)
BAR1_FREE = Family(
    "gpu_bar1_memory_free_bytes",
    "Part of that window that is not mapped, in bytes.",
    DEVICE,
)

PERFORMANCE_STATE = Family(
    "gpu_performance_state",
    "Performance state (P-state), from 0, the fastest, to 15.",
    DEVICE,
)
PERSISTENCE_MODE = Family(
    "gpu_persistence_mode_enabled",
    "1 when the driver keeps the device initialised while nobody uses it, else 0.",
    DEVICE,
)
COMPUTE_MODE = Family(
    "gpu_compute_mode",
    "1 for the compute mode the device is in (default, exclusive_thread, prohibited, "
    "exclusive_process, other), 0 for the others.",
    (*DEVICE, "mode"),
)
DISPLAY_ACTIVE = Family(
    "gpu_display_active", "1 when a display is initialised on the device, else 0.", DEVICE
)

PCIE_GENERATION = Family(
    "gpu_pcie_link_generation",
    "PCIe generation in use; an idle device lowers it, which is not a fault.",
    DEVICE,
)
PCIE_GENERATION_MAX = Family(
    "gpu_pcie_link_generation_max",
    "Highest PCIe generation that device and system are both capable of.",
    DEVICE,
)
PCIE_WIDTH = Family(
    "gpu_pcie_link_width",
    "PCIe lanes in use.",
    DEVICE,
)
PCIE_WIDTH_MAX = Family(
    "gpu_pcie_link_width_max",
    "PCIe lanes that device and system are both capable of.",
    DEVICE,
)
PCIE_TRANSFERS = Family(
    "gpu_pcie_link_transfers_per_second",
    "Transfers per second of each PCIe lane: 16e9 is 16 GT/s.",
    DEVICE,
)
PCIE_ERRORS = Family(
    "gpu_pcie_errors_total",
    "Errors and recoveries of the PCIe link by kind (replay, replay_rollover, l0_to_recovery, "
    "correctable, naks_received, receiver, bad_tlp, naks_sent, bad_dllp, non_fatal, fatal, "
    "unsupported_request, lcrc, lane); one event may count in several.",
    (*DEVICE, "error"),
    kind=Kind.COUNTER,
)
PCIE_BYTES = Family(
    "gpu_pcie_bytes_total",
    "Bytes the device sent (tx) and received (rx) over PCIe; the device's counter may wrap.",
    (*DEVICE, "direction"),
    kind=Kind.COUNTER,
)
PCIE_THROUGHPUT = Family(
    "gpu_pcie_throughput_bytes_per_second",
    "Bytes per second the device sent (tx) and received (rx) over PCIe in a sample of 20 ms.",
    (*DEVICE, "direction"),
)
