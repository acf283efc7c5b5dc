"""What common devices look like to NVML, and a device of such a model under load.

The figures are those of the vendor's data sheets; reserved memory is what drivers typically keep.
"""

from dataclasses import dataclass

from demo.nvml.scenario import Architecture, Brand, Device, Integral, Noise, Value, Wave

_GIB = 1024**3
_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Model:
    """One product: name as NVML gives it, memory in bytes, power in watts, clocks in megahertz."""

    name: str
    architecture: Architecture
    brand: Brand
    memory_total: int
    memory_reserved: int
    power_idle: float
    power_limit: float
    power_limit_min: float
    clock_sm: float
    clock_memory: float
    memory_sensor: bool = True


H200 = Model(
    name="NVIDIA H200",
    architecture=Architecture.HOPPER,
    brand=Brand.NVIDIA,
    memory_total=141 * 1000**3 // _MIB * _MIB,
    memory_reserved=600 * _MIB,
    power_idle=75,
    power_limit=700,
    power_limit_min=200,
    clock_sm=1980,
    clock_memory=3201,
)
H100 = Model(
    name="NVIDIA H100 80GB HBM3",
    architecture=Architecture.HOPPER,
    brand=Brand.NVIDIA,
    memory_total=81559 * _MIB,
    memory_reserved=551 * _MIB,
    power_idle=70,
    power_limit=700,
    power_limit_min=200,
    clock_sm=1980,
    clock_memory=2619,
)
A100 = Model(
    name="NVIDIA A100-SXM4-80GB",
    architecture=Architecture.AMPERE,
    brand=Brand.NVIDIA,
    memory_total=80 * _GIB,
    memory_reserved=600 * _MIB,
    power_idle=60,
    power_limit=400,
    power_limit_min=100,
    clock_sm=1410,
    clock_memory=1593,
)
V100 = Model(
    name="Tesla V100-SXM2-32GB",
    architecture=Architecture.VOLTA,
    brand=Brand.TESLA,
    memory_total=32 * _GIB,
    memory_reserved=400 * _MIB,
    power_idle=40,
    power_limit=300,
    power_limit_min=150,
    clock_sm=1530,
    clock_memory=877,
)
T4 = Model(
    name="Tesla T4",
    architecture=Architecture.TURING,
    brand=Brand.TESLA,
    memory_total=15360 * _MIB,
    memory_reserved=450 * _MIB,
    power_idle=10,
    power_limit=70,
    power_limit_min=60,
    clock_sm=1590,
    clock_memory=5001,
    memory_sensor=False,
)

MODELS = {model.name: model for model in (H200, H100, A100, V100, T4)}


def device(model: Model, uuid: str, minor: int, *, busy: float, period: float = 120) -> Device:
    """Return a device of *model* that is *busy* on average: all its quantities move together.

    Args:
        model: What it is.
        uuid: Its UUID, `GPU-…`.
        minor: Its minor number; also shifts its waves, so that neighbours differ.
        busy: Share of the time kernels run, 0 (idle) to 1.
        period: Seconds of one swing.
    """

    def swing(low: float, high: float) -> Value:
        """Move around *busy* between what the idle and the fully used device shows."""
        middle, reach = low + (high - low) * busy, (high - low) * min(busy, 1 - busy) / 2
        return Wave(middle - reach, middle + reach, period, minor * period / 7)

    return Device(
        uuid=uuid,
        name=model.name,
        serial=f"16{minor:011d}",
        pci_bus_id=f"00000000:{(minor + 1) * 8:02X}:00.0",
        vbios_version="96.00.74.00.1A",
        minor_number=minor,
        brand=model.brand,
        architecture=model.architecture,
        utilization=swing(0, 100),
        memory_copy_utilization=swing(0, 60),
        memory_total=model.memory_total,
        memory_used=round((model.memory_total - model.memory_reserved) * busy * 0.9),
        memory_reserved=model.memory_reserved,
        temperature=swing(30, 75),
        temperature_memory=swing(35, 85) if model.memory_sensor else None,
        power=swing(model.power_idle, model.power_limit),
        power_limit=model.power_limit,
        power_limit_default=model.power_limit,
        power_limit_min=model.power_limit_min,
        power_limit_max=model.power_limit,
        energy=Integral(1_000_000),
        clock_graphics=Noise(model.clock_sm * 0.9, model.clock_sm, 15, minor),
        clock_sm=Noise(model.clock_sm * 0.9, model.clock_sm, 15, minor),
        clock_memory=model.clock_memory,
        clock_video=model.clock_sm * 0.8,
        clock_max_graphics=model.clock_sm,
        clock_max_sm=model.clock_sm,
        clock_max_memory=model.clock_memory,
        clock_max_video=model.clock_sm * 0.8,
        performance_state=0,
        persistence_mode=1,
    )
