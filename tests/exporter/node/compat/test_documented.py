"""docs/dcgm.md shows commands and a counters file that work."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import requests

from demo.nvml.build import environment
from demo.nvml.models import H100, device
from demo.nvml.scenario import Scenario, write
from demo.processes import LOOPBACK, Process, free_port
from demo.stack import ROOT
from exporter.catalogue.dcgm import FIELDS
from tests.support.compat import values

_COMMAND = str(Path(sys.executable).with_name("gpuscope-exporter"))
_PAGE = (ROOT / "docs" / "dcgm.md").read_text()
_COMMANDS = [shlex.split(block)[1:] for block in re.findall(r"```sh\n(.*?)```", _PAGE, re.DOTALL)]
(_COUNTERS,) = re.findall(r"```csv\n(.*?)```", _PAGE, re.DOTALL)


def _served(command: list[str], folder: Path) -> str:
    """Run a command on an H100; return what it serves once it is ready."""
    write(folder / "one.ini", Scenario(devices=(device(H100, "GPU-a", 0, busy=0.5),)))
    address = f"{LOOPBACK}:{free_port()}"
    exporter = Process(
        "gpu-node",
        [_COMMAND, *command, f"--web.listen-address={address}", "--collection.interval=2"],
        log=folder / "log",
        environment={**environment(folder / "one.ini"), "NODE_NAME": "node-7"},
        ready_url=f"http://{address}/readyz",
    )
    with exporter:
        exporter.wait_ready()
        return requests.get(f"http://{address}/metrics", timeout=60).text


def test_both_commands_publish_what_they_promise(tmp_path: Path) -> None:
    """The first adds dcgm-exporter's metrics to ours, the second has those of a file instead."""
    beside, instead = _COMMANDS
    (tmp_path / "counters.csv").write_text(_COUNTERS)
    instead[instead.index("counters.csv")] = str(tmp_path / "counters.csv")
    both, only = (values(_served(command, tmp_path)) for command in (beside, instead))

    assert {"DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_FB_USED", "gpu_utilization_ratio"} <= both.keys()
    assert {"DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_SM_CLOCK_HERTZ"} == {
        name for name in only if name.startswith("DCGM")
    }
    assert "gpu_utilization_ratio" not in only
    assert "0" == only["gpu_exporter_csv_unknown_fields"]


def test_a_broken_file_ends_the_start(tmp_path: Path) -> None:
    """With status 1 and a sentence that says which line."""
    (tmp_path / "counters.csv").write_text("DCGM_FI_DEV_GPU_TEMP; gauge; heat\n")
    command = [_COMMAND, "node", f"--collectors-csv={tmp_path / 'counters.csv'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 1 == done.returncode
    assert "counters.csv, line 1: 1 columns instead of 3" in done.stderr


def test_the_page_names_fields_that_there_are() -> None:
    """Each DCGM_… of the page is one that is published."""
    named = set(re.findall(r"DCGM_\w+[A-Z]\b", _PAGE))
    known = {name for field in FIELDS if field.source for name in (field.name, field.new)}

    assert named <= known
