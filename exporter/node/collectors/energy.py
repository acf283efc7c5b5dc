"""How much energy a device has used."""

from collections.abc import Iterator

from exporter.catalogue import ENERGY, MODULE_ENERGY
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, single
from exporter.node.units import joules

_GPU, _MODULE = 0, 1
"""NVML_POWER_SCOPE_…."""


def collect(device: Device) -> Iterator[Reading]:
    """Yield the energy used since the driver was loaded; Volta and later."""
    asked = Gathering(device)
    own = asked.first((Fi.ENERGY, _GPU), ("TotalEnergyConsumption",))
    yield from single(ENERGY, joules(own))
    yield from single(MODULE_ENERGY, joules(asked.field(Fi.ENERGY, _MODULE)))
    asked.settle()


COLLECTOR = Collector(
    "energy",
    "energy used",
    (Part(Group.FAST, collect, keys(Fi.ENERGY, scopes=(_GPU, _MODULE))),),
)
