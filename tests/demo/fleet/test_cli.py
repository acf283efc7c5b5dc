"""Promises of `python -m demo.fleet`."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from demo import stack
from demo.processes import LOOPBACK, free_port, wait_for
from demo.stack import ROOT

NODES = "sn,cpu_milli,memory_mib,gpu,model\nn0,96000,786432,2,G2\n"
PODS = """\
name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
p0,4000,1024,1,1000,,LS,Running,10,500,12
p1,4000,1024,1,1000,,LS,Running,100,900000,100
"""
SECONDS = 60.0


@pytest.fixture(name="trace")
def _trace(tmp_path: Path) -> Path:
    (tmp_path / "openb_node_list_all_node.csv").write_text(NODES)
    (tmp_path / "openb_pod_list_default.csv").write_text(PODS)
    return tmp_path


def test_a_large_fleet_changes_when_told(tmp_path: Path) -> None:
    """It is as large as asked for; a request makes a pod to look out for, and other changes."""
    sizes = ("--nodes=3", "--pods=12", "--gpu-pods=4")
    with stack.fleet(tmp_path, port := free_port(), "large", *sizes) as fleet:
        fleet.wait_ready()
        url = f"http://{LOOPBACK}:{port}"
        before = _pods(url)
        for what in ({"sentinel": "here-i-am"}, {"changes": 30}):
            requests.post(f"{url}/_demo/large", json=what, timeout=60).raise_for_status()
        after = _pods(url)

    assert 12 == len(before)
    assert "here-i-am" in after
    assert set(before) - set(after)


@contextmanager
def _timeline(trace: Path, *arguments: str) -> Iterator[str]:
    """Serve the timeline; yield its URL."""
    port = free_port()
    with stack.fleet(trace, port, "timeline", f"--trace={trace}", *arguments) as fleet:
        fleet.wait_ready()
        yield f"http://{LOOPBACK}:{port}"


def _pods(url: str) -> list[str]:
    content: dict[str, Any] = requests.get(f"{url}/api/v1/pods", timeout=60).json()
    return sorted(pod["metadata"]["name"] for pod in content["items"])


def test_a_timeline_stands_still_until_told(trace: Path) -> None:
    """Without a speed it shows the second it was started at, until a request takes it forward."""
    with _timeline(trace, "--at=50") as url:
        before = _pods(url)
        requests.post(f"{url}/_demo/timeline", json={"until": 600}, timeout=60).raise_for_status()
        after = _pods(url)

    assert ["p0"] == before
    assert ["p1"] == after


def test_a_timeline_plays_at_its_speed(trace: Path) -> None:
    """With a speed the trace's clock runs by itself."""
    with _timeline(trace, "--at=0", "--speed=1000") as url:
        wait_for(lambda: _pods(url) == ["p1"], seconds=SECONDS, what="second 600 of the trace")


def test_a_missing_trace_is_one_sentence(tmp_path: Path) -> None:
    """A folder without the trace ends the start with a sentence that names the file."""
    done = subprocess.run(
        [sys.executable, "-m", "demo.fleet", "packed", f"--trace={tmp_path / 'none'}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert 1 == done.returncode
    assert "openb_node_list_all_node.csv" in done.stderr
    assert 1 == len(done.stderr.splitlines())
