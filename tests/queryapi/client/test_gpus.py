"""What NVML says of the GPUs that a worker sees becomes the numbers of its reports."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.nvml.build import environment
from demo.nvml.scenario import Ailment, Device, Fault, Scenario, write
from demo.stack import ROOT
from queryapi import client


def _measured(folder: Path, *devices: Device, **variables: str) -> Any:
    """Return what `nvml_metrics` says in a process on the stand-in driver with *devices*."""
    scenario = folder / "scenario.ini"
    write(scenario, Scenario(devices))
    program = (
        "import json; from queryapi.client import nvml_metrics; print(json.dumps(nvml_metrics()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment(scenario), **variables},
        capture_output=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


ONE = Device(
    "GPU-aaaa",
    utilization=80,
    memory_copy_utilization=5,
    memory_total=80 * 2**30,
    memory_used=20 * 2**30,
    temperature=60,
    power=300,
)
TWO = Device(
    "GPU-bbbb",
    utilization=40,
    memory_copy_utilization=5,
    memory_total=80 * 2**30,
    memory_used=10 * 2**30,
    temperature=75,
    power=250.5,
)
BOTH = {
    "gpuUtilization": 60,
    "gpuMemoryUsed": 30720,
    "gpuMemoryTotal": 163840,
    "gpuTemperature": 75,
    "powerUsage": 550.5,
}


def test_several_gpus_are_told_as_one(tmp_path: Path) -> None:
    """Mean utilisation, memory and power together, the highest temperature."""
    assert BOTH == _measured(tmp_path, ONE, TWO)


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("1", 40),
        ("GPU-a", 80),
        ("1,0", 60),
        ("1,7,0", 40),
        ("GPU-", None),
        ("", None),
        ("-1", None),
    ],
)
def test_only_visible_gpus_count(tmp_path: Path, visible: str, expected: float | None) -> None:
    """CUDA_VISIBLE_DEVICES is read as CUDA reads it."""
    told = _measured(tmp_path, ONE, TWO, CUDA_VISIBLE_DEVICES=visible)

    assert expected == (told and told["gpuUtilization"])


def test_what_one_gpu_does_not_tell_is_left_out(tmp_path: Path) -> None:
    """A sum that lacks one of them would be wrong."""
    quiet = Device(
        "GPU-cccc",
        utilization=40,
        memory_copy_utilization=5,
        power=10,
        faults=(Fault("PowerUsage", Ailment.UNKNOWN),),
    )

    assert {"gpuUtilization": 60} == _measured(tmp_path, ONE, quiet)


def test_without_a_driver_there_are_no_metrics() -> None:
    """Neither a missing driver nor a missing library is an error."""
    assert client.nvml_metrics() is None
