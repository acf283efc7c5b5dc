"""The whole node role: real nvidia-ml-py, a real shared library, real threads."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from demo.nvml import models
from demo.nvml.build import SONAME, build
from demo.nvml.scenario import (
    OLD_DRIVER,
    Ailment,
    Architecture,
    Brand,
    Device,
    Fault,
    Sentinel,
    System,
)
from exporter.version import __version__
from tests.support.nvml import NodeProcess, names, ready, value

GOLDEN = Path(__file__).with_name("golden.prom")
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
BARE = Device(uuid=FIRST, name="")

MEASURED = {"gpu_utilization_ratio", "gpu_power_watts", "gpu_memory_used_bytes"}


def _up(page: str, uuid: str) -> float | None:
    return value(page, "gpu_up", uuid=uuid)


def _both_up(page: str) -> bool:
    return _up(page, FIRST) == _up(page, SECOND) == 1


def _only_first_up(page: str) -> bool:
    return _up(page, FIRST) == 1 and _up(page, SECOND) == 0


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """Return a node role that has not been told yet what its driver shows."""
    with NodeProcess(tmp_path) as process:
        yield process


def test_golden_scrape(node: NodeProcess) -> None:
    """What the driver says of a device is published as exactly this text."""
    node.play(STEADY)
    page = node.until(ready)
    page = re.sub(r"(_duration_seconds\{.*\}|_timestamp_seconds\{.*\}) \S+", r"\1 0", page)

    assert GOLDEN.read_text().replace("VERSION", __version__) == page


def test_promtool(node: NodeProcess) -> None:
    """Prometheus' own linter has nothing to say about a scrape."""
    node.play(STEADY, OTHER)
    result = subprocess.run(
        ["promtool", "check", "metrics"],
        input=node.until(_both_up),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "", "") == (result.returncode, result.stdout, result.stderr)


def test_nothing_supported(node: NodeProcess) -> None:
    """A device that supports no quantity at all is up, has a name, and shows no zeros."""
    node.play(BARE)
    page = node.until(ready)

    assert 1 == _up(page, FIRST)
    assert f'gpu_info{{uuid="{FIRST}",gpu="0",node="worker-1"}} 1\n' in page
    assert {"gpu_driver_info", "gpu_devices", "gpu_up", "gpu_info"} == {
        name for name in names(page) if not name.startswith("gpu_exporter_")
    }
    assert all(value(page, "gpu_exporter_collector_success", collector=name) == 1
               for name in ("identity", "utilization", "memory", "clocks"))  # fmt: skip


def test_no_devices(node: NodeProcess) -> None:
    """A driver without devices is a complete answer: zero, and ready."""
    node.play()
    page = node.until(lambda page: value(page, "gpu_devices") is not None)

    assert 0 == value(page, "gpu_devices")
    assert node.not_ready() is None


def test_device_lost_and_back(node: NodeProcess) -> None:
    """A device that is lost stays known by name as down, and its neighbours do not notice."""
    node.play(STEADY, OTHER)
    node.until(_both_up)
    node.play(STEADY, replace(OTHER, faults=(Fault("*", Ailment.GPU_LOST),)))
    page = node.until(_only_first_up)

    assert 1 == value(page, "gpu_info", uuid=SECOND, model="NVIDIA H100 80GB HBM3")
    assert value(page, "gpu_power_watts", uuid=SECOND) is None
    assert 527.123 == value(page, "gpu_power_watts", uuid=FIRST)
    assert 2 == value(page, "gpu_devices")
    assert node.not_ready() is None

    node.play(STEADY, OTHER)
    page = node.until(_both_up)

    assert 527.123 == value(page, "gpu_power_watts", uuid=SECOND)


@pytest.mark.parametrize("ailment", [Ailment.RESET_REQUIRED, Ailment.UNKNOWN])
def test_device_refuses(node: NodeProcess, ailment: Ailment) -> None:
    """A device that answers one call with an error of the whole device is down."""
    node.play(STEADY, OTHER)
    node.until(_both_up)
    node.play(STEADY, replace(OTHER, faults=(Fault("PowerUsage", ailment),)))
    page = node.until(_only_first_up)

    assert value(page, "gpu_utilization_ratio", uuid=SECOND) is None
    assert 0.87 == value(page, "gpu_utilization_ratio", uuid=FIRST)


def test_hang(node: NodeProcess) -> None:
    """A call that hangs takes out its device alone; values vanish, and return when it returns."""
    node.play(STEADY, OTHER)
    node.until(_both_up)
    node.play(STEADY, replace(OTHER, faults=(Fault("UtilizationRates", Ailment.HANG),)))
    page = node.until(
        lambda page: _only_first_up(page) and 'gpu_power_watts{uuid="' + SECOND not in page
    )

    assert 1 == value(page, "gpu_info", uuid=SECOND)
    assert 0.87 == value(page, "gpu_utilization_ratio", uuid=FIRST)

    node.play(STEADY, OTHER)
    page = node.until(lambda page: value(page, "gpu_power_watts", uuid=SECOND) is not None)

    assert 1 == _up(page, SECOND)


def test_hang_during_initialisation(node: NodeProcess) -> None:
    """While the driver takes its time to initialise there is a page, which says so."""
    node.play(STEADY, system=System(faults=(Fault("Init", Ailment.HANG),)))
    page = node.page()

    assert 0 == value(page, "gpu_exporter_driver_up")
    assert "the driver has not answered yet" == node.not_ready()

    node.play(STEADY)

    assert 1 == value(node.until(ready), "gpu_up", uuid=FIRST)


def test_driver_upgrade(node: NodeProcess) -> None:
    """After a driver upgrade the old library is unloaded and the new one loaded, by itself."""
    node.play(STEADY)
    node.until(ready)
    node.play(STEADY, system=System(driver_version="580.65.06"))
    page = node.until(lambda page: 'driver_version="580.65.06"' in page and ready(page))

    assert 1 == _up(page, FIRST)


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
    assert 0 == _up(page, FIRST)
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


def test_driver_gone_while_a_call_hangs(node: NodeProcess) -> None:
    """The library is not unloaded under a hanging call; both failures heal by themselves."""
    hanging = replace(OTHER, faults=(Fault("UtilizationRates", Ailment.HANG),))
    node.play(STEADY, hanging)
    node.until(_only_first_up)
    failing = System(faults=(Fault("Count", Ailment.DRIVER_NOT_LOADED),))
    node.play(STEADY, hanging, system=failing)
    page = node.until(lambda page: value(page, "gpu_exporter_driver_up") == 0)

    assert 0 == _up(page, FIRST)

    node.play(STEADY, hanging)
    node.until(lambda page: _up(page, FIRST) == 1)
    node.play(STEADY, OTHER)
    node.until(lambda page: value(page, "gpu_power_watts", uuid=SECOND) == 527.123)


def test_old_driver(node: NodeProcess) -> None:
    """An old driver's calls are used where the new ones are missing."""
    node.play(STEADY, system=System(absent=(*OLD_DRIVER, "CudaDriverVersion")))
    page = node.until(ready)

    assert 54 == value(page, "gpu_temperature_celsius", sensor="gpu")
    assert value(page, "gpu_temperature_celsius", sensor="memory") is None
    assert 85520809984 == value(page, "gpu_memory_total_bytes")
    assert 60577765376 == value(page, "gpu_memory_used_bytes")
    assert value(page, "gpu_memory_reserved_bytes") is None
    assert value(page, "gpu_energy_joules_total") is None
    assert 527.123 == value(page, "gpu_power_watts")


def test_sentinels(node: NodeProcess) -> None:
    """A value with all bits set is no reading."""
    unknown = Sentinel()
    node.play(
        replace(
            STEADY,
            utilization=unknown,
            memory_used=unknown,
            temperature=unknown,
            temperature_memory=0,
            power=unknown,
            power_limit_max=unknown,
            energy=unknown,
            clock_sm=unknown,
        )
    )
    page = node.until(ready)

    assert {"gpu_utilization_ratio", "gpu_memory_used_bytes", "gpu_temperature_celsius",
            "gpu_power_watts", "gpu_energy_joules_total"}.isdisjoint(names(page))  # fmt: skip
    assert value(page, "gpu_clock_hertz", clock="sm") is None
    assert value(page, "gpu_power_limit_watts", limit="max") is None
    assert 0.41 == value(page, "gpu_memory_copy_utilization_ratio")
    assert 200 == value(page, "gpu_power_limit_watts", limit="min")


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


def test_chosen_collectors(tmp_path: Path) -> None:
    """Only enabled collectors ask the driver."""
    with NodeProcess(tmp_path, collectors=("power",)) as node:
        node.play(STEADY)
        page = node.until(ready)

    assert 527.123 == value(page, "gpu_power_watts")
    assert {"gpu_info", "gpu_utilization_ratio"}.isdisjoint(names(page))
    assert value(page, "gpu_exporter_collector_success", collector="memory") is None


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

        assert 1 == value(node.until(ready), "gpu_up")


def test_every_known_model(node: NodeProcess) -> None:
    """The products of the demo fleet are readable, each with all it has."""
    node.play(
        *(
            models.device(model, f"GPU-{minor}", minor, busy=minor / 5)
            for minor, model in enumerate(models.MODELS.values())
        )
    )
    page = node.until(lambda page: page.count("\ngpu_up{") == 5)

    assert 5 == page.count("\ngpu_energy_joules_total{")
    assert 4 == page.count('sensor="memory"')
