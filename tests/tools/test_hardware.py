"""Promises of `python -m tools.hardware`: what a driver answers, as a page that can be kept."""

import os
import re
import subprocess
import sys
from pathlib import Path

from demo.nvml.build import environment
from demo.nvml.models import H100, device
from demo.nvml.scenario import Ailment, Fault, Scenario, System, write

_TOP = """\
# NVIDIA H100 80GB HBM3

What the driver answered to all that the collectors ask, written by
`python -m tools.hardware` ([how to read it](README.md)).

| | |
|---|---|
| driver | 570.124.06 |
| NVML | 12.570.124.06 |
| CUDA | 12.8 |
| architecture | hopper |
| persistence mode | on |
| MIG | off |
| GPM | yes |
| events | ecc_corrected, ecc_storm, ecc_uncorrected, mig_config, poison_fatal, poison_non_fatal, \
recovery_action, retirement, retirement_failure, unavailable, xid |
| runs | 2 |

## Calls

| call | answers | p50 (ms) | max (ms) |
|---|---|---|---|
| `nvmlDeviceGetAccountingMode` | not_supported (3) | t | t |
"""
_ROWS = """\
| `nvmlDeviceGetArchitecture` | ok | t | t |
| `nvmlDeviceGetBoardPartNumber` | ok | t | t |
| `nvmlDeviceGetClockInfo 0-3` | ok | t | t |
| `nvmlDeviceGetFieldValues` | ok | t | t |
| `nvmlDeviceGetMarginTemperature` | no such function | t | t |
| `nvmlDeviceGetMemoryErrorCounter 0 0 0-1,3-6` | not_supported (3) | t | t |
| `nvmlDeviceGetPowerUsage` | timeout (10) | t | t |
| `nvmlEventSetWait_v2 0` | timeout (10) | t | t |
| `GPM metric 1-5,7,10-13,20-21,60-61` | ok | t | t |
| `GPM metric 6,8-9` | not_supported (3) | t | t |
| `NVLINK_GET_STATE 0-1` | ok, uint | t | t |
| `NVLINK_GET_STATE 2-35` | not_supported (3) | t | t |
| `POWER_AVERAGE 1-2` | not_supported (3) | t | t |
| `gpu_clock_hertz` | 4 |
| `gpu_utilization_ratio` | 1 |
- power: Timeout (NVML code 10)
"""


def _record(folder: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.hardware", "--runs=2", f"--folder={folder}"],
        env=os.environ | environment(folder / "scenario.ini") | changed,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_page_per_model(tmp_path: Path) -> None:
    """One command writes what is supported, refused, missing or broken, and nothing of whose it is.

    What differs in its number alone is one row; of two devices of a model the first is asked.
    """
    one, two = (device(H100, f"GPU-{each}", each, busy=0.5, nvlinks=2) for each in (0, 1))
    system = System(absent=("MarginTemperature",), faults=(Fault("PowerUsage", Ailment.TIMEOUT),))
    write(tmp_path / "scenario.ini", Scenario((one, two), system))
    done = _record(tmp_path)
    text = (tmp_path / "nvidia-h100-80gb-hbm3.md").read_text()
    stable = re.sub(r"\b\d+\.\d{3}\b(?!\.)", "t", text)

    assert (0, "") == (done.returncode, done.stderr)
    assert _TOP == stable[: len(_TOP)]
    assert [] == [line for line in _ROWS.splitlines() if line not in stable.splitlines()]
    assert one.serial is not None
    assert not [secret for secret in ("GPU-0", one.serial, "00000000:08") if secret in text]


def test_no_driver(tmp_path: Path) -> None:
    """Where no driver is, it says what to do, and writes nothing."""
    (tmp_path / "scenario.ini").write_text("nonsense\n")
    done = _record(tmp_path)

    assert 1 == done.returncode
    assert "load its kernel module" in done.stderr
    assert ["scenario.ini"] == [each.name for each in tmp_path.iterdir()]
