"""How a device is used, by its own performance monitors (GPM)."""

from exporter.catalogue.family import DEVICE, INSTANCE, Family

_SINCE = "on average since the reading before, from 0 to 1."


def _both(name: str, of_what: str) -> tuple[Family, Family]:
    """Return the family of the device and that of its MIG GPU instances."""
    return (
        Family(f"gpu_{name}", f"{of_what}, on the whole device, {_SINCE}", DEVICE),
        Family(f"gpu_instance_{name}", f"{of_what}, on the MIG GPU instance, {_SINCE}", INSTANCE),
    )


def _pipe(name: str, of_what: str) -> tuple[Family, Family]:
    """Return the like with a label that tells the pipe."""
    of_device, of_instance = _both(name, of_what)
    return (
        Family(of_device.name, of_device.help, (*DEVICE, "pipe")),
        Family(of_instance.name, of_instance.help, (*INSTANCE, "pipe")),
    )


GRAPHICS_ACTIVE, INSTANCE_GRAPHICS_ACTIVE = _both(
    "graphics_active_ratio",
    "Share of time in which a graphics or compute engine was in use",
)
SM_ACTIVE, INSTANCE_SM_ACTIVE = _both(
    "sm_active_ratio",
    "Share of the multiprocessors (SM) that had work",
)
SM_OCCUPANCY, INSTANCE_SM_OCCUPANCY = _both(
    "sm_occupancy_ratio",
    "Share of the warps that the multiprocessors can hold that were resident",
)
INTEGER_ACTIVE, INSTANCE_INTEGER_ACTIVE = _both(
    "integer_active_ratio",
    "Share of time in which the integer pipes were in use",
)
TENSOR_ACTIVE, INSTANCE_TENSOR_ACTIVE = _both(
    "tensor_active_ratio",
    "Share of time in which the tensor cores were in use",
)
TENSOR_PIPE_ACTIVE, INSTANCE_TENSOR_PIPE_ACTIVE = _pipe(
    "tensor_pipe_active_ratio",
    "Share of time in which a kind of tensor operation (dfma, hmma, dmma, imma) ran",
)
DRAM_ACTIVE, INSTANCE_DRAM_ACTIVE = _both(
    "dram_active_ratio",
    "Share of the memory bandwidth that was in use",
)
FP64_ACTIVE, INSTANCE_FP64_ACTIVE = _both(
    "fp64_active_ratio",
    "Share of time in which the FP64 pipes, not tensor cores, were in use",
)
FP32_ACTIVE, INSTANCE_FP32_ACTIVE = _both(
    "fp32_active_ratio",
    "Share of time in which the FP32 pipes, not tensor cores, were in use",
)
FP16_ACTIVE, INSTANCE_FP16_ACTIVE = _both(
    "fp16_active_ratio",
    "Share of time in which the FP16 pipes, not tensor cores, were in use",
)
PROFILED_PCIE = Family(
    "gpu_profiling_pcie_bytes_per_second",
    "Bytes per second that the device sent (tx) or received (rx) over PCIe, headers included, "
    "on average since the reading before.",
    (*DEVICE, "direction"),
)
PROFILED_NVLINK = Family(
    "gpu_profiling_nvlink_bytes_per_second",
    "Bytes per second that the device sent (tx) or received (rx) over all NVLinks, on average "
    "since the reading before.",
    (*DEVICE, "direction"),
)
