"""An ailing GPU reaches whoever is on call, and the query API's clients; then it is over."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any, Self

import pytest
import requests
import yaml

from demo import stack
from demo.fleet.faults import FAULTS
from demo.nvml.build import environment
from demo.nvml.models import H100, device
from demo.nvml.scenario import Scenario, write
from demo.processes import LOOPBACK, Process, free_port, wait_for
from demo.stack import CLUSTER, ROOT
from tests.support.answering import QuietHTTPServer
from tests.support.apiserver import running
from tests.support.cluster_objects import node
from tests.support.stack import CACHE, LIMITS, NO_POOLS, NO_STREAM

pytestmark = pytest.mark.e2e

SECONDS = 120.0

RULES = ("rules/totals.yml", "rules/nodes.yml", "alerts/hardware.yml")
"""What the status reads, and what the fault is told by."""


class Webhook:
    """Whom Alertmanager sends to; keeps the alerts that it is sent."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        taken = self.alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.extend(json.loads(body)["alerts"])
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
                """Say nothing."""

        self._server = QuietHTTPServer((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self._server.server_port}/"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True, slots=True)
class Site:
    """A node with one GPU, and everything that watches it."""

    scenario: Path
    webhook: Webhook
    status_url: str = field(default="")

    def ails(self, fault: str | None) -> None:
        """Let the GPU ail, or be well."""
        well = device(H100, "GPU-a", 0, busy=0.5)
        write(self.scenario, Scenario((FAULTS[fault](well) if fault else well,)))

    def notified(self, status: str, name: str) -> dict[str, Any]:
        """Wait until Alertmanager has sent an alert of this status and name; return it."""
        found: list[dict[str, Any]] = []

        def came() -> bool:
            found[:] = [
                alert
                for alert in list(self.webhook.alerts)
                if (status, name) == (alert["status"], alert["labels"]["alertname"])
            ]
            return bool(found)

        wait_for(came, seconds=SECONDS, what=f"a notice of {name}, {status}", every=0.2)
        return found[-1]

    def told(self) -> list[dict[str, Any]] | None:
        """Return the alerts that the query API tells; None while it has no answer."""
        answer = requests.get(self.status_url, timeout=60)
        found: list[dict[str, Any]] | None = None
        if answer.status_code == requests.codes.ok:
            found = answer.json()["data"]["alerts"]
        return found


@pytest.fixture(name="site", scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A node exporter on the stand-in driver, and the shipped rules, alerts and routes.

    Only waits are shorter than shipped: of scrapes, alerts and groups of alerts.
    """
    folder = tmp_path_factory.mktemp("site")
    scenario, kubeconfig = folder / "driver.ini", folder / "kubeconfig"
    ports = {job: free_port() for job in ("gpu-node", "gpu-cluster", "alertmanager")}
    prometheus_port, api_port = free_port(), free_port()
    url = f"http://{LOOPBACK}:{prometheus_port}"
    api = f"http://{LOOPBACK}:{api_port}/api/v1/realtime/status"
    clusters = [{"name": CLUSTER, "prometheus_url": url}]
    given = {"clusters": clusters, "cache": CACHE, "limits": LIMITS, **NO_STREAM, **NO_POOLS}
    with ExitStack() as held:
        webhook = held.enter_context(Webhook())
        site = Site(scenario, webhook, f"{api}?cluster={CLUSTER}&include=alerts")
        site.ails(None)
        held.enter_context(running(node("node-a", gpus=1))).kubeconfig(kubeconfig)
        config = _quick_routes(folder, webhook.url)
        prometheus = stack.prometheus(
            folder, prometheus_port, targets=ports, seconds=1, rules=RULES
        )
        _hurry(folder / "prometheus" / "alerts")
        for process in (
            stack.alertmanager(folder, ports["alertmanager"], config),
            _node_exporter(folder, ports["gpu-node"], scenario),
            stack.cluster_exporter(folder, ports["gpu-cluster"], kubeconfig),
            prometheus,
            stack.query_api(folder, [api_port], given),
        ):
            held.enter_context(process)
            process.wait_ready(seconds=SECONDS)
        wait_for(lambda: site.told() is not None, seconds=SECONDS, what="a status", every=0.2)
        yield site


def _quick_routes(folder: Path, url: str) -> Path:
    """Return the shipped routes, all of which lead to *url* and wait for nobody."""
    config = yaml.safe_load((ROOT / "prometheus" / "alertmanager.yml").read_text())
    hook = [{"url": url, "send_resolved": True}]
    config["receivers"] = [{**each, "webhook_configs": hook} for each in config["receivers"]]
    text = yaml.safe_dump(config)
    path = folder / "alertmanager.yml"
    path.write_text(re.sub(r"(group_(?:wait|interval)): .*", r"\1: 1s", text))
    return path


def _hurry(alerts: Path) -> None:
    for path in alerts.iterdir():
        text = re.sub(r"( for|keep_firing_for): .*", r"\1: 1s", path.read_text())
        path.write_text(text)


def _node_exporter(folder: Path, port: int, scenario: Path) -> Process:
    return Process(
        "gpu-node",
        [
            str(Path(sys.executable).with_name("gpuscope-exporter")),
            *("node", f"--web.listen-address={LOOPBACK}:{port}", "--node-name=node-a"),
            *("--collection.interval=1", "--collection.medium-interval=1"),
            "--collection.slow-interval=1",
        ],
        log=folder / "gpu-node.log",
        environment=environment(scenario),
        ready_url=f"http://{LOOPBACK}:{port}/readyz",
    )


def test_a_fault_is_told_and_ends(site: Site) -> None:
    """Driver → Prometheus → Alertmanager → a webhook, and the status; then resolved in both."""
    name = "GpuRecoveryActionNeeded"
    site.ails("needs_reset")
    notice = site.notified("firing", name)
    wait_for(
        lambda: name in {alert["type"] for alert in site.told() or []},
        seconds=SECONDS,
        what="the alert in the status",
        every=0.2,
    )
    site.ails(None)
    site.notified("resolved", name)
    wait_for(
        lambda: (told := site.told()) is not None and name not in {it["type"] for it in told},
        seconds=SECONDS,
        what="a status without the alert",
        every=0.2,
    )
    labels = notice["labels"]

    assert (CLUSTER, "node-a", "0", "GPU-a", "critical", "gpu") == tuple(
        labels[label] for label in ("cluster", "node", "gpu", "uuid", "severity", "team")
    )
    assert f"docs/runbook.md#{name.lower()}" in notice["annotations"]["runbook_url"]
    assert "node-a" in notice["annotations"]["description"]
