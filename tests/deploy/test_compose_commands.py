"""docker-compose.yml as it would run: its own command lines, without containers around them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from demo.processes import Process, wait_for
from demo.stack import CLUSTER
from tests.support.measured import the_demo_alone
from tests.support.uncontained import PORTS, Uncontained

pytestmark = pytest.mark.e2e

SECONDS = 300.0
EXPORTERS = 2
"""Of the fleet's forty nodes: what is promised here does not need more."""


@pytest.fixture(name="_spared_coverage", scope="module", autouse=True)
def _measured() -> Iterator[None]:
    """Nothing else runs the fleet's container and its people."""
    with the_demo_alone():
        yield


@dataclass(frozen=True, slots=True)
class Running:
    """The stack, each service's process, and the folder that stands in for containers' roots."""

    stack: Uncontained
    processes: dict[str, Process]
    root: Path

    def api(self, path: str) -> str:
        """Return a URL of the query API."""
        return self.stack.url("queryapi", 8080) + path


@pytest.fixture(name="running", scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("root")
    stack = Uncontained(root)
    more = {"demo": (f"--port={stack.url('demo', 6443).rpartition(':')[2]}",
                     f"--exporters={EXPORTERS}")}  # fmt: skip
    with ExitStack() as cleanup:
        with stack.process("tokens") as tokens:
            wait_for(lambda: not tokens.alive(), seconds=SECONDS, what="the first token")
        processes = {}
        # As `depends_on` has it, and otherwise at once.
        for together in (("demo",), sorted(PORTS.keys() - {"demo"}), ("demo-work",)):
            for name in together:
                process = stack.process(name, *more.get(name, ()))
                processes[name] = cleanup.enter_context(process)
            for name in together:
                if name in PORTS:
                    stack.wait_healthy(name, processes[name])
        yield Running(stack, processes, root)


def test_every_service_becomes_healthy(running: Running) -> None:
    """Each command line starts what it names, and the service's own check finds it well."""
    assert PORTS.keys() | {"demo-work"} == running.processes.keys()
    assert [] == [name for name, it in running.processes.items() if not it.alive()]


def test_prometheus_reaches_every_service(running: Running) -> None:
    """All targets are up: no address in its configuration leads nowhere."""
    targets = running.stack.url("prometheus", 9090) + "/api/v1/targets"
    seen: list[tuple[str, str]] = []

    def all_up() -> bool:
        active = requests.get(targets, timeout=60).json()["data"]["activeTargets"]
        seen[:] = [(target["labels"]["job"], target["health"]) for target in active]
        return len(seen) > EXPORTERS and {health for _, health in seen} == {"up"}

    wait_for(all_up, seconds=SECONDS, what="all targets", every=0.5)

    jobs = {
        *("gpu-node", "gpu-cluster", "gpuscope-api", "gpuscope-stream", "node", "prometheus"),
        "alertmanager",
    }
    assert jobs == {job for job, _ in seen}
    assert EXPORTERS + 1 == len([job for job, _ in seen if job == "gpu-node"])


def test_alerts_reach_the_alertmanager(running: Running) -> None:
    """Prometheus knows where to send them."""
    url = running.stack.url("prometheus", 9090) + "/api/v1/alertmanagers"

    def known() -> bool:
        return bool(requests.get(url, timeout=60).json()["data"]["activeAlertmanagers"])

    wait_for(known, seconds=SECONDS, what="the Alertmanager", every=0.5)


def test_everybody_here_may_read_and_nobody_may_write(running: Running) -> None:
    """Without a token the documents' requests are answered, and a change is refused."""
    status = running.api(f"/api/v1/realtime/status?cluster={CLUSTER}")

    def answered() -> bool:
        answer = requests.get(status, timeout=60)
        return bool(answer.ok and answer.json()["data"]["current_gpu_usage"]["total_gpus"] == 300)

    wait_for(answered, seconds=SECONDS, what=status, every=0.5)
    refused = requests.post(running.api("/api/jobs"), json={"jobId": "mine"}, timeout=60)

    assert requests.codes.forbidden == refused.status_code


def test_the_fleets_people_are_at_work(running: Running) -> None:
    """With the first token pools are registered, and jobs are reported of."""

    def shown() -> bool:
        pools = requests.get(running.api("/api/pools"), timeout=60).json().get("pools", [])
        jobs = requests.get(running.api("/api/jobs"), timeout=60).json().get("jobs", [])
        return "Burst Capacity" in [pool["name"] for pool in pools] and bool(jobs)

    wait_for(shown, seconds=SECONDS, what="pools and jobs", every=0.5)


def test_the_first_token_is_made_once(running: Running) -> None:
    """A second start leaves it as it is, and nobody else on the machine can read it."""
    token = running.root / "var/lib/gpuscope-tokens/operator.token"
    before = token.read_text()
    with running.stack.process("tokens") as again:
        wait_for(lambda: not again.alive(), seconds=SECONDS, what="the second start")

    assert before == token.read_text() != ""
    assert 0o600 == token.stat().st_mode & 0o777


def test_the_settings_can_be_used(running: Running) -> None:
    """`--check-config` finds nothing wrong, for one worker and for several."""
    config = running.root / "etc/gpuscope/gpuscope.yml"
    password = running.root / "password"
    password.write_text("a secret")
    several = {
        "GPUSCOPE_WORKERS": "4",
        "GPUSCOPE_DATABASE_URL": "postgresql+psycopg://gpuscope@postgres/gpuscope",
        "GPUSCOPE_DATABASE_PASSWORD_FILE": str(password),
        "GPUSCOPE_REDIS_URL": "redis://redis:6379/0",
    }
    command = Path(sys.executable).with_name("gpuscope-api")
    for variables in ({}, several):
        checked = subprocess.run(
            [command, f"--config={config}", "--check-config"],
            capture_output=True, text=True, check=False, env={**os.environ, **variables},
        )  # fmt: skip

        assert 0 == checked.returncode, checked.stderr
