"""Fields about how a device is connected, and its vGPU licence. Names are without DCGM_FI_."""

from exporter.catalogue.dcgm.field import (
    Default,
    Field,
    Mask,
    States,
    Text,
    Unit,
    counter,
    gauge,
    label,
    read,
)

_ALWAYS = Default.ALWAYS
_LINKS = 18
_ERRORS = {
    "CRC_FLIT": ("NVLink flow-control CRC errors", "crc_flit"),
    "CRC_DATA": ("NVLink data CRC errors", "crc_data"),
    "REPLAY": ("NVLink retries", "replay"),
    "RECOVERY": ("NVLink recovery errors", "recovery"),
}
# Two bits a check, 1 true and 2 false, but for the configuration: four, of which 1 is right. What
# exactly is wrong with that, we do not tell.
_FABRIC_BITS: dict[str, tuple[int | None, int | None]] = {
    "degraded_bandwidth": (2 << 0, 1 << 0),
    "route_recovery": (2 << 2, 1 << 2),
    "route_unhealthy": (2 << 4, 1 << 4),
    "access_timeout": (2 << 6, 1 << 6),
    "incorrect_configuration": (1 << 8, None),
    "no_partition": (1 << 12, 2 << 12),
    "manager_disconnected": (1 << 14, 2 << 14),
    "limited_capacity": (0, 0),
}

_PCIE = (
    counter(
        "DEV_PCIE_REPLAY_COUNTER",
        "Total number of PCIe retries.",
        read("gpu_pcie_errors_total", error="replay"),
        new="DEV_PCIE_REPLAY_TOTAL",
        default=_ALWAYS,
    ),
    *(
        gauge(
            f"DEV_PCIE_{way}_THROUGHPUT",
            f"PCIe {way} throughput of a sample (in KB/s).",
            read("gpu_pcie_throughput_bytes_per_second", direction=way.lower()),
            Unit.KILOBYTES_PER_SECOND,
        )
        for way in ("TX", "RX")
    ),
    gauge("DEV_PCIE_LINK_GEN", "PCIe generation in use.", read("gpu_pcie_link_generation")),
    gauge("DEV_PCIE_LINK_WIDTH", "PCIe lanes in use.", read("gpu_pcie_link_width")),
    gauge(
        "DEV_PCIE_MAX_LINK_GEN", "Highest PCIe generation.", read("gpu_pcie_link_generation_max")
    ),
    gauge("DEV_PCIE_MAX_LINK_WIDTH", "Most PCIe lanes.", read("gpu_pcie_link_width_max")),
)
_NVLINK_ERRORS = tuple(
    counter(
        f"DEV_NVLINK_{what}_ERROR_COUNT_TOTAL",
        f"Total number of {told}.",
        read("gpu_nvlink_errors_total", type=kind),
        new=f"DEV_NVLINK_{what}_ERROR_TOTAL",
    )
    for what, (told, kind) in _ERRORS.items()
)
_NVLINK_ERRORS_BY_LINK = tuple(
    counter(
        f"DEV_NVLINK_{what}_ERROR_COUNT_L{link}",
        f"Number of {told} of link {link}.",
        read("gpu_nvlink_errors_total", link=str(link), type=kind),
        new=f"DEV_NVLINK_{what}_ERROR_L{link}_TOTAL",
    )
    for what, (told, kind) in _ERRORS.items()
    for link in range(_LINKS)
)
_NVLINK_BYTES = tuple(
    counter(
        f"DEV_NVLINK_COUNT_{way}_BYTES",
        f"Bytes of all NVLinks, {way}.",
        read("gpu_nvlink_bytes_total", direction=way.lower()),
        new=f"DEV_NVLINK_{way}_BYTES_TOTAL",
    )
    for way in ("TX", "RX")
)
_FABRIC = (
    gauge(
        "DEV_FABRIC_HEALTH_SUMMARY",
        "Health of the fabric: 1 healthy, 2 not.",
        States("gpu_fabric_healthy", {1: 1, 0: 2}),
    ),
    gauge(
        "DEV_FABRIC_HEALTH_MASK",
        "Health of the fabric, check by check (bitmask).",
        Mask("gpu_fabric_problem", "check", _FABRIC_BITS),
    ),
    label(
        "DEV_FABRIC_CLUSTER_UUID",
        "Cluster of the fabric",
        Text("gpu_fabric_info", "cluster_uuid"),
    ),
    label("DEV_FABRIC_CLIQUE_ID", "Clique of the fabric", Text("gpu_fabric_info", "clique_id")),
)
_VGPU = gauge(
    "DEV_VGPU_LICENSE_STATUS",
    "vGPU License status",
    read("gpu_vgpu_licensed"),
    default=_ALWAYS,
)

FIELDS: tuple[Field, ...] = (
    *_PCIE,
    *(*_NVLINK_ERRORS, *_NVLINK_ERRORS_BY_LINK, *_NVLINK_BYTES),
    *(*_FABRIC, _VGPU),
)
