"""Common products, as NVML tells of them.

The figures are those of the vendor's data sheets; reserved memory is what drivers typically keep.
"""

from dataclasses import dataclass

from demo.nvml.scenario import Architecture, Brand

_GIB = 1024**3
_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Model:
    """One product: memory in bytes, power in watts, clocks in megahertz.

    Args:
        name: As NVML gives it.
        compute_capability: CUDA's, as in 9.0.
        bus_width: Of the memory, in bits.
        pcie: Generation of its link to the host.
        memory_sensor: Whether the temperature of the memory is known.
        banks: Banks of its memory that can have rows remapped.
        links: NVLinks; `link_speed` is one's, in MB/s.
    """

    name: str
    architecture: Architecture
    brand: Brand
    compute_capability: str
    cores: int
    bus_width: int
    memory_total: int
    memory_reserved: int
    power_idle: float
    power_limit: float
    power_limit_min: float
    clock_sm: float
    clock_memory: float
    pcie: int
    memory_sensor: bool = True
    banks: int = 0
    links: int = 0
    link_speed: int = 0


H200 = Model(
    name="NVIDIA H200",
    architecture=Architecture.HOPPER,
    brand=Brand.NVIDIA,
    compute_capability="9.0",
    cores=16896,
    bus_width=6144,
    memory_total=141 * 1000**3 // _MIB * _MIB,
    memory_reserved=600 * _MIB,
    power_idle=75,
    power_limit=700,
    power_limit_min=200,
    clock_sm=1980,
    clock_memory=3201,
    pcie=5,
    banks=3072,
    links=18,
    link_speed=26562,
)
H100 = Model(
    name="NVIDIA H100 80GB HBM3",
    architecture=Architecture.HOPPER,
    brand=Brand.NVIDIA,
    compute_capability="9.0",
    cores=16896,
    bus_width=5120,
    memory_total=81559 * _MIB,
    memory_reserved=551 * _MIB,
    power_idle=70,
    power_limit=700,
    power_limit_min=200,
    clock_sm=1980,
    clock_memory=2619,
    pcie=5,
    banks=2560,
    links=18,
    link_speed=26562,
)
B200 = Model(
    name="NVIDIA B200",
    architecture=Architecture.BLACKWELL,
    brand=Brand.NVIDIA,
    compute_capability="10.0",
    cores=18944,
    bus_width=8192,
    memory_total=183359 * _MIB,
    memory_reserved=700 * _MIB,
    power_idle=140,
    power_limit=1000,
    power_limit_min=200,
    clock_sm=1965,
    clock_memory=3996,
    pcie=5,
    banks=4096,
    links=18,
    link_speed=53125,
)
A100 = Model(
    name="NVIDIA A100-SXM4-80GB",
    architecture=Architecture.AMPERE,
    brand=Brand.NVIDIA,
    compute_capability="8.0",
    cores=6912,
    bus_width=5120,
    memory_total=80 * _GIB,
    memory_reserved=600 * _MIB,
    power_idle=60,
    power_limit=400,
    power_limit_min=100,
    clock_sm=1410,
    clock_memory=1593,
    pcie=4,
    banks=640,
    links=12,
    link_speed=25781,
)
L40S = Model(
    name="NVIDIA L40S",
    architecture=Architecture.ADA,
    brand=Brand.NVIDIA,
    compute_capability="8.9",
    cores=18176,
    bus_width=384,
    memory_total=46068 * _MIB,
    memory_reserved=600 * _MIB,
    power_idle=35,
    power_limit=350,
    power_limit_min=100,
    clock_sm=2520,
    clock_memory=9001,
    pcie=4,
    memory_sensor=False,
    banks=192,
)
V100 = Model(
    name="Tesla V100-SXM2-32GB",
    architecture=Architecture.VOLTA,
    brand=Brand.TESLA,
    compute_capability="7.0",
    cores=5120,
    bus_width=4096,
    memory_total=32 * _GIB,
    memory_reserved=400 * _MIB,
    power_idle=40,
    power_limit=300,
    power_limit_min=150,
    clock_sm=1530,
    clock_memory=877,
    pcie=3,
    links=6,
    link_speed=25781,
)
T4 = Model(
    name="Tesla T4",
    architecture=Architecture.TURING,
    brand=Brand.TESLA,
    compute_capability="7.5",
    cores=2560,
    bus_width=256,
    memory_total=15360 * _MIB,
    memory_reserved=450 * _MIB,
    power_idle=10,
    power_limit=70,
    power_limit_min=60,
    clock_sm=1590,
    clock_memory=5001,
    pcie=3,
    memory_sensor=False,
)

MODELS = {model.name: model for model in (H200, H100, B200, A100, L40S, V100, T4)}
