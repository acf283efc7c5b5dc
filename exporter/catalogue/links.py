"""How a device is connected: NVLink, the fabric, C2C, peers; and its vGPU licence."""

from exporter.catalogue.family import DEVICE, Family, Kind

FABRIC_STATE = Family(
    "gpu_fabric_state",
    "How far the device is in joining its NVLink fabric; 1 for the present state: not_started, "
    "in_progress, completed, other.",
    (*DEVICE, "state"),
)
FABRIC_HEALTHY = Family(
    "gpu_fabric_healthy",
    "1 when nothing is wrong between the device and its fabric, else 0; gpu_fabric_problem says "
    "what.",
    DEVICE,
)
FABRIC_PROBLEM = Family(
    "gpu_fabric_problem",
    "1 when a check of the fabric fails: degraded_bandwidth, route_recovery, route_unhealthy, "
    "access_timeout, incorrect_configuration, no_partition, manager_disconnected, "
    "limited_capacity.",
    (*DEVICE, "check"),
)
FABRIC_ERROR = Family(
    "gpu_fabric_error_code",
    "NVML's return code of joining the fabric once that is completed; 0 = success.",
    DEVICE,
)
FABRIC_INFO = Family(
    "gpu_fabric_info",
    "Which fabric and which clique of it the device is in; the value is always 1.",
    (*DEVICE, "cluster_uuid", "clique_id"),
)
NVLINK_LINKS = Family("gpu_nvlink_links", "NVLinks the device has.", DEVICE)
NVLINK_UP = Family(
    "gpu_nvlink_up",
    "1 when an NVLink is active, also while it sleeps to save power; else 0.",
    (*DEVICE, "link"),
)
NVLINK_INFO = Family(
    "gpu_nvlink_info",
    "Version of an NVLink (other: a newer one than is known); the value is always 1.",
    (*DEVICE, "link", "version"),
)
NVLINK_SPEED = Family(
    "gpu_nvlink_speed_bytes_per_second",
    "Speed of an NVLink in each direction, in bytes per second.",
    (*DEVICE, "link"),
)
NVLINK_BYTES = Family(
    "gpu_nvlink_bytes_total",
    "Data sent (tx) and received (rx) over an NVLink, in bytes.",
    (*DEVICE, "link", "direction"),
    kind=Kind.COUNTER,
)
NVLINK_ERRORS = Family(
    "gpu_nvlink_errors_total",
    "Errors of an NVLink by type: replay, recovery, crc_flit, crc_data, ecc_data; from NVLink 5 on "
    "vl15_dropped, malformed_packet, buffer_overrun, receive, receive_remote, receive_general, "
    "local_integrity, transmit_discard.",
    (*DEVICE, "link", "type"),
    kind=Kind.COUNTER,
)
NVLINK_RECOVERIES = Family(
    "gpu_nvlink_recoveries_total",
    "Attempts to recover an NVLink (from NVLink 5 on), by result: successful or failed.",
    (*DEVICE, "link", "result"),
    kind=Kind.COUNTER,
)
NVLINK_SYMBOL_ERRORS = Family(
    "gpu_nvlink_symbol_errors_total",
    "Symbols of an NVLink that forward error correction could not correct (from NVLink 5 on).",
    (*DEVICE, "link"),
    kind=Kind.COUNTER,
)
NVLINK_EFFECTIVE_ERRORS = Family(
    "gpu_nvlink_effective_errors_total",
    "Errors of an NVLink that were left after all correction (from NVLink 5 on).",
    (*DEVICE, "link"),
    kind=Kind.COUNTER,
)
NVLINK_FEC_BLOCKS = Family(
    "gpu_nvlink_fec_blocks_total",
    "Blocks received over an NVLink by how many errors in them were corrected, 0 to 15.",
    (*DEVICE, "link", "errors"),
    kind=Kind.COUNTER,
)
C2C_LINKS = Family("gpu_c2c_links", "C2C links (chip to chip, as to a Grace CPU).", DEVICE)
C2C_UP = Family("gpu_c2c_link_up", "1 when a C2C link is active, else 0.", (*DEVICE, "link"))
C2C_SPEED = Family(
    "gpu_c2c_link_speed_bytes_per_second",
    "Highest speed of a C2C link, in bytes per second.",
    (*DEVICE, "link"),
)
C2C_ERRORS = Family(
    "gpu_c2c_link_errors_total",
    "Errors of a C2C link by type: interrupt, replay, replay_back_to_back.",
    (*DEVICE, "link", "type"),
    kind=Kind.COUNTER,
)
C2C_LOW_POWER = Family(
    "gpu_c2c_link_low_power", "1 when a C2C link saves power, else 0.", (*DEVICE, "link")
)
P2P_AVAILABLE = Family(
    "gpu_p2p_available",
    "1 when the device can reach a peer of its node directly, else 0, by capability: read, write, "
    "nvlink, atomics, pci.",
    (*DEVICE, "peer", "capability"),
)
VGPUS = Family("gpu_vgpus", "vGPUs that run on the device now, on a host of vGPUs.", DEVICE)
VGPU_UTILIZATION = Family(
    "gpu_vgpu_utilization_ratio",
    "Share of the last sampling period in which a vGPU used an engine of the device (sm, memory, "
    "encoder, decoder), from 0 to 1; vgpu is NVML's id of it.",
    (*DEVICE, "vgpu", "engine"),
)
VGPU_LICENSED = Family(
    "gpu_vgpu_licensed",
    "1 when a vGPU feature of the device is licensed, else 0: vgpu, rtx, gaming, compute, "
    "vgamedev, unknown, other.",
    (*DEVICE, "feature"),
)
VGPU_LICENSE_EXPIRY = Family(
    "gpu_vgpu_license_expiry_timestamp_seconds",
    "When a vGPU feature's licence ends, in Unix time; absent for one that does not.",
    (*DEVICE, "feature"),
)
