"""A node of two H100 that never change, as scenarios begin with."""

from dataclasses import replace

from demo.nvml.scenario import Architecture, Brand, Device
from tests.support.nvml import value

FIRST = "GPU-00000000-0000-4000-8000-000000000000"
SECOND = "GPU-00000000-0000-4000-8000-000000000001"

STEADY = Device(
    uuid=FIRST,
    name="NVIDIA H100 80GB HBM3",
    serial="1654922006536",
    pci_bus_id="00000000:1A:00.0",
    vbios_version="96.00.74.00.1A",
    minor_number=0,
    brand=Brand.NVIDIA,
    architecture=Architecture.HOPPER,
    utilization=87,
    memory_copy_utilization=41,
    memory_total=85520809984,
    memory_used=60000000000,
    memory_reserved=577765376,
    temperature=54,
    temperature_memory=67,
    power=527.123,
    power_limit=650,
    power_limit_default=700,
    power_limit_min=200,
    power_limit_max=700,
    energy=123456.789,
    clock_graphics=1755,
    clock_sm=1755,
    clock_memory=2619,
    clock_video=1545,
    clock_max_graphics=1980,
    clock_max_sm=1980,
    clock_max_memory=2619,
    clock_max_video=1545,
)
OTHER = replace(STEADY, uuid=SECOND, minor_number=1, pci_bus_id="00000000:1B:00.0")


def up(page: str, uuid: str) -> float | None:
    """Return whether a device is up, as a page says."""
    return value(page, "gpu_up", uuid=uuid)


def both_up(page: str) -> bool:
    """Whether both devices are up."""
    return up(page, FIRST) == up(page, SECOND) == 1
