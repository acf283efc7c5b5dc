"""Promises of the collectors of a device's state: who it is, what it does, how it is connected."""

from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from exporter import catalogue
from exporter.errors import DeviceError
from exporter.node.collector import Collector
from exporter.node.collectors import enabled
from exporter.node.driver.device import NvmlDevice
from exporter.node.fields import Fi
from tests.support.any_driver import TEXT, answering
from tests.support.collector_cases import Case, readings, told, unannounced
from tests.support.fake_driver import FakeDevice

STATE = enabled(
    [
        *("identity", "utilization", "codecs", "memory", "bar1", "temperature", "fans"),
        *("power", "energy", "clocks", "clock_events", "modes", "pcie", "pcie_throughput"),
    ]
)

CASES = {
    "codecs": Case(
        "codecs",
        [
            told(catalogue.ENCODER_UTILIZATION, 0.25),
            told(catalogue.DECODER_UTILIZATION, 0.5),
            told(catalogue.JPEG_UTILIZATION, 0),
            told(catalogue.OFA_UTILIZATION, 1),
            told(catalogue.ENCODER_SESSIONS, 3),
            told(catalogue.ENCODER_FRAMES, 60),
            told(catalogue.ENCODER_LATENCY, 0.0015),
        ],
        {
            "EncoderUtilization": [25, 167_000],
            "DecoderUtilization": [50, 167_000],
            "JpgUtilization": [0, 167_000],
            "OfaUtilization": [100, 167_000],
            "EncoderStats": (3, 60, 1500),
        },
    ),
    "memory that tells what is reserved": Case(
        "memory",
        [
            told(catalogue.MEMORY_TOTAL, 100),
            told(catalogue.MEMORY_USED, 50),
            told(catalogue.MEMORY_FREE, 40),
            told(catalogue.MEMORY_RESERVED, 10),
        ],
        {
            "MemoryInfo_v2": SimpleNamespace(total=100, used=50, free=40, reserved=10),
            "MemoryInfo": SimpleNamespace(total=100, used=60, free=40),
        },
    ),
    "bar1": Case(
        "bar1",
        [
            told(catalogue.BAR1_TOTAL, 100),
            told(catalogue.BAR1_USED, 30),
            told(catalogue.BAR1_FREE, 70),
        ],
        {"BAR1MemoryInfo": SimpleNamespace(bar1Total=100, bar1Used=30, bar1Free=70)},
    ),
    "modes": Case(
        "modes",
        [
            told(catalogue.PERFORMANCE_STATE, 8),
            told(catalogue.PERSISTENCE_MODE, 1),
            told(catalogue.DISPLAY_ACTIVE, 0),
            told(catalogue.COMPUTE_MODE, 0, "default"),
            told(catalogue.COMPUTE_MODE, 0, "exclusive_thread"),
            told(catalogue.COMPUTE_MODE, 0, "prohibited"),
            told(catalogue.COMPUTE_MODE, 1, "exclusive_process"),
            told(catalogue.COMPUTE_MODE, 0, "other"),
        ],
        {"PerformanceState": 8, "PersistenceMode": 1, "DisplayActive": 0, "ComputeMode": 3},
    ),
    "a performance state that is not known": Case("modes", [], {"PerformanceState": 32}),
    "pcie": Case(
        "pcie",
        [
            told(catalogue.PCIE_BYTES, 1000, "tx"),
            told(catalogue.PCIE_BYTES, 2000, "rx"),
            told(catalogue.PCIE_GENERATION, 1),
            told(catalogue.PCIE_WIDTH, 16),
            told(catalogue.PCIE_TRANSFERS, 2.5e9),
            told(catalogue.PCIE_ERRORS, 5, "replay"),
            told(catalogue.PCIE_ERRORS, 0, "fatal"),
            told(catalogue.PCIE_GENERATION_MAX, 5),
            told(catalogue.PCIE_WIDTH_MAX, 16),
        ],
        {
            "CurrPcieLinkGeneration": 1,
            "CurrPcieLinkWidth": 16,
            "MaxPcieLinkGeneration": 5,
            "MaxPcieLinkWidth": 16,
            "PcieSpeed": 2500,
            "PcieReplayCounter": 4,
        },
        {
            Fi.PCIE_COUNT_TX_BYTES: 1000,
            Fi.PCIE_COUNT_RX_BYTES: 2000,
            Fi.PCIE_REPLAY_COUNTER: 5,
            Fi.PCIE_COUNT_FATAL_ERROR: 0,
        },
    ),
    "pcie of an old driver": Case(
        "pcie", [told(catalogue.PCIE_ERRORS, 4, "replay")], {"PcieReplayCounter": 4}
    ),
    "pcie_throughput": Case(
        "pcie_throughput",
        [told(catalogue.PCIE_THROUGHPUT, 1000, "tx"), told(catalogue.PCIE_THROUGHPUT, 5e9, "rx")],
        {("PcieThroughput", 0): 1, ("PcieThroughput", 1): 5_000_000},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_a_device_tells(case: Case) -> None:
    """What a device tells is published in base units, and what it does not tell is not."""
    assert case.expected == case.readings()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fields_come_in_one_call(case: Case) -> None:
    """A collector asks for exactly the fields it announces, so that one call brings them all."""
    assert set() == unannounced(case)


@pytest.mark.parametrize("collector", STATE, ids=lambda collector: str(collector.name))
def test_a_device_that_tells_nothing(collector: Collector) -> None:
    """What no device or driver tells is published as nothing; only that it is there is."""
    found = readings(collector.name, FakeDevice("GPU-a", answers={}))

    assert [] == [reading for reading in found if reading.family is not catalogue.DEVICE_INFO]


def test_identity() -> None:
    """Firmware and board stand apart from the labels that other series are joined with."""
    answers: dict[object, object] = {
        "Name": "NVIDIA H100 80GB HBM3",
        "InforomImageVersion": "G520.0200.00.05",
        ("InforomVersion", 0): "2.1",
        ("InforomVersion", 1): "7.16",
        "GspFirmwareVersion": "570.124.06",
        "BoardPartNumber": "692-2G520-0200-000",
        "ModuleId": 2,
        "NumaNodeId": -1,
        "CudaComputeCapability": (9, 0),
    }

    assert [
        told(catalogue.DEVICE_INFO, 1, "NVIDIA H100 80GB HBM3", "", "", "", "", "", ""),
        told(catalogue.FIRMWARE_INFO, 1, "G520.0200.00.05", "2.1", "7.16", "", "570.124.06"),
        told(catalogue.BOARD_INFO, 1, "692-2G520-0200-000", "2", "", "9.0"),
    ] == readings("identity", FakeDevice("GPU-a", answers=answers))


def test_a_corrupted_inforom() -> None:
    """What cannot be read of a device's firmware costs no other label."""

    class Corrupted(FakeDevice):
        def ask(self, function: str, *arguments: object) -> Any:
            if function in {"InforomImageVersion", "Serial"}:
                raise DeviceError("corrupted InfoROM")
            return super().ask(function, *arguments)

    device = Corrupted("GPU-a", answers={"Name": "Fake", "GspFirmwareVersion": "570"})

    assert [
        told(catalogue.DEVICE_INFO, 1, "Fake", "", "", "", "", "", ""),
        told(catalogue.FIRMWARE_INFO, 1, "", "", "", "", "570"),
    ] == readings("identity", device)


def test_all_bits_set() -> None:
    """All bits set is how drivers say that they do not know: no number is made of it.

    But for a margin, which is signed: there it is -1.
    """
    with answering(2**64 - 1, pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG):
        device = NvmlDevice(pynvml, pynvml.c_nvmlDevice_t(), "GPU-a", 0)
        parts = [part for collector in STATE for part in collector.parts]
        found = [reading for part in parts for reading in part.collect(device)]

    assert [
        told(catalogue.DEVICE_INFO, 1, TEXT, "", "unknown", TEXT, "", "", TEXT),
        told(catalogue.FIRMWARE_INFO, 1, *[TEXT] * 5),
        told(catalogue.BOARD_INFO, 1, TEXT, "", "", ""),
        told(catalogue.TEMPERATURE_MARGIN, -1),
    ] == found


def test_what_blocks_is_off() -> None:
    """What makes a device wait runs only for those who ask for it."""
    assert ["pcie_throughput"] == [each.name for each in STATE if not each.default]
