"""Fields of DCGM's profiling, which NVML tells by GPM, and rates. Names are without DCGM_FI_."""

from dataclasses import replace

from exporter.catalogue.dcgm.field import Default, Field, Rate, Type, Unit, counter, gauge, read

_ALWAYS = Default.ALWAYS

_ENGINE = gauge(
    "PROF_GR_ENGINE_ACTIVE",
    "Ratio of time the graphics engine is active.",
    read("gpu_graphics_active_ratio"),
    new="PROF_GR_ENGINE_UTIL_RATIO",
    default=_ALWAYS,
)
_MULTIPROCESSORS = (
    gauge(
        "PROF_SM_ACTIVE",
        "The ratio of cycles an SM has at least 1 warp assigned.",
        read("gpu_sm_active_ratio"),
        new="PROF_SM_UTIL_RATIO",
    ),
    gauge(
        "PROF_SM_OCCUPANCY",
        "The ratio of number of warps resident on an SM.",
        read("gpu_sm_occupancy_ratio"),
        new="PROF_SM_OCCUPANCY_RATIO",
    ),
)
_TENSOR = (
    gauge(
        "PROF_PIPE_TENSOR_ACTIVE",
        "Ratio of cycles the tensor (HMMA) pipe is active.",
        read("gpu_tensor_active_ratio"),
        new="PROF_TENSOR_UTIL_RATIO",
        default=_ALWAYS,
    ),
    *(
        gauge(
            f"PROF_PIPE_TENSOR_{pipe}_ACTIVE",
            f"Ratio of cycles the tensor ({pipe}) pipe is active.",
            read("gpu_tensor_pipe_active_ratio", pipe=pipe.lower()),
            new=f"PROF_{pipe}_UTIL_RATIO",
        )
        for pipe in ("IMMA", "HMMA", "DFMA")
    ),
)
_DRAM = gauge(
    "PROF_DRAM_ACTIVE",
    "Ratio of cycles the device memory interface is active sending or receiving data.",
    read("gpu_dram_active_ratio"),
    new="PROF_DRAM_UTIL_RATIO",
    default=_ALWAYS,
)
_PIPES = tuple(
    gauge(
        f"PROF_PIPE_{pipe}_ACTIVE",
        f"Ratio of cycles the {told} pipes are active.",
        read(f"gpu_{ours}_active_ratio"),
        new=f"PROF_{pipe}_UTIL_RATIO",
    )
    for pipe, told, ours in (
        ("FP64", "fp64", "fp64"),
        ("FP32", "fp32", "fp32"),
        ("FP16", "fp16", "fp16"),
        ("INT", "integer", "integer"),
    )
)
_PCIE = tuple(
    gauge(
        f"PROF_PCIE_{way}_BYTES",
        f"The rate of data {what} over the PCIe bus - including both protocol headers and data "
        "payloads - in bytes per second.",
        read("gpu_profiling_pcie_bytes_per_second", direction=way.lower()),
        default=_ALWAYS,
    )
    for way, what in (("TX", "transmitted"), ("RX", "received"))
)
_NVLINK_RATE = Rate("gpu_profiling_nvlink_bytes_per_second", "gpu_nvlink_bytes_total")
_NVLINK = (
    *(
        gauge(
            f"PROF_NVLINK_{way}_BYTES",
            f"The rate of data {what} over all NVLinks in bytes per second.",
            read("gpu_profiling_nvlink_bytes_per_second", direction=way.lower()),
        )
        for way, what in (("TX", "transmitted"), ("RX", "received"))
    ),
    # Rates in spite of their names; the first is a counter in dcgm-exporter's own file.
    replace(
        counter(
            "DEV_NVLINK_BANDWIDTH_TOTAL",
            "Total number of NVLink bandwidth counters for all lanes.",
            _NVLINK_RATE,
            Unit.MEGABYTES_PER_SECOND,
            new="DEV_NVLINK_THROUGHPUT_BYTES_PER_SECOND",
            default=_ALWAYS,
        ),
        new_type=Type.GAUGE,
    ),
    gauge(
        "DEV_NVLINK_THROUGHPUT_TOTAL",
        "Throughput of all NVLinks (in MB/s).",
        _NVLINK_RATE,
        Unit.MEGABYTES_PER_SECOND,
    ),
)

FIELDS: tuple[Field, ...] = (
    *(_ENGINE, *_MULTIPROCESSORS, *_TENSOR),
    *(_DRAM, *_PIPES, *_PCIE, *_NVLINK),
)
