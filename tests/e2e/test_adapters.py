"""A fleet with dcgm-exporter and kube-state-metrics is answered for as one with our exporters."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
import yaml

from demo import stack
from demo.processes import ProcessError, free_port, wait_for
from tests.support import nativelink
from tests.support.adapters.fleet import DEVICES, ours
from tests.support.adapters.theirs import Generation, dcgm_exporter, kube_state_metrics
from tests.support.answering import AnsweringServer
from tests.support.api_process import Api, api
from tests.support.stack import CACHE, PATIENT, READY_SECONDS

pytestmark = pytest.mark.e2e

T = TypeVar("T")

OURS, OLD, NEW, BUILDS = "ours", "old", "new", "builds"
THEIRS = (OLD, NEW)
STATUS, TASKS = "/api/v1/realtime/status", "/api/v1/realtime/running-tasks"
PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    OURS: {"gpu-cluster": ours},
    OLD: {
        "kube-state-metrics": lambda: kube_state_metrics(Generation.OLD),
        "dcgm-exporter": lambda: dcgm_exporter(Generation.OLD),
    },
    NEW: {
        "kube-state-metrics": lambda: kube_state_metrics(Generation.NEW),
        "dcgm-exporter-honoured": lambda: dcgm_exporter(Generation.NEW),
    },
    BUILDS: {"nativelink": lambda: nativelink.exposition("nativelink_")},
}
"""By cluster and scrape job. Only of the new generation honor_labels is set, as some do."""
STAGES = ("queued", "executing", "completed")
ENDED = ("PodFinished", "PodFailed")
"""The newest that happened."""
UNTOLD = ("owner", "running_time_seconds")
# A target has these labels where Prometheus finds it in Kubernetes.
FOUND = {"namespace": "monitoring", "pod": "exporter-x", "container": "exporter"}


@dataclass(frozen=True)
class Stand:
    """One Prometheus that scrapes all, and the API over it."""

    prometheus: str
    api: Api

    def data(self, path: str, cluster: str, **query: Any) -> dict[str, Any]:
        """Return what an answer holds, without its moment."""
        answer = self.api.get(path, cluster=cluster, **query)
        answer.raise_for_status()
        told = copy.deepcopy(answer.json()["data"])
        return {key: value for key, value in told.items() if key not in ("timestamp", "cluster")}

    def scheduler(self, cluster: str) -> dict[str, Any]:
        """Return what scheduler monitoring counts."""
        answer = self.api.get("/api/v1/scheduler/status", cluster=cluster)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return {
            key: value for key, value in told.items() if key.endswith(("workers", "operations"))
        }

    def values(self, query: str) -> dict[str, float]:
        """Return the values of a query by all their labels but the cluster's, as a text."""
        url = f"{self.prometheus}/api/v1/query"
        result = requests.get(url, params={"query": query}, timeout=60).json()["data"]["result"]
        return {_written(it["metric"]): float(it["value"][1]) for it in result}


def _told(tell: Callable[[], T], right: Callable[[T], bool]) -> T:
    """Return what is told, once it is right or will never be.

    A busy machine does not answer each scrape within its second, and what is missed is not told.
    """
    told: list[T] = []

    def is_right() -> bool:
        with suppress(requests.HTTPError):
            told.append(tell())
        return bool(told) and right(told[-1])

    with suppress(ProcessError):
        wait_for(is_right, seconds=60, what="what is right")
    return told[-1]


def _agreed(tell: Callable[[str], T], cluster: str) -> tuple[T, T]:
    """Return what is told of our cluster and of theirs."""
    return _told(lambda: (tell(OURS), tell(cluster)), lambda both: both[0] == both[1])


def _written(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels.keys() - {"cluster"}))


SAME = (
    *("gpu_node_capacity", "gpu_node_allocatable", "gpu_node_allocated", "gpu_node_free"),
    *("gpu_node_unavailable", "gpu_node_overcommitted", "gpu_node_ready", "gpu_node_cordoned"),
    *("gpu_node_schedulable", "gpu_node_problem", "gpu_node_created_timestamp_seconds"),
    *("gpu_node_allocatable_cpu_cores", "gpu_node_info", "gpu_free_block", "gpu_free_nodes"),
    *("gpu_pod_requested", "gpu_pod_allocated", "gpu_pod_created_timestamp_seconds"),
    *("gpu_pod_scheduled_timestamp_seconds", "gpu_pod_start_timestamp_seconds"),
    *("gpu_pod_finished_timestamp_seconds", "gpu_pods", "gpu_orphaned_allocated"),
    *("gpu_up", "gpu_utilization_ratio", "gpu_memory_used_bytes", "gpu_memory_total_bytes"),
    *("gpu_temperature_celsius", "gpu_power_watts"),
)
"""Series that are the same to the last label."""
PARTS = {
    "gpu_pod_state": "(namespace, pod, uid, phase, state)",
    "gpu_pod_info": "(namespace, pod, uid, node, workload_type, workload_name, workload_group)",
    "gpu_pending_pods": "(namespace)",
    "gpu_pending_requested": "(namespace)",
    "gpu_info": "(uuid, gpu, node, model)",
    "gpu_event_timestamp_seconds": "(type, object, message)",
}
"""Series of which only these labels are told by others."""


@pytest.fixture(name="stand", scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("adapters")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as cleanup:
        process = stack.prometheus(folder, port, targets={}, seconds=1, rules=["rules/*.yml"])
        _scrape(folder / "prometheus" / "prometheus.yml", cleanup)
        cleanup.enter_context(process)
        process.wait_ready(seconds=READY_SECONDS)
        clusters = [{"name": name, "prometheus_url": url} for name in (OURS, *THEIRS)]
        builds = {"name": BUILDS, "prometheus_url": url, "source": "nativelink"}
        settings = {"cache": CACHE, "clusters": [*clusters, builds], **PATIENT}
        yield Stand(url, cleanup.enter_context(api(folder, url, settings)))


def _scrape(path: Path, cleanup: ExitStack) -> None:
    """Load the adapters, and scrape every page as its job would be."""
    config = yaml.safe_load(path.read_text())
    config["rule_files"].append("rules/adapters/*.yml")
    for cluster, pages in PAGES.items():
        labels = {"cluster": cluster, **(FOUND if cluster in THEIRS else {})}
        for job, page in pages.items():
            address = _served(page, cleanup)
            config["scrape_configs"].append(
                {
                    "job_name": f"{job}-of-{cluster}",
                    "honor_labels": job != "dcgm-exporter",
                    "static_configs": [{"targets": [address], "labels": labels}],
                }
            )
    path.write_text(yaml.safe_dump(config))


def _served(page: Callable[[], str], cleanup: ExitStack) -> str:
    text = {"Content-Type": "text/plain; version=0.0.4"}
    server = AnsweringServer(lambda _path, _query: (200, text, page().encode()))
    cleanup.enter_context(server)
    return server.url.removeprefix("http://")


@pytest.fixture(name="settled", scope="module")
def _settled(stand: Stand) -> Stand:
    """All of it, once every rule has seen what it reads."""

    def is_settled() -> bool:
        asked = [stand.api.get(STATUS, cluster=one, include=["events"]) for one in (OURS, *THEIRS)]
        told = [it.json()["data"] for it in asked if it.ok]
        return len(told) == len(asked) and all(
            it["current_gpu_usage"]["utilized_gpus"]
            and it["recent_events"]
            and it["recent_events"][0]["type"] in ENDED
            for it in told
        )

    wait_for(is_settled, seconds=READY_SECONDS, what="status of all clusters", every=0.2)
    return stand


@pytest.mark.parametrize("cluster", THEIRS)
def test_status_is_the_same(settled: Stand, cluster: str) -> None:
    """Usage, nodes, happenings and alerts are told as if our exporters ran."""
    include = ["nodes", "alerts", "events"]

    def told(name: str) -> dict[str, Any]:
        return settled.data(STATUS, name, include=include)

    mine, theirs = _agreed(told, cluster)

    assert mine == theirs


@pytest.mark.parametrize("cluster", THEIRS)
def test_running_tasks_are_the_same(settled: Stand, cluster: str) -> None:
    """Tasks, their workloads, nodes and times are told, all but the UID of their owner."""

    def told(name: str) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = settled.data(TASKS, name)["tasks"]
        return [{k: v for k, v in it.items() if k not in UNTOLD} for it in tasks]

    mine, theirs = _agreed(told, cluster)

    assert mine == theirs
    assert {""} == {it["owner"] for it in settled.data(TASKS, cluster)["tasks"]}


@pytest.mark.parametrize("cluster", THEIRS)
def test_the_scheduler_is_the_same(settled: Stand, cluster: str) -> None:
    """Scheduler monitoring counts the same workers and operations."""
    mine, theirs = _agreed(settled.scheduler, cluster)

    assert mine == theirs
    assert mine["total_workers"]


@pytest.mark.parametrize("cluster", THEIRS)
def test_every_series_is_the_same(settled: Stand, cluster: str) -> None:
    """What dashboards and rules read of nodes, pods and devices is there, value for value."""
    asked = {name: f"max without (instance, job) ({name}{{CLUSTER}})" for name in SAME}
    asked |= {name: f"sum by {by} ({name}{{CLUSTER}})" for name, by in PARTS.items()}

    def told(name: str) -> dict[str, dict[str, float]]:
        return {
            key: settled.values(query.replace("CLUSTER", f'cluster="{name}"'))
            for key, query in asked.items()
        }

    mine, theirs = _agreed(told, cluster)

    assert mine == theirs
    assert set() == {name for name, values in mine.items() if not values}


@pytest.mark.parametrize("cluster", THEIRS)
def test_who_holds_a_device_is_known(settled: Stand, cluster: str) -> None:
    """A device is its pod's, with and without honor_labels, and never dcgm-exporter's own."""
    query = f'sum by (uuid, namespace, pod, uid) (gpu_device_pod_info{{cluster="{cluster}"}})'
    expected = {
        f"namespace={it.namespace},pod={it.pod},uid=uid-{it.pod},uuid={it.uuid}": 1.0
        for it in DEVICES
        if it.pod
    }

    assert expected == _told(lambda: settled.values(query), lambda told: told == expected)
    query = f'sum by (uuid) (gpu_device_allocated{{cluster="{cluster}"}})'
    expected = {f"uuid={it.uuid}": float(bool(it.pod)) for it in DEVICES}
    assert expected == _told(lambda: settled.values(query), lambda told: told == expected)


def test_numbers_of_a_nativelink_are_recorded(settled: Stand) -> None:
    """Dashboards see the numbers of a NativeLink that scheduler monitoring answers."""
    told = _told(lambda: settled.scheduler(BUILDS), bool)
    expected = {
        "workers": {it: told[f"{it}_workers"] for it in ("active", "paused", "draining")},
        "operations": {it: told[f"{it}_operations"] for it in STAGES},
    }

    def recorded() -> dict[str, dict[str, float]]:
        return {
            what: {
                key.rpartition("=")[2]: value
                for key, value in settled.values(f"cluster:scheduler_{what}:sum").items()
            }
            for what in expected
        }

    assert expected == _told(recorded, lambda told: told == expected)


def test_nothing_is_recorded_of_our_exporters(settled: Stand) -> None:
    """Where our own exporters run, adapters are silent: nothing is told twice."""
    silent = settled.values(f'count by (__name__) ({{__name__=~"gpu_.+",cluster="{OURS}",job=""}})')

    assert {} == silent
