"""`make up`'s program, as a newcomer meets it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.nvml.build import environment
from demo.nvml.models import H100, device
from demo.nvml.scenario import Scenario, write
from demo.processes import LOOPBACK, Process, wait_for
from demo.stack import ROOT
from tests.e2e import shown, shown_answers
from tests.support.apiserver import running
from tests.support.cluster_objects import node, pod
from tests.support.measured import the_demo_alone
from tests.support.processes import children
from tests.support.whole import WHOLE

pytestmark = pytest.mark.e2e

SECONDS = 300.0
"""Of a machine that does much else."""
FEW = () if WHOLE else ("--exporters=8",)
"""So many show something in every panel."""
ONE = "--exporters=1"
QUERY_API, PROMETHEUS = 8080, 9090


@pytest.fixture(name="_spared_coverage", scope="module", autouse=True)
def _measured() -> Iterator[None]:
    """Nothing else runs the demo's own programs."""
    with the_demo_alone():
        yield


@pytest.fixture(name="occupied")
def _occupied() -> Iterator[None]:
    """Ports a user's own services may hold."""
    with ExitStack() as held:
        for port in (QUERY_API, PROMETHEUS):
            service = held.enter_context(socket.socket())
            service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                service.bind((LOOPBACK, port))
                service.listen()
            except OSError:
                continue  # somebody else's service does as well
        yield


@contextmanager
def _begun(directory: Path, *arguments: str, **variables: str) -> Iterator[Process]:
    """Run it."""
    with Process(
        "make up",
        [sys.executable, "-m", "demo.up", *arguments],
        log=directory / "up.log",
        environment={"PYTHONPATH": str(ROOT), "TMPDIR": str(directory), **variables},
        # It ends its parts one after the other: killed meanwhile, it would leave them behind.
        stop_seconds=120,
    ) as process:
        yield process


@contextmanager
def _up(directory: Path, *arguments: str, **variables: str) -> Iterator[Process]:
    """Run it until it says how to end it."""
    with _begun(directory, *arguments, **variables) as process:
        wait_for(
            lambda: "Ctrl-C" in process.log.read_text() or not process.alive(),
            seconds=SECONDS,
            what="make up",
        )
        assert process.alive(), process.last_words()
        yield process


def test_one_command_shows_a_living_fleet(occupied: None, tmp_path: Path) -> None:
    """It says what stands in, leaves taken ports alone, shows a real answer and ends it all."""
    # No real cluster of whoever runs this test may be touched by it.
    with _up(tmp_path, *FEW, KUBECONFIG=os.devnull) as up:
        text = up.log.read_text()
        [url, pools, jobs, alerts] = re.findall(r"curl '(.+)'", text)
        answer = requests.get(url, params={"include": "nodes"}, timeout=60).json()

        assert "a demo fleet of 44 nodes and 300 GPUs stands in" in text
        assert bool(FEW) == ("GPUs: 8 of 40 nodes have an exporter" in text)
        assert f"query API: port {QUERY_API} is in use and left alone" in text
        assert 300 == shown_answers.first(text)["data"]["current_gpu_usage"]["total_gpus"]
        assert 40 == len(answer["data"]["nodes"])
        for page in re.findall(r"(http\S+(?:/docs|/clusters))\n", text):
            assert 200 == requests.get(page, timeout=60).status_code
        [scheduler] = re.findall(r"(http\S+/api/v1/scheduler/status)\n", text)
        assert 40 == requests.get(scheduler, timeout=60).json()["total_workers"]
        elsewhere = scheduler.replace("scheduler/status", "clusters")
        assert 404 == requests.get(elsewhere, timeout=60).status_code
        shown.hold_pools(pools)
        [watched] = re.findall(r"job watch (\S+)", text)
        shown.hold_jobs(jobs, watched)
        [prometheus] = re.findall(r"Prometheus +(http\S+)\n", text)
        shown.hold_parts_of_nodes(jobs, url.replace("status", "running-tasks"), prometheus)
        assert f"{url}&include=alerts" == alerts
        assert 200 == shown_answers.ailing(text)
        assert {} == shown_answers.differences(pools.removesuffix("/api/pools"))
        [faults] = re.findall(r"curl (http\S+) -d ", text)
        shown.hold_boards(faults, prometheus)
        [doctor] = re.findall(r"doctor --config (\S+)", text)
        assert Path(doctor).is_file()

        parts = children(up.pid)
        up.signal(signal.SIGINT)
        wait_for(lambda: not up.alive(), seconds=SECONDS, what="the end of make up")

    assert len(parts) >= 7
    assert [] == [part for part in parts if Path(f"/proc/{part}").exists()]
    assert "" == _still_running(tmp_path)
    assert [] == list(tmp_path.glob("gpuscope-*"))


def test_a_closed_terminal_ends_it_all_at_any_moment(tmp_path: Path) -> None:
    """A terminal that is closed during start-up leaves nothing behind, and is no crash."""
    # A terminal signals the whole group at once.
    command = [sys.executable, "-m", "demo.up", ONE]
    variables = {**os.environ, "KUBECONFIG": os.devnull, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=variables,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as up:
        try:
            wait_for(
                lambda: "demo.nodes" in _still_running(tmp_path), seconds=SECONDS, what="the nodes"
            )
            os.killpg(up.pid, signal.SIGHUP)
            said, _ = up.communicate(timeout=SECONDS)
        finally:
            # One that does not end must not be waited for.
            with suppress(ProcessLookupError):
                os.killpg(up.pid, signal.SIGKILL)

    assert 0 == up.returncode
    assert "Traceback" not in said
    assert "" == _still_running(tmp_path)
    assert [] == list(tmp_path.glob("gpuscope-*"))


def test_what_is_real_is_used(tmp_path: Path) -> None:
    """A cluster that answers and a driver with devices are used instead of the demo's."""
    # Their stand-ins, in the places where the real ones would be.
    kubeconfig, scenario = tmp_path / "config", tmp_path / "devices.ini"
    write(scenario, Scenario(devices=(device(H100, "GPU-a", 0, busy=1),)))
    with running(node("n1", gpus=8), pod("p1", node_name="n1", gpus=2)) as cluster:
        cluster.kubeconfig(kubeconfig)
        variables = {"KUBECONFIG": str(kubeconfig), **environment(scenario)}
        with _up(tmp_path, **variables) as up:
            text = up.log.read_text()

    usage = shown_answers.first(text)["data"]["current_gpu_usage"]

    assert f"Kubernetes: the cluster of {kubeconfig}" in text
    assert "GPUs: this machine's own, through the NVIDIA driver, as cluster=" in text
    assert "stand" not in text
    assert 8 == usage["total_gpus"]
    assert 2 == usage["allocated_gpus"]


def test_a_real_driver_does_not_mix_with_the_demo(tmp_path: Path) -> None:
    """This machine's devices beside a demo fleet are under a label of their own."""
    scenario = tmp_path / "devices.ini"
    write(scenario, Scenario(devices=(device(H100, "GPU-mine", 0, busy=1),)))
    found: list[Any] = []
    # Not until it is whole: that costs many seconds of CPU, and others wait for it.
    with _begun(tmp_path, ONE, KUBECONFIG=os.devnull, **environment(scenario)) as up:

        def measured() -> bool:
            assert up.alive(), up.last_words()
            found[:] = _found(tmp_path, 'gpu_up{uuid="GPU-mine"}')
            return bool(found)

        wait_for(measured, seconds=SECONDS, what="this machine's device", every=0.3)
        text = up.log.read_text()

    assert 'as cluster="this-machine" in Prometheus' in text
    assert "the demo fleet's devices stand in for those of prod-cluster" in text
    assert ["this-machine"] == [series["metric"]["cluster"] for series in found]


def test_a_missing_program_is_one_sentence(tmp_path: Path) -> None:
    """Without one of its programs it ends what it started, and says what to do."""
    done = subprocess.run(
        [sys.executable, "-m", "demo.up"],
        env={"PATH": str(tmp_path), "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == done.returncode
    assert "node-exporter cannot be started" in done.stderr
    assert "`make setup` installs programs" in done.stderr
    assert "Traceback" not in done.stderr
    assert [] == list(tmp_path.glob("gpuscope-*"))


def _found(directory: Path, query: str) -> list[Any]:
    """Return what the Prometheus of a stack finds, as soon as there is one."""
    for address in re.findall(
        r"tsdb\.\S+ .*--web\.listen-address=(\S+)", _still_running(directory)
    ):
        with suppress(requests.ConnectionError):
            answer = requests.get(
                f"http://{address}/api/v1/query", params={"query": query}, timeout=60
            )
            if answer.status_code == requests.codes.ok:
                found: list[Any] = answer.json()["data"]["result"]
                return found
    return []


def _still_running(directory: Path) -> str:
    # Nearly every part of the stack names its folder on its command line.
    command = ["pgrep", "--full", "--list-full", f"{directory}/gpuscope-"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
