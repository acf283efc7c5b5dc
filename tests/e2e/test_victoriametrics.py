"""The API tells the same of a fleet whether Prometheus or VictoriaMetrics holds its series."""

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from demo.processes import ProcessError, wait_for
from demo.stack import CLUSTER
from tests.support.api_process import Api, api
from tests.support.monitored import Monitoring
from tests.support.prometheus import Target
from tests.support.stack import (
    CACHE,
    EVERYTHING,
    PATIENT,
    READY_SECONDS,
    RunningStack,
    running_stack,
)
from tests.support.victoriametrics import victoriametrics
from tests.support.whole import WHOLE

pytestmark = pytest.mark.e2e

NODES, GPUS, TASKS, ALL_PODS = (40, 320, 120, 400) if WHOLE else (10, 80, 30, 50)
EVERY = 0.5
"""Seconds between two looks."""
# What docs/prometheus.md asks operators to set.
FLAGS = ("-search.latencyOffset=0s",)
NOBODY = "127.0.0.1:1"
STATUS = "/api/v1/realtime/status"
RUNNING_TASKS = "/api/v1/realtime/running-tasks"
MONITORING = ("scheduler/status", "scheduler/metrics", "workers", "operations", "system/health")
# Moments at which each service began or was asked, or its store scraped.
CLOCKS = ("uptime_seconds", "timestamp", "last_update_timestamp")
# In every stage, and one that is taken away.
PODS = {"queued": ("Pending", ""), "checking": ("Pending", "n"), "failed": ("Failed", "n")}
GONE = {"ended": ("Succeeded", "n")}


@dataclass(frozen=True)
class Both:
    """One fleet that stands still, and the API over either store."""

    prometheus: RunningStack
    victoria: Api
    store: str
    first_totals: frozenset[int]
    besides: Target
    devices: str

    def tell(self, pods: Mapping[str, tuple[str, str]]) -> None:
        """Let a second exporter tell of *pods* too."""
        self.besides.text = self.devices + _pods(pods)

    def monitoring(self) -> list[dict[str, Any]]:
        """Return what either tells of the scheduler, by path and without its clocks."""
        return [
            {path: _without_clocks(_told(url, path)) for path in MONITORING}
            for url in (self.prometheus.api_url, self.victoria.urls[0])
        ]


@pytest.fixture(name="both", scope="module")
def _both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder, victoria = tmp_path_factory.mktemp("stack"), tmp_path_factory.mktemp("victoria")
    sizes = (f"--nodes={NODES}", f"--pods={ALL_PODS}", f"--gpu-pods={TASKS}")
    with (
        running_stack(folder, "large", *sizes, rules=EVERYTHING) as running,
        Target() as devices,
    ):
        devices.text = _devices(running)
        _scrape_besides(running, devices.address)
        with (
            victoriametrics(victoria, folder / "prometheus", *FLAGS) as store,
            api(victoria, store.url, {"cache": CACHE, **PATIENT}) as service,
        ):
            seen = set()

            def is_complete() -> bool:
                answer = service.get(STATUS, cluster=CLUSTER, include=["nodes", "alerts"])
                if not answer.ok:
                    return False
                told = answer.json()["data"]
                seen.add(told["current_gpu_usage"]["total_gpus"])
                return _is_all(told)

            wait_for(
                is_complete, seconds=2 * READY_SECONDS, what="VictoriaMetrics' totals", every=0.1
            )
            wait_for(
                lambda: _is_all(running.status(include=["nodes", "alerts"])),
                seconds=READY_SECONDS,
                what="Prometheus' totals",
                every=EVERY,
            )
            yield Both(running, service, store.url, frozenset(seen), devices, devices.text)


def _devices(running: RunningStack) -> str:
    """Return what a node exporter would say of every node's devices."""
    page = requests.get(f"{running.exporter_url}/metrics", timeout=60).text
    lines = [line for line in page.splitlines() if line.startswith("gpu_node_ready{")]
    names = sorted(line.partition('node="')[2].partition('"')[0] for line in lines)
    return "".join(
        f'gpu_utilization_ratio{{node="{name}",uuid="{name}-{gpu}",gpu="{gpu}"}} {gpu / 10}\n'
        for name in names
        for gpu in range(8)
    )


def _pods(pods: Mapping[str, tuple[str, str]]) -> str:
    """Return what a cluster exporter would say of *pods*, each with its phase and node."""
    lines = []
    for number, (name, (phase, node)) in enumerate(pods.items()):
        who = f'namespace="ml",pod="{name}",uid="{name}-uid"'
        lines += [
            f'gpu_pod_state{{{who},phase="{phase}"}} 1',
            f'gpu_pod_info{{{who},node="{node}",gpu_model="H100"}} 1',
            f"gpu_pod_requested{{{who}}} {number + 1}",
            f"gpu_pod_created_timestamp_seconds{{{who}}} {1_700_000_000 + number}",
        ]
    return "".join(f"{line}\n" for line in lines)


def _told(url: str, path: str) -> Any:
    return Monitoring(url).told(path)


def _without_clocks(told: Any) -> Any:
    if isinstance(told, list):
        return [_without_clocks(each) for each in told]
    return {name: value for name, value in told.items() if name not in CLOCKS}


def _scrape_besides(running: RunningStack, devices: str) -> None:
    """Scrape the devices too, and a target that is not there, and alert about it at once."""
    home = running.kubeconfig.parent / "prometheus"
    rules = home / "alerts" / "telemetry.yml"
    rules.write_text(rules.read_text().replace("for: 2m", "for: 0s"))
    targets = [{"targets": [devices, NOBODY], "labels": {"cluster": CLUSTER}}]
    (home / "targets" / "gpu-node.yml").write_text(json.dumps(targets))
    running.prometheus.signal(signal.SIGHUP)


def _is_all(told: dict[str, Any]) -> bool:
    return bool(
        told["alerts"]
        and told["current_gpu_usage"]["total_gpus"]
        and told["current_gpu_usage"]["utilized_gpus"]
        and told["current_gpu_usage"]["utilization_rate"] is not None
        and all(node["utilization"] is not None for node in told["nodes"])
    )


def _without_times(told: dict[str, Any]) -> dict[str, Any]:
    """Return the same without the moments, which are each store's own."""
    return {
        name: [_without_times(each) for each in value] if isinstance(value, list) else value
        for name, value in told.items()
        if name not in {"timestamp", "running_time_seconds"}
    }


def test_a_status_is_the_same_from_either(both: Both) -> None:
    """Totals, nodes and alerts are equal, and so is how recent the newest events are."""
    asked = {"include": ["nodes", "alerts", "events"]}

    read: list[dict[str, Any]] = []

    def is_all() -> bool:
        answers = (
            both.prometheus.ask("status", **asked),
            both.victoria.get(STATUS, cluster=CLUSTER, **asked),
        )
        read[:] = [answer.json()["data"] for answer in answers if answer.ok]
        return [True] * 2 == [_is_all(told) for told in read]

    # A scrape that a busy machine misses is missing for an evaluation or two, from either.
    wait_for(is_all, seconds=READY_SECONDS, what="all of it", every=EVERY)
    prometheus, victoria = read
    happened = [
        # Of many at the same second, which are among the ten is nobody's promise.
        [event["timestamp"] for event in told.pop("recent_events")]
        for told in (prometheus, victoria)
    ]

    assert GPUS == prometheus["current_gpu_usage"]["total_gpus"]
    assert NODES == len(prometheus["nodes"])
    assert [NOBODY] == [alert["source"] for alert in prometheus["alerts"]]
    assert _without_times(prometheus) == _without_times(victoria)
    assert happened[0] == happened[1]


def test_running_tasks_are_the_same_from_either(both: Both) -> None:
    """Every task is there with the same words and numbers."""
    read: list[dict[str, Any]] = []

    def is_all() -> bool:
        answers = (
            both.prometheus.ask("running-tasks"),
            both.victoria.get(RUNNING_TASKS, cluster=CLUSTER),
        )
        read[:] = [answer.json()["data"] for answer in answers if answer.ok]
        return [TASKS] * 2 == [told["total_tasks"] for told in read]

    wait_for(is_all, seconds=READY_SECONDS, what="all of them", every=EVERY)
    prometheus, victoria = read

    assert TASKS == prometheus["total_tasks"]
    assert _without_times(prometheus) == _without_times(victoria)


def test_scheduler_monitoring_is_the_same_from_either(both: Both) -> None:
    """Counts, workers and operations to the last property, in every stage, gone ones too."""
    both.tell({**PODS, **GONE})
    present = _settled(both, len(PODS) + len(GONE))
    both.tell(PODS)
    gone = next(iter(GONE))
    wait_for(
        lambda: not any(_knows(url, gone) for url in _stores(both)),
        seconds=READY_SECONDS,
        what="stores that know of no such pod any more",
        every=EVERY,
    )
    after = _settled(both, len(PODS) + len(GONE))
    both.tell({})
    [ended] = [
        each for each in after[0]["operations"] if each["client_operation_id"] == f"ml:{gone}"
    ]

    assert present[0] == present[1]
    assert after[0] == after[1]
    assert ("Completed", 1) == (ended["stage"], after[0]["scheduler/status"]["queued_operations"])
    assert NODES == after[0]["scheduler/status"]["total_workers"]


def _stores(both: Both) -> tuple[str, str]:
    return both.prometheus.prometheus_url, both.store


def _knows(url: str, pod: str) -> bool:
    asked = {"query": f'gpu_pod_state{{pod="{pod}"}}'}
    answer = requests.get(f"{url}/api/v1/query", params=asked, timeout=60).json()
    return bool(answer["data"]["result"])


def _settled(both: Both, besides: int) -> list[dict[str, Any]]:
    """Return what both tell once it is of the fleet's and of so many operations besides."""
    read: list[dict[str, Any]] = []

    def is_all() -> bool:
        read[:] = both.monitoring()
        # Of two windows, or of a scrape that one of them missed, is not what is compared here.
        return read[0] == read[1] and all(
            TASKS + besides
            == told["scheduler/status"]["total_operations"]
            == len(told["operations"])
            for told in read
        )

    with suppress(ProcessError):
        wait_for(is_all, seconds=READY_SECONDS, what="operations in both stores", every=EVERY)
    return read


def test_a_start_tells_no_zeros(both: Both) -> None:
    """While the first rules were evaluated there was an error or the truth, never an empty fleet.

    vmalert does not show a group's later rules what its earlier ones just recorded.
    """
    assert {GPUS} == both.first_totals
