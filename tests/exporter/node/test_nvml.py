"""The whole node role: real nvidia-ml-py, a real shared library, real threads."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

from demo.nvml import models
from demo.nvml.scenario import (
    OLD_DRIVER,
    Device,
    Sentinel,
    System,
)
from tests.support.golden import assert_golden
from tests.support.nvml import NodeProcess, names, ready, value
from tests.support.steady import FIRST, OTHER, STEADY, both_up, up

GOLDEN = Path(__file__).with_name("golden.prom")

BARE = Device(uuid=FIRST, name="")


def test_golden_scrape(node: NodeProcess) -> None:
    """What the driver says of a device is published as exactly this text."""
    node.play(STEADY)
    page = node.until(ready)
    page = re.sub(
        r"(gpu_exporter_\w+_(?:total|seconds)\{.*\}|_timestamp_seconds\{.*\}) \S+", r"\1 0", page
    )

    assert_golden(GOLDEN, page)


def test_promtool(node: NodeProcess) -> None:
    """Prometheus' own linter has nothing to say about a scrape."""
    node.play(STEADY, OTHER)
    result = subprocess.run(
        ["promtool", "check", "metrics"],
        input=node.until(both_up),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "", "") == (result.returncode, result.stdout, result.stderr)


def test_nothing_supported(node: NodeProcess) -> None:
    """A device that supports no quantity is up, has a name, and no zeros but of processes."""
    node.play(BARE)
    page = node.until(ready)

    assert 1 == up(page, FIRST)
    assert f'gpu_info{{uuid="{FIRST}",gpu="0",node="worker-1"}} 1\n' in page
    assert {
        "gpu_driver_info",
        "gpu_devices",
        "gpu_up",
        "gpu_info",
        "gpu_processes",
        "gpu_last_reading_timestamp_seconds",
    } == {name for name in names(page) if not name.startswith("gpu_exporter_")}
    assert all(value(page, "gpu_exporter_collector_success", collector=name) == 1
               for name in ("identity", "utilization", "memory", "clocks"))  # fmt: skip


def test_no_devices(node: NodeProcess) -> None:
    """A driver without devices is a complete answer: zero, and ready."""
    node.play()
    page = node.until(lambda page: value(page, "gpu_devices") is not None)

    assert 0 == value(page, "gpu_devices")
    assert node.not_ready() is None


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


def test_chosen_collectors(tmp_path: Path) -> None:
    """Only enabled collectors ask the driver."""
    with NodeProcess(tmp_path, collectors=("power",)) as node:
        node.play(STEADY)
        page = node.until(ready)

    assert 527.123 == value(page, "gpu_power_watts")
    assert {"gpu_info", "gpu_utilization_ratio"}.isdisjoint(names(page))
    assert value(page, "gpu_exporter_collector_success", collector="memory") is None


def test_every_known_model(node: NodeProcess) -> None:
    """The products of the demo fleet are readable, each with all it has."""
    node.play(
        *(
            models.device(model, f"GPU-{minor}", minor, busy=minor / 7)
            for minor, model in enumerate(models.MODELS.values())
        )
    )
    # On a busy machine one may be given up on at first, and shows no values.
    page = node.until(lambda page: len(re.findall(r"^gpu_up{.*} 1$", page, re.MULTILINE)) == 7)

    assert 7 == page.count("\ngpu_energy_joules_total{")
    assert 5 == page.count("gpu_temperature_celsius{") - page.count('sensor="gpu"')
