"""Promises of all collectors, whatever a driver answers: through the real nvidia-ml-py."""

import math

import pynvml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.catalogue import Family
from exporter.errors import DeviceError
from exporter.node.asking import Device
from exporter.node.collectors import COLLECTORS
from exporter.node.driver.device import NvmlDevice
from exporter.node.fields import Fi
from exporter.node.reading import Reading
from tests.support.any_driver import TEXT, answering
from tests.support.fake_driver import FakeDevice
from tests.support.whole import some

RANGES = {
    "_fan_speed_ratio": (0, 4),
    "_ratio": (0, 1),
    "_margin_celsius": (-200, 200),
    "_margin_threshold_celsius": (-200, 200),
    "_celsius": (0, 200),
    "_watts": (0, 100_000),
    "_hertz": (0, 1e11),
    "_info": (1, 1),
    "_enabled": (0, 1),
    "_active": (0, 1),
    "_mode": (0, 1),
    "_joules_total": (0, 1e13),
    "_seconds_total": (0, 1e9),
    "_latency_seconds": (0, 3600),
    "_per_second": (0, 1e15),
    "_bytes": (0, 2**50),
    "_rpm": (0, 1e5),
    "_performance_state": (0, 15),
    "_generation": (1, 64),
    "_width": (1, 64),
    "": (0, 2**53),
}
"""What a family's values lie between, by how its name ends; the first that fits."""

answers = st.one_of(
    st.integers(0, 200),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.sampled_from([2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**63 - 14, 2**63, 2**64 - 1]),
)


def _range(family: Family) -> tuple[float, float]:
    return next(limits for end, limits in RANGES.items() if family.name.endswith(end))


def _all_readings(device: Device) -> list[Reading]:
    """Return everything of which the collectors do not say that it failed."""
    readings = []
    for part in (part for collector in COLLECTORS for part in collector.parts):
        try:
            device.fetch(part.fields)
            for reading in part.collect(device):
                readings.append(reading)  # noqa: PERF402 - what came before a failure is kept
        except DeviceError:
            continue
    return readings


@settings(max_examples=some(20, 50))
@given(answers, st.integers(0, pynvml.NVML_VALUE_TYPE_COUNT))
def test_no_value_is_absurd(number: int, value_type: int) -> None:
    """Whatever number a driver answers to everything, no value leaves the range of its unit."""
    with answering(number, value_type):
        readings = _all_readings(NvmlDevice(pynvml, pynvml.c_nvmlDevice_t(), "GPU-a", 0))

    for reading in readings:
        low, high = _range(reading.family)
        assert low <= reading.value <= high, reading
        assert len(reading.family.labels) == 3 + len(reading.labels)


def test_texts() -> None:
    """Every text a driver answers stands in a label as it is."""
    with answering(0, 0):
        readings = _all_readings(NvmlDevice(pynvml, pynvml.c_nvmlDevice_t(), "GPU-a", 0))
    texts = [label for reading in readings for label in reading.labels if TEXT in label]

    assert {TEXT} == set(texts)


def test_every_question_is_one_of_nvml() -> None:
    """What collectors ask has a function of nvidia-ml-py's, whichever way their questions go."""
    nobody = FakeDevice("GPU-a", answers={})
    _all_readings(nobody)
    with answering(1, pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG):
        device = NvmlDevice(pynvml, pynvml.c_nvmlDevice_t(), "GPU-a", 0)
        for function, *arguments in (question.split() for question in nobody.missed()):
            device.ask(function, *map(int, arguments))
        _all_readings(device)

    assert () == tuple(device.missed())


def test_every_field_is_one_of_nvml() -> None:
    """A field has nvidia-ml-py's name and number."""
    assert {field.name: field.value for field in Fi} == {
        field.name: getattr(pynvml, f"NVML_FI_DEV_{field.name}", None) for field in Fi
    }


def test_nothing_is_not_a_number() -> None:
    """A field whose bits are no number is no sample."""
    with answering(0x7FF8_0000_0000_0000, pynvml.NVML_VALUE_TYPE_DOUBLE):
        readings = _all_readings(NvmlDevice(pynvml, pynvml.c_nvmlDevice_t(), "GPU-a", 0))

    assert not any(math.isnan(reading.value) for reading in readings)
