"""Promises of `gpuscope-exporter` as a command."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import bcrypt
import pytest
import requests

from demo.nvml.build import environment
from demo.nvml.models import H100, device
from demo.nvml.scenario import Scenario, write
from demo.processes import LOOPBACK, Process, free_port, wait_for
from exporter import memory
from exporter.cli import main
from tests.support.apiserver import running
from tests.support.objects import node, pod, taint
from tests.support.scrape import Scrape

COMMAND = str(Path(sys.executable).with_name("gpuscope-exporter"))
SIGNALS = (*(signal.SIGTERM, signal.SIGINT, signal.SIGHUP), *(signal.SIGUSR1, signal.SIGUSR2))


Fails = Callable[..., str]


@pytest.fixture(name="fails")
def _fails(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Fails]:
    """Return what runs a command that must fail with status 1, and returns what it says."""

    def run(*arguments: str) -> str:
        assert 1 == main(arguments)
        return capsys.readouterr().err

    # Of a process for as long as it lives, and here that is everybody's.
    monkeypatch.setattr(memory, "share_one_heap", lambda: None)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_failed_start_is_the_commands_status() -> None:
    """The command ends with status 1 and one sentence, without a traceback."""
    done = subprocess.run(
        [COMMAND, "node", "--web.listen-address=9400"], capture_output=True, text=True, check=False
    )

    assert (1, 1) == (done.returncode, len(done.stderr.splitlines()))


@pytest.mark.parametrize(
    "address", ["9400", "host:", "127.0.0.1:99999", "127.0.0.1:x", "127.0.0.1:" + "9" * 5000]
)
def test_a_bad_address_is_one_sentence(fails: Fails, address: str) -> None:
    """An address that is none ends the start with a sentence that shows a good one."""
    said = fails("node", f"--web.listen-address={address}")

    assert "write HOST:PORT, as in 127.0.0.1:9400" in said


def test_a_missing_kubeconfig_is_one_sentence(fails: Fails, tmp_path: Path) -> None:
    """Without a way to an API server the start ends with a sentence that says what to give."""
    assert "--kubeconfig" in fails("cluster", f"--kubeconfig={tmp_path / 'none'}")
    assert "service account" in fails("cluster")


def test_a_bad_web_configuration_is_one_sentence(fails: Fails, tmp_path: Path) -> None:
    """A file that asks for what cannot be ends the start with what to write instead."""
    config = tmp_path / "web.yml"
    config.write_text("basic_auth_users: {me: secret}")

    assert "'me' is no bcrypt hash" in fails("node", f"--web.config.file={config}")


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
        ["cluster", "--events=501"],
        ["cluster", "--completed-for=-1"],
        ["cluster", "--node-label=colour=a"],
        ["cluster", "--node-label=pool="],
        ["cluster", "--leader-elect.lease=a/b/c"],
        ["cluster", "--leader-elect.lease=a/"],
        ["cluster", "--shard=2", "--total-shards=2"],
        ["cluster", "--shard=-1"],
        ["cluster", "--total-shards=0"],
        ["node", "--collector.nothing"],
        ["node", "--web.max-requests=0"],
        ["cluster", "--web.max-requests=1.5"],
        ["node", "--compat=dcgm-5"],
        ["node", "--compat.only"],
        ["node", "--compat.virtual-gpus"],
        ["node", "--collection.interval=30", "--collection.medium-interval=15"],
        ["node", "--podresources.interval=100"],
        ["node", "--kubeconfig=config"],
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
    """A collector that is turned off publishes nothing; the others go on, under the node's name.

    So they do for whom the web configuration lets in.
    """
    web = tmp_path / "web.yml"
    web.write_text(f"basic_auth_users: {{me: {bcrypt.hashpw(b'x', bcrypt.gensalt(4)).decode()}}}")
    scenario = tmp_path / "one.ini"
    write(scenario, Scenario(devices=(device(H100, "GPU-a", 0, busy=0.5),)))
    address = f"{LOOPBACK}:{free_port()}"
    command = [COMMAND, "node", f"--web.listen-address={address}", "--no-collector.memory"]
    command += ["--collection.interval=5", "--web.telemetry-path=/scrape", "--log.format=json"]
    command += [f"--web.config.file={web}"]
    exporter = Process(
        "gpu-node",
        command,
        log=tmp_path / "log",
        environment={**environment(scenario), "NODE_NAME": "node-7"},
        ready_url=f"http://{address}/readyz",
    )
    with exporter:
        exporter.wait_ready()
        page = requests.get(f"http://{address}/scrape", timeout=5, auth=("me", "x")).text

    assert 'gpu_utilization_ratio{uuid="GPU-a",gpu="0",node="node-7"}' in page
    assert "gpu_memory_used_bytes" not in page
    assert "process_resident_memory_bytes" in page
    assert "gpu_exporter_web_config_reload_success 1" in page
    assert '"msg": "listening on http://' in exporter.log.read_text()


def test_the_driver_is_let_go_of(tmp_path: Path) -> None:
    """At SIGUSR1 the driver's library is unloaded from the running process; at SIGUSR2 it is back.

    So the driver can be unloaded and a device be reset without ending the exporter.
    """
    scenario = tmp_path / "scenario.ini"
    write(scenario, Scenario((device(H100, "GPU-a", 0, busy=0.5),)))
    address = f"{LOOPBACK}:{free_port()}"
    exporter = Process(
        "gpu-node",
        [COMMAND, "node", f"--web.listen-address={address}", "--collection.interval=0.2"],
        log=tmp_path / "log",
        environment=environment(scenario),
        ready_url=f"http://{address}/readyz",
    )

    def loaded() -> bool:
        return "libnvidia-ml" in Path(f"/proc/{exporter.pid}/maps").read_text()

    with exporter:
        exporter.wait_ready()
        before = loaded()
        for _ in range(50):  # of several that come at once, letting go counts
            exporter.signal(signal.SIGUSR2)
        exporter.signal(signal.SIGUSR1)
        wait_for(lambda: not loaded(), seconds=60, what="the library is unloaded")
        answer = requests.get(f"http://{address}/readyz", timeout=60)
        exporter.signal(signal.SIGUSR2)
        wait_for(loaded, seconds=60, what="the library is loaded again")

    assert before
    assert answer.status_code == requests.codes.unavailable
    assert "let go" in answer.text


def test_files_are_read_again(tmp_path: Path) -> None:
    """SIGHUP, with which dcgm-exporter is told to reload, ends nothing and says what it does."""
    counters, web = tmp_path / "counters.csv", tmp_path / "web.yml"
    counters.write_text("DCGM_FI_DEV_GPU_TEMP, gauge, a\n")
    web.write_text("{}\n")
    address = f"{LOOPBACK}:{free_port()}"
    flags = [f"--web.listen-address={address}", f"--web.config.file={web}"]
    flags += [f"--collectors-csv={counters}", "--collection.interval=0.2"]
    exporter = Process(
        "gpu-node", [COMMAND, "node", *flags], log=tmp_path / "log",
        environment=environment(tmp_path / "none"), ready_url=f"http://{address}/healthz",
    )  # fmt: skip
    with exporter:
        exporter.wait_ready()
        exporter.signal(signal.SIGHUP)
        wait_for(
            lambda: "web.yml was read again" in exporter.log.read_text(),
            seconds=60,
            what="it is read again",
        )
        code = requests.get(f"http://{address}/healthz", timeout=60).status_code

    assert requests.codes.ok == code
    assert "SIGHUP: files that flags name are read again" in exporter.log.read_text()


def test_the_cluster_is_read_as_told(tmp_path: Path) -> None:
    """Labels, taints, the number of happenings and the age of ended pods are the operator's."""
    pool = node("n1", labels={"team": "vision", "cost": "2.5"}, taints=[taint("team/vision")])
    ended = pod("old", 1, phase="Succeeded", status={"containerStatuses": []})
    flags = ["--node-label=pool=missing,team", "--allowed-taint=team/*", "--events=1"]
    flags += [
        "--node-label=price=cost",
        "--completed-for=0",
        "--no-stream-lists",
        "--cluster-name=east",
    ]
    address = f"{LOOPBACK}:{free_port()}"
    with running(pool, ended, pod("new", 2)) as cluster:
        kubeconfig = cluster.kubeconfig(tmp_path / "config")
        command = [COMMAND, "cluster", f"--kubeconfig={kubeconfig}", *flags]
        command += [f"--web.listen-address={address}"]
        ready = f"http://{address}/readyz"
        exporter = Process("gpu-cluster", command, log=tmp_path / "log", ready_url=ready)
        with exporter:
            exporter.wait_ready()
            told = Scrape(requests.get(f"http://{address}/metrics", timeout=60).content)

    assert 'model="unknown",pool="vision"' in told.of("gpu_node_info")[0]
    assert 'gpu_node_schedulable{node="n1"} 1' in told.lines
    assert 'gpu_node_hourly_price{node="n1"} 2.5' in told.lines
    assert 1 == len(told.of("gpu_event_timestamp_seconds"))
    assert 1 == len(told.of("gpu_pod_info"))
    assert 'gpu_cluster_info{cluster_name="east"} 1' in told.lines
