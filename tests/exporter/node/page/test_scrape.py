"""Promises of the page of the node role: what its text is, and when that is written."""

import re
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.catalogue import (
    CATALOGUE,
    DEVICES,
    POWER,
    TEMPERATURE,
    UTILIZATION,
    Family,
)
from exporter.exposition import line
from exporter.node.holding import Held, Holder
from exporter.node.page.scrape import Foreign, render
from exporter.node.reading import Reading, Sample
from exporter.node.snapshot import DeviceView, Snapshot
from exporter.node.writing import Pen
from tests.support.fake_driver import VERSIONS
from tests.support.nvml import names, value

OTHER = Family("DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", ("gpu",))


def _view(uuid: str, index: int, *readings: Reading, node: str = "n") -> DeviceView:
    lines = Pen().write((uuid, str(index), node), readings)
    return DeviceView(uuid, index, up=True, readings=readings, lines=(lines,))


def _text(snapshot: Snapshot) -> str:
    """Return the page without what the exporter says of itself."""
    return re.sub(r"(?m)^(# \w+ )?gpu_exporter_.*\n", "", render(snapshot).body.decode())


class _Dcgm:
    def reload(self) -> None:
        """Read nothing."""

    def samples(self, snapshot: Snapshot) -> Iterable[Sample]:
        yield from ((OTHER, (str(device.index),), 7) for device in snapshot.devices)
        assert snapshot.versions is not None


def test_exact_text() -> None:
    """A page is its families in the catalogue's order, each with one header, devices by index."""
    snapshot = Snapshot(
        "n",
        VERSIONS,
        2,
        (
            _view("GPU-a", 0, Reading(POWER, 100.5), Reading(UTILIZATION, 0.5)),
            _view("GPU-b", 1, Reading(TEMPERATURE, 40, ("gpu",)), Reading(UTILIZATION, 1.0)),
        ),
    )

    assert (
        "# HELP gpu_driver_info Versions of the driver, of NVML and of the newest CUDA it supports;"
        " always 1.\n"
        "# TYPE gpu_driver_info gauge\n"
        'gpu_driver_info{node="n",driver_version="570.124.06",nvml_version="12.570.124.06",'
        'cuda_version="12.8"} 1\n'
        "# HELP gpu_devices Devices the driver enumerates on this node.\n"
        "# TYPE gpu_devices gauge\n"
        'gpu_devices{node="n"} 2\n'
        "# HELP gpu_up 1 when the device answered in the last collection, 0 when it is lost, stuck"
        " or needs a reset.\n"
        "# TYPE gpu_up gauge\n"
        'gpu_up{uuid="GPU-a",gpu="0",node="n"} 1\n'
        'gpu_up{uuid="GPU-b",gpu="1",node="n"} 1\n'
        "# HELP gpu_utilization_ratio Share of the last sampling period in which at least one"
        " kernel ran, from 0 to 1.\n"
        "# TYPE gpu_utilization_ratio gauge\n"
        'gpu_utilization_ratio{uuid="GPU-a",gpu="0",node="n"} 0.5\n'
        'gpu_utilization_ratio{uuid="GPU-b",gpu="1",node="n"} 1\n'
        "# HELP gpu_temperature_celsius Temperature of a sensor (gpu or memory), in degrees"
        " Celsius.\n"
        "# TYPE gpu_temperature_celsius gauge\n"
        'gpu_temperature_celsius{uuid="GPU-b",gpu="1",node="n",sensor="gpu"} 40\n'
        "# HELP gpu_power_watts Power drawn by the device, in watts: averaged over a second on"
        " newer devices.\n"
        "# TYPE gpu_power_watts gauge\n"
        'gpu_power_watts{uuid="GPU-a",gpu="0",node="n"} 100.5\n'
    ) == _text(snapshot)


@given(
    st.sampled_from([family for family in CATALOGUE if family.labels[:1] == ("uuid",)]),
    st.text(max_size=8),
    st.data(),
    st.floats(),
)
def test_a_reading_is_written_as_any_sample(
    family: Family, node: str, data: st.DataObject, value: float
) -> None:
    """Whatever labels and value a reading has, it becomes the line that a sample would become."""
    own = tuple(data.draw(st.text(max_size=8)) for _ in family.labels[3:])
    pen = Pen()
    first = pen.write(("GPU-a", "0", node), [Reading(family, value, own)])
    again = pen.write(("GPU-a", "0", node), [Reading(family, value, own)])

    assert {family: line(family, ("GPU-a", "0", node, *own), value)} == first == again


def test_a_device_that_moves() -> None:
    """When the index of a device changes, its lines say so from the next reading on."""
    pen = Pen()
    pen.write(("GPU-a", "0", "n"), [Reading(POWER, 1)])

    assert {POWER: 'gpu_power_watts{uuid="GPU-a",gpu="1",node="n"} 1\n'} == pen.write(
        ("GPU-a", "1", "n"), [Reading(POWER, 1)]
    )


def test_a_collector_that_says_nonsense() -> None:
    """A series named twice stands there once; one with the wrong labels is left out, no more."""
    readings = [Reading(POWER, 1), Reading(POWER, 2), Reading(TEMPERATURE, 3)]

    assert {POWER: 'gpu_power_watts{uuid="GPU-a",gpu="0",node="n"} 1\n'} == Pen().write(
        ("GPU-a", "0", "n"), readings
    )


def test_what_is_gone_takes_no_memory() -> None:
    """Labels that come and go, as processes do, are not remembered."""
    pen = Pen()
    tracemalloc.start()
    for number in range(3000):
        pen.write(("GPU-a", "0", "n"), [Reading(TEMPERATURE, 1, (f"{number:0>2000}",))])
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # Of six million; threads of the tests before this one may take some too.
    assert size < 1_000_000


def test_in_other_words() -> None:
    """Another exporter's words follow ours, or stand alone with what the exporter says of itself.

    When they cannot be written, ours stay.
    """
    snapshot = Snapshot("n", VERSIONS, 1, (_view("GPU-a", 0, Reading(POWER, 1)),))
    other = (
        "# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).\n"
        "# TYPE DCGM_FI_DEV_POWER_USAGE gauge\n"
        'DCGM_FI_DEV_POWER_USAGE{gpu="0"} 7\n'
    )
    both = render(snapshot, Foreign(_Dcgm())).body.decode()
    alone = render(snapshot, Foreign(_Dcgm()), ours=False).body.decode()
    failed = render(snapshot.without_values(), Foreign(_Dcgm())).body.decode()

    assert both.endswith(other)
    assert "gpu_power_watts" in names(both)
    assert alone.endswith(other)
    assert {"gpu_exporter_build_info"} == names(alone) & {
        "gpu_exporter_build_info",
        "gpu_power_watts",
        "gpu_up",
        "gpu_driver_info",
    }
    assert "gpu_exporter_build_info" in names(failed)


def test_other_words_that_fail(caplog: pytest.LogCaptureFixture) -> None:
    """That is told once, with a number on every page, and so is that they are back."""
    foreign = Foreign(_Dcgm())
    good = Snapshot("n", VERSIONS, 1)
    caplog.set_level("INFO")
    told = [
        value(render(each, foreign).body.decode(), "gpu_exporter_compat_success")
        for each in (good, good.without_values(), good.without_values(), good)
    ]

    assert [1, 0, 0, 1] == told
    assert ["ERROR", "INFO"] == [each.levelname for each in caplog.records]
    assert "gpu_exporter_compat_success" not in names(render(good).body.decode())


def test_who_holds_what() -> None:
    """Each holder is a series beside the device's own, which never change for it."""
    first = Holder("ml", "train-0", "main", "nvidia.com/gpu")
    second = Holder("ml", "serve-0", "main", "nvidia.com/gpu.shared", replica="2")
    part = Holder("ml", "mig-0", "main", "nvidia.com/mig-1g.10gb", claim="c", source="dra")
    snapshot = Snapshot(
        "n",
        devices=(_view("GPU-a", 0), _view("GPU-b", 1), _view("GPU-c", 2)),
        held=Held(
            {
                ("GPU-a", None): (first, second, first),
                ("GPU-b", 3): (part,),
                ("GPU-c", None): (),
            },
            {"GPU-a": True, "GPU-b": True, "GPU-c": False},
            {("GPU-a", None): ("4711",)},
            ((DEVICES, ("n",), 5),),
        ),
    )
    lines = [text for text in _text(snapshot).splitlines() if text.startswith("gpu_device_")]

    assert [
        (
            'gpu_device_pod_info{uuid="GPU-a",gpu="0",node="n",namespace="ml",pod="train-0",'
            'container="main",resource="nvidia.com/gpu",source="podresources"} 1'
        ),
        (
            'gpu_device_pod_info{uuid="GPU-a",gpu="0",node="n",namespace="ml",pod="serve-0",'
            'container="main",resource="nvidia.com/gpu.shared",replica="2",source="podresources"} 1'
        ),
        (
            'gpu_device_pod_info{uuid="GPU-b",gpu="1",node="n",gpu_instance="3",namespace="ml",'
            'pod="mig-0",container="main",resource="nvidia.com/mig-1g.10gb",claim="c",'
            'source="dra"} 1'
        ),
        'gpu_device_allocated{uuid="GPU-a",gpu="0",node="n"} 1',
        'gpu_device_allocated{uuid="GPU-b",gpu="1",node="n"} 1',
        'gpu_device_allocated{uuid="GPU-c",gpu="2",node="n"} 0',
        'gpu_device_job_info{uuid="GPU-a",gpu="0",node="n",job="4711"} 1',
    ] == lines
    assert 'gpu_devices{node="n"} 5' in _text(snapshot)


def test_nobody_can_tell_who_holds_what() -> None:
    """While nobody can tell, no device is said to be free."""
    assert "gpu_device_allocated" not in _text(Snapshot("n", devices=(_view("GPU-a", 0),)))
