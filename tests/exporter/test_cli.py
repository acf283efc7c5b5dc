"""Promises of `gpuscope-exporter` as a command."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from demo.nvml.build import environment
from demo.nvml.models import H100, device
from demo.nvml.scenario import Scenario, write
from demo.processes import LOOPBACK, Process, free_port
from exporter.cli import main

COMMAND = str(Path(sys.executable).with_name("gpuscope-exporter"))


def _fails(*arguments: str) -> str:
    """Run a command that must fail with status 1; return what it says on standard error."""
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)

    assert 1 == done.returncode
    return done.stderr


@pytest.mark.parametrize("address", ["9400", "host:", "127.0.0.1:99999", "127.0.0.1:x"])
def test_a_bad_address_is_one_sentence(address: str) -> None:
    """An address that is none ends the start with a sentence that shows a good one."""
    assert "write HOST:PORT, as in 127.0.0.1:9400" in _fails(
        "node", f"--web.listen-address={address}"
    )


def test_a_missing_kubeconfig_is_one_sentence(tmp_path: Path) -> None:
    """Without a way to an API server the start ends with a sentence that says what to give."""
    assert "--kubeconfig" in _fails("cluster", f"--kubeconfig={tmp_path / 'none'}")
    assert "service account" in _fails("cluster")


@pytest.mark.parametrize(
    "arguments",
    [
        ["node", "--collection.interval=0"],
        ["node", "--collection.interval=nan"],
        ["node", "--collection.interval=abc"],
        ["node", "--node-name="],
        ["cluster", "--events=1.5"],
        ["cluster", "--events=-1"],
        ["cluster", "--stale-after=x"],
        ["node", "--collector.nothing"],
        [],
    ],
)
def test_nonsense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A value out of range or an unknown flag is refused before anything starts."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert 2 == ended.value.code
    said = capsys.readouterr().err
    assert "error:" in said
    assert "invalid _" not in said


def test_collectors_can_be_turned_off(tmp_path: Path) -> None:
    """A collector that is turned off publishes nothing; the others go on, under the node's name."""
    scenario = tmp_path / "one.ini"
    write(scenario, Scenario(devices=(device(H100, "GPU-a", 0, busy=0.5),)))
    address = f"{LOOPBACK}:{free_port()}"
    command = [COMMAND, "node", f"--web.listen-address={address}", "--no-collector.memory"]
    command += ["--collection.interval=0.2", "--web.telemetry-path=/scrape", "--log.format=json"]
    exporter = Process(
        "gpu-node",
        command,
        log=tmp_path / "log",
        environment={**environment(scenario), "NODE_NAME": "node-7"},
        ready_url=f"http://{address}/readyz",
    )
    with exporter:
        exporter.wait_ready()
        page = requests.get(f"http://{address}/scrape", timeout=5).text

    assert 'gpu_utilization_ratio{uuid="GPU-a",gpu="0",node="node-7"}' in page
    assert "gpu_memory_used_bytes" not in page
    assert '"msg": "listening on http://' in exporter.last_words()
