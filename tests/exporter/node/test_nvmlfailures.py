"""The whole node role when devices or the driver fail, on the driver in C."""

from dataclasses import replace
from pathlib import Path

import pytest

from demo.nvml.build import SONAME, build
from demo.nvml.scenario import (
    Ailment,
    Fault,
    System,
)
from tests.support.nvml import NodeProcess, names, ready, value
from tests.support.steady import FIRST, OTHER, SECOND, STEADY, both_up, up

MEASURED = {"gpu_utilization_ratio", "gpu_power_watts", "gpu_memory_used_bytes"}


def _only_first_up(page: str) -> bool:
    return up(page, FIRST) == 1 and up(page, SECOND) == 0


def test_device_lost_and_back(node: NodeProcess) -> None:
    """A device that is lost stays known by name as down, and its neighbours do not notice."""
    node.play(STEADY, OTHER)
    node.until(both_up)
    node.play(STEADY, replace(OTHER, faults=(Fault("*", Ailment.GPU_LOST),)))
    page = node.until(_only_first_up)

    assert 1 == value(page, "gpu_info", uuid=SECOND, model="NVIDIA H100 80GB HBM3")
    assert value(page, "gpu_power_watts", uuid=SECOND) is None
    assert 527.123 == value(page, "gpu_power_watts", uuid=FIRST)
    assert 2 == value(page, "gpu_devices")
    assert node.not_ready() is None

    node.play(STEADY, OTHER)
    page = node.until(both_up)

    assert 527.123 == value(page, "gpu_power_watts", uuid=SECOND)


@pytest.mark.parametrize("ailment", [Ailment.RESET_REQUIRED, Ailment.UNKNOWN])
def test_device_refuses(node: NodeProcess, ailment: Ailment) -> None:
    """A device that answers one call with an error of the whole device is down."""
    node.play(STEADY, OTHER)
    node.until(both_up)
    node.play(STEADY, replace(OTHER, faults=(Fault("PowerUsage", ailment),)))
    page = node.until(_only_first_up)

    assert value(page, "gpu_utilization_ratio", uuid=SECOND) is None
    assert 0.87 == value(page, "gpu_utilization_ratio", uuid=FIRST)


def test_hang(node: NodeProcess) -> None:
    """A call that hangs takes out its device alone; values vanish, and return when it returns."""
    node.play(STEADY, OTHER)
    node.until(both_up)
    node.play(STEADY, replace(OTHER, faults=(Fault("UtilizationRates", Ailment.HANG),)))
    page = node.until(
        lambda page: _only_first_up(page) and 'gpu_power_watts{uuid="' + SECOND not in page
    )

    assert 1 == value(page, "gpu_info", uuid=SECOND)
    assert 0.87 == value(page, "gpu_utilization_ratio", uuid=FIRST)

    node.play(STEADY, OTHER)
    page = node.until(lambda page: value(page, "gpu_power_watts", uuid=SECOND) is not None)

    assert 1 == up(page, SECOND)


def test_hang_during_initialisation(node: NodeProcess) -> None:
    """While the driver takes its time to initialise there is a page, which says so."""
    node.play(STEADY, system=System(faults=(Fault("Init", Ailment.HANG),)))
    page = node.page()

    assert 0 == value(page, "gpu_exporter_driver_up")
    assert "the driver has not answered yet" == node.not_ready()

    node.play(STEADY)

    node.until(lambda page: up(page, FIRST) == 1)


def test_driver_upgrade(node: NodeProcess) -> None:
    """After a driver upgrade the old library is unloaded and the new one loaded, by itself."""
    node.play(STEADY)
    node.until(ready)
    node.play(STEADY, system=System(driver_version="580.65.06"))
    node.until(lambda page: 'driver_version="580.65.06"' in page and up(page, FIRST) == 1)


@pytest.mark.parametrize(
    ("ailment", "words"),
    [
        (Ailment.DRIVER_MISMATCH, "different versions"),
        (Ailment.DRIVER_NOT_LOADED, "modprobe nvidia"),
        (Ailment.UNINITIALIZED, "not initialised"),
        (Ailment.UNKNOWN, "Unknown Error"),
    ],
)
def test_driver_unavailable_and_back(node: NodeProcess, ailment: Ailment, words: str) -> None:
    """A driver that stops answering is reported, devices are down, and it is tried again."""
    node.play(STEADY)
    node.until(ready)
    node.play(STEADY, system=System(faults=(Fault("*", ailment),)))
    page = node.until(lambda page: value(page, "gpu_exporter_driver_up") == 0)

    assert words in (node.not_ready() or "")
    assert value(page, "gpu_devices") is None
    assert 0 == up(page, FIRST)
    assert 1 == value(page, "gpu_info", uuid=FIRST)
    assert MEASURED.isdisjoint(names(page))

    node.play(STEADY)
    node.until(ready)

    assert node.not_ready() is None


def test_no_device_nodes(node: NodeProcess) -> None:
    """A container that lost its device files is told in NVML's words, and not ready."""
    node.play(STEADY, system=System(faults=(Fault("Init", Ailment.UNKNOWN),)))
    node.until(lambda _: node.not_ready() == "NVML cannot be initialised: Unknown Error")

    assert 0 == value(node.page(), "gpu_exporter_driver_up")


@pytest.mark.parametrize("ailment", [Ailment.DRIVER_NOT_LOADED, Ailment.DRIVER_MISMATCH])
def test_driver_gone_while_a_call_hangs(node: NodeProcess, ailment: Ailment) -> None:
    """The library is not unloaded under a hanging call; both failures heal by themselves."""
    hanging = replace(OTHER, faults=(Fault("UtilizationRates", Ailment.HANG),))
    node.play(STEADY, hanging)
    node.until(_only_first_up)
    failing = System(faults=(Fault("Count", ailment),))
    node.play(STEADY, hanging, system=failing)
    page = node.until(lambda page: value(page, "gpu_exporter_driver_up") == 0)

    assert 0 == up(page, FIRST)

    node.play(STEADY, hanging)
    node.until(lambda page: up(page, FIRST) == 1)
    node.play(STEADY, OTHER)
    node.until(lambda page: value(page, "gpu_power_watts", uuid=SECOND) == 527.123)


def test_failing_call(node: NodeProcess) -> None:
    """A call that fails costs its collector's samples, no other's, and is reported."""
    node.play(
        replace(
            STEADY,
            faults=(
                Fault("PowerUsage", Ailment.CORRUPTED_INFOROM),
                Fault("Serial", Ailment.CORRUPTED_INFOROM),
            ),
        )
    )
    page = node.until(ready)

    assert 0 == value(page, "gpu_exporter_collector_success", collector="power")
    assert 1 == value(page, "gpu_exporter_collector_success", collector="identity")
    assert value(page, "gpu_power_watts") is None
    assert 0.87 == value(page, "gpu_utilization_ratio")
    assert 1 == value(page, "gpu_info", model="NVIDIA H100 80GB HBM3")
    assert 1 == value(page, "gpu_up")


def test_forbidden_device(node: NodeProcess) -> None:
    """A device this process may not open is counted, and nothing else is said of it."""
    node.play(STEADY, replace(OTHER, faults=(Fault("HandleByIndex", Ailment.NO_PERMISSION),)))
    page = node.until(ready)

    assert 2 == value(page, "gpu_devices")
    assert SECOND not in page


def test_no_library(tmp_path: Path) -> None:
    """Without NVML the exporter runs, says what is missing, and starts to work once it is there."""
    library = tmp_path / SONAME
    library.touch()
    with NodeProcess(tmp_path, library=library) as node:
        node.play(STEADY)
        page = node.until(lambda _: "cannot be loaded" in (node.not_ready() or ""))

        assert 0 == value(page, "gpu_exporter_driver_up")
        assert "gpu_up" not in page

        fresh = tmp_path / "fresh"
        fresh.write_bytes(build().read_bytes())
        fresh.replace(library)

        node.until(lambda page: up(page, FIRST) == 1)
