"""All that can go wrong with a Prometheus, at once: each fault has a cluster of its own."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import requests

from demo import stack
from demo.processes import LOOPBACK, answers, free_port, wait_for
from tests.support.http_relay import HttpFault, HttpRelay
from tests.support.job_follower import Follower
from tests.support.job_workers import Background
from tests.support.recorder import Heard, Pushed, Recorder, getting, listening_to
from tests.support.relay import Fault
from tests.support.stack import READY_SECONDS, SHIPPED, RunningStack, running_stack

GPUS = 300
FAULTS: tuple[Enum, ...] = (Fault.CUT, Fault.HUNG, Fault.SLOW, Fault.GARBAGE, *HttpFault)
FAILURES = [fault for fault in FAULTS if fault is not HttpFault.PARTIAL]
TTL, STALE = 3.0, 7.0
SLACK = 3.0
"""Windows open at whole seconds, and an answer may be under way when a fault begins."""
PAUSE = 1.0
"""Between what is asked of all of them at once; of each cluster twice as long."""
SCRAPE_SECONDS = 2
SETTINGS = {
    **SHIPPED,
    "cache": {"ttl": TTL, "stale": STALE},
    "monitoring": {"ttl": TTL},
    "pools": {"ttl": TTL},
    "upstream": {"pause": 1.0, "max_bytes": 1024 * 1024},
    # A busy machine is not what is looked for.
    "real_time_metrics": {"refresh_interval": 3, "deadline": 2.0},
}
STATUS = "/api/v1/realtime/status"
HEALTH = "/api/v1/system/health"
CLUSTERS = "/api/v1/clusters"
POOLS = "/api/pools"
VITALS = "/api/v1/real-time-metrics"
DATA = (STATUS, "/api/v1/realtime/running-tasks", "/api/v1/scheduler/status")
"""What is asked for cluster by cluster, and told by Prometheus alone."""
UNTOUCHED = ("/healthz", "/metrics", "/api/jobs")
JOB = "job-of-a-fault"
REPORT = f"POST {JOB}"


def name_of(fault: Enum) -> str:
    """Return what the cluster is called whose Prometheus has the fault."""
    return fault.name.lower()


def part_of(fault: Enum) -> str:
    """Return what of its cluster real-time metrics call ill."""
    # One that has lost its data is well itself: what it should know of is not there.
    part = "gpu-cluster" if fault is HttpFault.EMPTY else "prometheus"
    return f"{part}@{name_of(fault)}"


@dataclass(frozen=True)
class Outage:
    """All faults at once, each of one cluster's Prometheus; the first cluster's is well.

    Attributes:
        began: When all of them began.
        lifted: When all were over.
        requests: How often each Prometheus was asked meanwhile.
    """

    stack: RunningStack
    recorder: Recorder
    follower: Follower
    pushed: Pushed
    log: Path
    began: float
    lifted: float
    requests: dict[Enum, int]

    def heard(self, path: str, cluster: str, start: float, end: float) -> list[Heard]:
        """Return the answers about a cluster; fails the test when there are none."""
        found = self.recorder.between(f"{path} {cluster}", start, end)
        assert found, f"{path} {cluster} was not answered"
        return found

    def during(self, path: str, fault: Enum, after: float = 0.0) -> list[Heard]:
        """Return the answers asked for when the fault had lasted *after* seconds, and more."""
        return self.heard(path, name_of(fault), self.began + after, self.lifted)

    @cached_property
    def allocated(self) -> dict[float, float]:
        """What Prometheus itself says was allocated, by the time of the evaluation."""
        url = f"{self.stack.prometheus_url}/api/v1/query"
        series = f'cluster:gpu_allocated:sum{{cluster="{stack.CLUSTER}"}}[5m]'
        answer = requests.get(url, params={"query": series}, timeout=20).json()
        [told] = answer["data"]["result"]
        return {at: float(value) for at, value in told["values"]}


def _clusters(relays: dict[Enum, HttpRelay], cleanup: ExitStack, port: int) -> list[dict[str, Any]]:
    known: list[dict[str, Any]] = [
        {"name": stack.CLUSTER, "prometheus_url": f"http://{LOOPBACK}:{port}"}
    ]
    for fault in FAULTS:
        relays[fault] = relay = cleanup.enter_context(HttpRelay(port))
        same = {"cluster": stack.CLUSTER}
        known.append({"name": name_of(fault), "prometheus_url": relay.url, "matchers": same})
    return known


def _of_each(url: str) -> list[dict[str, Any]]:
    """Return what is asked of each cluster, by a client for each."""
    return [
        {f"{path} {name}": getting(url + path, cluster=name) for path in (*DATA, HEALTH)}
        for name in (stack.CLUSTER, *map(name_of, FAULTS))
    ]


def _of_all(url: str) -> list[dict[str, Any]]:
    """Return what is asked of all of them at once, by two clients."""
    numbers = count(1)

    def report(session: requests.Session) -> requests.Response:
        body = {"workerId": "w", "progress": 1, "logLines": [{"message": str(next(numbers))}]}
        return session.post(f"{url}/api/jobs/{JOB}/progress", json=body, timeout=30)

    return [
        {REPORT: report, **{path: getting(url + path) for path in UNTOUCHED}},
        {path: getting(url + path) for path in (POOLS, CLUSTERS, VITALS)},
    ]


def _all_fresh(recorder: Recorder, since: float) -> bool:
    return all(
        any(each.fresh and each.asked > since for each in recorder.heard.get(f"{path} {name}", ()))
        for path in DATA
        for name in (stack.CLUSTER, *map(name_of, FAULTS))
    )


def _all_well(recorder: Recorder) -> bool:
    entries = recorder.heard[VITALS][-1].answer.json()["api_metrics"]
    # Nobody runs node exporters here.
    parts = [
        each for each in entries if each["service"].startswith(("prometheus@", "gpu-cluster@"))
    ]
    return all(each["status"] == "healthy" for each in parts)


def _settled(recorder: Recorder, since: float) -> bool:
    """Tell whether everything was answered at least once that was asked for after a moment."""
    asked = [f"{path} {name_of(fault)}" for path in (*DATA, HEALTH) for fault in FAULTS]
    parts = {part_of(fault) for fault in FAILURES}
    if not all(
        any(each.asked > since for each in recorder.heard[name]) for name in (*asked, POOLS, VITALS)
    ):
        return False
    # On a busy machine it takes a while until each is known to be ill.
    for fault in FAILURES:
        if recorder.heard[f"{HEALTH} {name_of(fault)}"][-1].answer.json()["status"] != "unhealthy":
            return False
    entries = recorder.heard[VITALS][-1].answer.json()["api_metrics"]
    if any(each["service"] in parts and each["status"] == "healthy" for each in entries):
        return False
    listed = recorder.heard[CLUSTERS][-1]
    ill = [each for each in listed.answer.json()["clusters"] if each["health"] == "unhealthy"]
    return listed.asked > since and len(ill) == len(FAILURES)


@contextmanager
def outage_of_all(folder: Path) -> Iterator[Outage]:
    """Let it happen once, from the first fresh answers to the next ones of all."""
    relays: dict[Enum, HttpRelay] = {}
    stream = f"{LOOPBACK}:{free_port()}"
    more = {"stream_listen": stream, "database_url": f"sqlite:///{folder / 'jobs.db'}"}
    with ExitStack() as cleanup:
        running = cleanup.enter_context(
            running_stack(
                folder,
                "living",
                seconds=SCRAPE_SECONDS,
                settings={**SETTINGS, **more},
                clusters=lambda port: _clusters(relays, cleanup, port),
            )
        )
        running.wait_for_totals(GPUS)
        ready = f"http://{stream}/healthz"
        wait_for(lambda: answers(ready), seconds=READY_SECONDS, what="the gateway")
        recorder, follower = Recorder(), Follower(f"ws://{stream}/ws", [JOB])
        following = Background(follower.follow())
        pushed = cleanup.enter_context(listening_to(f"ws://{stream}{VITALS}/ws?interval=1"))
        with (
            recorder.asking(_of_all(running.api_url), PAUSE),
            recorder.asking(_of_each(running.api_url), 2 * PAUSE),
        ):
            wait_for(lambda: _all_fresh(recorder, 0), seconds=READY_SECONDS, what="all fresh")
            before = {fault: relay.requests for fault, relay in relays.items()}
            began = time.time()
            for fault, relay in relays.items():
                relay.fault = fault
            wait_for(
                lambda: _settled(recorder, began + STALE + SLACK),
                seconds=READY_SECONDS,
                what="answers about all that fail",
                every=0.5,
            )
            lifted = time.time()
            asked = {fault: relay.requests - before[fault] for fault, relay in relays.items()}
            for relay in relays.values():
                relay.fault = Fault.NONE
            wait_for(lambda: _all_fresh(recorder, lifted), seconds=READY_SECONDS, what="recovery")
            wait_for(lambda: _all_well(recorder), seconds=READY_SECONDS, what="healthy parts")
            time.sleep(TTL)
        head = requests.get(f"{running.api_url}/api/jobs/{JOB}/monitor", timeout=20).json()["seq"]
        follower.until({JOB: head})
        following.join(READY_SECONDS)
        log = folder / "gpuscope-api.log"
        yield Outage(running, recorder, follower, pushed, log, began, lifted, asked)
