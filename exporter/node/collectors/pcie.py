"""How a device is connected over PCIe: how fast, how much, how badly."""

from collections.abc import Iterator, Mapping

from exporter.catalogue import (
    PCIE_BYTES,
    PCIE_ERRORS,
    PCIE_GENERATION,
    PCIE_GENERATION_MAX,
    PCIE_TRANSFERS,
    PCIE_WIDTH,
    PCIE_WIDTH_MAX,
    Family,
)
from exporter.node.asking import Device
from exporter.node.collector import Collector, Group, Part
from exporter.node.fields import Fi, keys
from exporter.node.gathering import Gathering
from exporter.node.reading import Reading, each, single
from exporter.node.units import octets, tally, transfers, within

_BYTES = {"tx": Fi.PCIE_COUNT_TX_BYTES, "rx": Fi.PCIE_COUNT_RX_BYTES}
_ERRORS = {
    "replay": Fi.PCIE_REPLAY_COUNTER,
    "replay_rollover": Fi.PCIE_REPLAY_ROLLOVER_COUNTER,
    "l0_to_recovery": Fi.PCIE_L0_TO_RECOVERY_COUNTER,
    "correctable": Fi.PCIE_COUNT_CORRECTABLE_ERRORS,
    "naks_received": Fi.PCIE_COUNT_NAKS_RECEIVED,
    "receiver": Fi.PCIE_COUNT_RECEIVER_ERROR,
    "bad_tlp": Fi.PCIE_COUNT_BAD_TLP,
    "naks_sent": Fi.PCIE_COUNT_NAKS_SENT,
    "bad_dllp": Fi.PCIE_COUNT_BAD_DLLP,
    "non_fatal": Fi.PCIE_COUNT_NON_FATAL_ERROR,
    "fatal": Fi.PCIE_COUNT_FATAL_ERROR,
    "unsupported_request": Fi.PCIE_COUNT_UNSUPPORTED_REQ,
    "lcrc": Fi.PCIE_COUNT_LCRC_ERROR,
    "lane": Fi.PCIE_COUNT_LANE_ERROR,
}
_CALLS = {"replay": [("PcieReplayCounter",)]}
"""What drivers without that field are asked."""
_LINK: Mapping[str, Family] = {
    "CurrPcieLinkGeneration": PCIE_GENERATION,
    "CurrPcieLinkWidth": PCIE_WIDTH,
}
_LINK_MAX: Mapping[str, Family] = {
    "MaxPcieLinkGeneration": PCIE_GENERATION_MAX,
    "MaxPcieLinkWidth": PCIE_WIDTH_MAX,
}


def traffic(device: Device) -> Iterator[Reading]:
    """Yield the bytes that went each way."""
    asked = Gathering(device)
    yield from each(PCIE_BYTES, {way: octets(asked.field(field)) for way, field in _BYTES.items()})
    asked.settle()


def collect(device: Device) -> Iterator[Reading]:
    """Yield the link as it is now, and its errors."""
    asked = Gathering(device)
    yield from _link(asked, _LINK)
    yield from single(PCIE_TRANSFERS, transfers(asked.ask("PcieSpeed")))
    yield from each(
        PCIE_ERRORS,
        {
            name: tally(asked.first((field, 0), *_CALLS.get(name, ())))
            for name, field in _ERRORS.items()
        },
    )
    asked.settle()


def highest(device: Device) -> Iterator[Reading]:
    """Yield the link as it could be."""
    asked = Gathering(device)
    yield from _link(asked, _LINK_MAX)
    asked.settle()


def _link(asked: Gathering, quantities: Mapping[str, Family]) -> Iterator[Reading]:
    """Yield numbers that are never zero on a link that works, nor large."""
    for function, family in quantities.items():
        yield from single(family, within(asked.ask(function), 1, 64))


COLLECTOR = Collector(
    "pcie",
    "PCIe link, its traffic and its errors",
    (
        Part(Group.FAST, traffic, keys(*_BYTES.values())),
        Part(Group.MEDIUM, collect, keys(*_ERRORS.values())),
        Part(Group.SLOW, highest),
    ),
)
