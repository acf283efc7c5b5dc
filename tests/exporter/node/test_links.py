"""Promises of the collectors of links: from what a device answers to exact readings."""

from types import SimpleNamespace

import pynvml
import pytest

from exporter import catalogue
from exporter.errors import DeviceError
from exporter.node.collectors import c2c, nvlink, nvlink_fec, p2p
from exporter.node.driver.device import NvmlDevice
from exporter.node.fields import MAX_NVLINKS, Fi
from exporter.node.reading import Reading
from tests.support.fake_driver import FakeDevice

COUNT = {(Fi.NVLINK_LINK_COUNT, 0): 2.0}


def test_nvlink_4() -> None:
    """Up to NVLink 4 traffic is counted in KiB, and links that are off have no traffic."""
    device = FakeDevice(
        "GPU-a",
        answers={("NvLinkState", 1): 0, ("NvLinkErrorCounter", 0, 1): 4},
        fields=COUNT
        | {
            (Fi.NVLINK_GET_STATE, 0): 1,
            (Fi.NVLINK_THROUGHPUT_DATA_TX, 0): 3,
            (Fi.NVLINK_THROUGHPUT_DATA_RX, 0): 0,
            (Fi.NVLINK_ERROR_DL_REPLAY, 0): 2,
        },
    )

    assert [
        Reading(catalogue.NVLINK_UP, 1, ("0",)),
        Reading(catalogue.NVLINK_BYTES, 3072, ("0", "tx")),
        Reading(catalogue.NVLINK_BYTES, 0, ("0", "rx")),
        Reading(catalogue.NVLINK_ERRORS, 2, ("0", "replay")),
        Reading(catalogue.NVLINK_ERRORS, 4, ("0", "recovery")),
        Reading(catalogue.NVLINK_UP, 0, ("1",)),
    ] == list(nvlink.collect(device))


def test_nvlink_5() -> None:
    """From NVLink 5 on traffic is counted in bytes; the coarser counters are not added to it."""
    fields = {
        (Fi.NVLINK_GET_STATE, 0): 1.0,
        (Fi.NVLINK_COUNT_XMIT_BYTES, 0): 5000.0,
        (Fi.NVLINK_THROUGHPUT_DATA_TX, 0): 4.0,
        (Fi.NVLINK_COUNT_MALFORMED_PACKET_ERRORS, 0): 1.0,
        (Fi.NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS, 0): 2.0,
        (Fi.NVLINK_COUNT_LINK_RECOVERY_EVENTS, 0): 3.0,
        (Fi.NVLINK_COUNT_SYMBOL_ERRORS, 0): 6.0,
        (Fi.NVLINK_COUNT_EFFECTIVE_ERRORS, 0): 7.0,
    }
    device = FakeDevice("GPU-a", answers={}, fields=fields | {(Fi.NVLINK_LINK_COUNT, 0): 1.0})

    assert [
        Reading(catalogue.NVLINK_UP, 1, ("0",)),
        Reading(catalogue.NVLINK_BYTES, 5000, ("0", "tx")),
        Reading(catalogue.NVLINK_ERRORS, 1, ("0", "malformed_packet")),
        Reading(catalogue.NVLINK_RECOVERIES, 2, ("0", "failed")),
        Reading(catalogue.NVLINK_SYMBOL_ERRORS, 6, ("0",)),
        Reading(catalogue.NVLINK_EFFECTIVE_ERRORS, 7, ("0",)),
    ] == list(nvlink.collect(device))


@pytest.mark.parametrize(("state", "up"), [(0, [0]), (1, [1]), (2, [1]), (3, [0]), (9, [])])
def test_states_of_a_link(state: int, up: list[int]) -> None:
    """A link that sleeps to save power is up; one that is closed to traffic is not."""
    fields = {(Fi.NVLINK_LINK_COUNT, 0): 1.0, (Fi.NVLINK_GET_STATE, 0): float(state)}
    device = FakeDevice("GPU-a", answers={}, fields=fields)

    assert up == [reading.value for reading in nvlink.collect(device)]


def test_a_busy_link() -> None:
    """The bytes of a link at full speed are told for years, not for days."""
    fields = {(Fi.NVLINK_LINK_COUNT, 0): 1.0, (Fi.NVLINK_COUNT_XMIT_BYTES, 0): 2.0**60}
    device = FakeDevice("GPU-a", answers={}, fields=fields)

    assert [2**60] == [reading.value for reading in nvlink.collect(device)]


def test_two_counters_of_a_link() -> None:
    """While the counter of a link fails, no other one stands in for it: it would leap."""

    class Failing(FakeDevice):
        def field(self, field: Fi, scope: int = 0) -> float | None:
            if field is Fi.NVLINK_COUNT_XMIT_BYTES:
                raise DeviceError("busy")
            return super().field(field, scope)

    fields = {(Fi.NVLINK_LINK_COUNT, 0): 1.0, (Fi.NVLINK_THROUGHPUT_DATA_TX, 0): 1.0}
    found: list[Reading] = []
    with pytest.raises(DeviceError, match="busy"):
        found.extend(nvlink.collect(Failing("GPU-a", answers={}, fields=fields)))

    assert [] == found


def test_links_of_other_drivers() -> None:
    """An old driver has one speed for all links; a version not known yet is told as such."""
    device = FakeDevice(
        "GPU-a",
        answers={("NvLinkVersion", 0): 9},
        fields={(Fi.NVLINK_LINK_COUNT, 0): 1.0, (Fi.NVLINK_SPEED_MBPS_COMMON, 0): 25781.0},
    )

    assert [
        Reading(catalogue.NVLINK_LINKS, 1),
        Reading(catalogue.NVLINK_INFO, 1, ("0", "other")),
        Reading(catalogue.NVLINK_SPEED, 25781e6, ("0",)),
    ] == list(nvlink.describe(device))


def test_what_nvlinks_are() -> None:
    """Links are counted and described; drivers that do not say how many there are, are tried."""
    device = FakeDevice(
        "GPU-a",
        answers={
            ("NvLinkState", 0): 1,
            ("NvLinkVersion", 0): 6,
            ("NvLinkErrorCounter", 0, 3): 9,
        },
        fields={(Fi.NVLINK_GET_SPEED, 0): 26562.0, (Fi.NVLINK_ERROR_DL_CRC, 0): 8.0},
    )

    assert [
        Reading(catalogue.NVLINK_LINKS, 1),
        Reading(catalogue.NVLINK_INFO, 1, ("0", "4.0")),
        Reading(catalogue.NVLINK_SPEED, 26562e6, ("0",)),
        Reading(catalogue.NVLINK_ERRORS, 8, ("0", "crc_flit")),
        Reading(catalogue.NVLINK_ERRORS, 9, ("0", "crc_data")),
    ] == list(nvlink.describe(device))


def test_without_nvlink() -> None:
    """A device without NVLink says nothing of it."""
    assert [] == [*nvlink.collect(FakeDevice("GPU-a")), *nvlink.describe(FakeDevice("GPU-a"))]


def test_fec() -> None:
    """Blocks are told of by how many errors were corrected in them."""
    device = FakeDevice(
        "GPU-a",
        fields={
            (Fi.NVLINK_COUNT_FEC_HISTORY_0, 1): 100.0,
            (Fi.NVLINK_COUNT_FEC_HISTORY_15, 1): 2.0,
        },
    )

    assert [
        Reading(catalogue.NVLINK_FEC_BLOCKS, 100, ("1", "0")),
        Reading(catalogue.NVLINK_FEC_BLOCKS, 2, ("1", "15")),
    ] == list(nvlink_fec.collect(device))


def test_c2c() -> None:
    """Links to the CPU are told of one by one."""
    device = FakeDevice(
        "GPU-a",
        fields={
            (Fi.C2C_LINK_COUNT, 0): 1,
            (Fi.C2C_LINK_GET_STATUS, 0): 1,
            (Fi.C2C_LINK_GET_MAX_BW, 0): 44712,
            (Fi.C2C_LINK_ERROR_REPLAY, 0): 3,
            (Fi.C2C_LINK_POWER_STATE, 0): 0,
        },
    )

    assert [
        Reading(catalogue.C2C_LINKS, 1),
        Reading(catalogue.C2C_UP, 1, ("0",)),
        Reading(catalogue.C2C_SPEED, 44712e6, ("0",)),
        Reading(catalogue.C2C_ERRORS, 3, ("0", "replay")),
        Reading(catalogue.C2C_LOW_POWER, 0, ("0",)),
    ] == list(c2c.collect(device))


def test_peers() -> None:
    """Every other device is reached directly or not, by capability; it is not asked by default."""
    device = FakeDevice("GPU-a", answers={("P2PStatuses", 2): {"GPU-b": 0, "GPU-c": 5, "GPU-d": 6}})

    assert [
        Reading(catalogue.P2P_AVAILABLE, 1, ("GPU-b", "nvlink")),
        Reading(catalogue.P2P_AVAILABLE, 0, ("GPU-c", "nvlink")),
    ] == list(p2p.collect(device))
    assert not p2p.COLLECTOR.default


def _answer(value: float, code: int = 0) -> SimpleNamespace:
    return SimpleNamespace(
        nvmlReturn=code, latencyUsec=0, valueType=0, value=SimpleNamespace(dVal=value)
    )


def test_mixed_answers_of_fields() -> None:
    """Of hundreds of fields each is judged alone, and those not supported are asked once."""
    asked: list[int] = []
    codes = {0: 0, 1: pynvml.NVML_ERROR_UNKNOWN}

    def fields(_: object, keys: list[tuple[Fi, int]]) -> list[SimpleNamespace]:
        asked.append(len(keys))
        return [
            _answer(2)
            if field is Fi.NVLINK_LINK_COUNT
            else _answer(1, codes.get(link, 2) if field is Fi.NVLINK_GET_STATE else 3)
            for field, link in keys
        ]

    nvml = SimpleNamespace(NVMLError=pynvml.NVMLError, nvmlDeviceGetFieldValues=fields)
    device = NvmlDevice(nvml, object(), "GPU-a", 0)
    part = nvlink.COLLECTOR.parts[0]
    for _ in range(2):
        found: list[Reading] = []
        device.fetch(part.fields)
        with pytest.raises(DeviceError, match="NVLINK_GET_STATE 1: unknown"):
            found.extend(part.collect(device))

        assert [Reading(catalogue.NVLINK_UP, 1, ("0",))] == found
    assert [len(part.fields), 3] == asked
    assert len(part.fields) > 10 * MAX_NVLINKS


def test_a_driver_that_refuses_all_for_one() -> None:
    """A field for which the driver refuses the whole call is found once, and costs no other."""
    asked: list[int] = []
    strange = (Fi.NVLINK_GET_STATE, 1)

    def fields(_: object, keys: list[tuple[Fi, int]]) -> list[SimpleNamespace]:
        asked.append(len(keys))
        if strange in keys:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        return [_answer(1, 0 if field is Fi.NVLINK_GET_STATE else 3) for field, _ in keys]

    nvml = SimpleNamespace(NVMLError=pynvml.NVMLError, nvmlDeviceGetFieldValues=fields)
    device = NvmlDevice(nvml, object(), "GPU-a", 0)
    wanted = [(Fi.NVLINK_GET_STATE, link) for link in range(4)]
    for _ in range(2):
        device.fetch(wanted)

        assert [1, None, 1, 1] == [device.field(*key) for key in wanted]
    assert [4, 2, 1, 1, 2, 3] == asked


def test_a_field_refused_alone() -> None:
    """That a driver refuses a field asked for by itself says nothing of the others."""

    def fields(_: object, keys: list[tuple[Fi, int]]) -> list[SimpleNamespace]:
        if keys == [(Fi.MEMORY_TEMP, 0)]:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return [_answer(1) for _ in keys]

    nvml = SimpleNamespace(NVMLError=pynvml.NVMLError, nvmlDeviceGetFieldValues=fields)
    device = NvmlDevice(nvml, object(), "GPU-a", 0)

    assert [None, 1] == [device.field(Fi.MEMORY_TEMP), device.field(Fi.ENERGY)]
