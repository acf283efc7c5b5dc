"""The stack as its users run it: real processes, started for one test and stopped after it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests

from demo import stack
from demo.processes import LOOPBACK, Process, ProcessError, free_port, next_free_port, wait_for

READY_SECONDS = 180.0
"""Far more than it takes: so long waits only who waits for something that hangs."""
SCRAPE_SECONDS = 1
LARGE_SCRAPE_SECONDS = 3
"""Of 1,500 nodes: once a second, Prometheus uses half a CPU for as long as it runs."""
CACHE = {"ttl": 0.5, "stale": 5.0}
"""Short enough for a test to see a window end."""
PATIENT = {"timeouts": {"connect": 20, "query": 60, "request": 60}}
"""What is told counts, not how soon: on a busy machine everything takes its time."""
SHIPPED: Mapping[str, Any] = {"timeouts": {}}
"""Of a Prometheus that does not answer a client hears as soon as any client does."""
LIMITS = {"per_minute": 0}
"""A test asks as often as it can; everything else is as shipped."""
QUERIED = ("rules/totals.yml", "rules/nodes.yml")
"""What the query API reads of the rules: all of them and the alerts, each second, cost a lot."""
EVERYTHING = ()
"""All rules and alerts, as shipped."""
NO_STREAM = {"stream_listen": None}
"""Tests that open no WebSocket leave its port to whoever does."""
NO_POOLS = {"database_url": None}
"""Tests that keep no pools spare the service the making of tables."""


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A fleet, its exporter, a Prometheus and the query API."""

    fleet: Process
    exporter: Process
    prometheus: Process
    api: Process
    fleet_url: str
    exporter_url: str
    prometheus_url: str
    api_url: str
    kubeconfig: Path

    def status(self, **parameters: Any) -> dict[str, Any]:
        """Return `data` of a status answer; fails the test unless it is a success."""
        return self._data("status", parameters)

    def running_tasks(self, **parameters: Any) -> dict[str, Any]:
        """Return `data` of a running-tasks answer; fails the test unless it is a success."""
        return self._data("running-tasks", parameters)

    def ask(self, endpoint: str, **parameters: Any) -> requests.Response:
        """Return the answer of a realtime endpoint for the demo's cluster, whatever its status."""
        return requests.get(
            f"{self.api_url}/api/v1/realtime/{endpoint}",
            params={"cluster": stack.CLUSTER, **parameters},
            timeout=60,
        )

    def wait_for_totals(self, total_gpus: int) -> None:
        """Wait until the status answer shows the whole fleet."""

        def shown() -> bool:
            answer = self.ask("status")
            if answer.status_code != requests.codes.ok:
                return False
            usage = answer.json()["data"]["current_gpu_usage"]
            return bool(usage["total_gpus"] == total_gpus)

        wait_for(shown, seconds=READY_SECONDS, what="the fleet's totals", every=0.2)

    def _data(self, endpoint: str, parameters: dict[str, Any]) -> dict[str, Any]:
        answer = self.ask(endpoint, **parameters)
        assert answer.status_code == requests.codes.ok, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data


@contextmanager
def running_stack(
    directory: Path,
    use: str,
    *arguments: str,
    stale_after: float = 120.0,
    hosts: bool = False,
    seconds: int = SCRAPE_SECONDS,
    settings: Mapping[str, Any] | None = None,
    rules: Sequence[str] = QUERIED,
    measured: bool = False,
    clusters: Callable[[int], Sequence[Mapping[str, Any]]] | None = None,
) -> Iterator[RunningStack]:
    """Run a fleet and everything that reads it.

    Args:
        directory: Where logs and data go.
        use: `living`, `packed` or `timeline`; see `python -m demo.fleet --help`.
        arguments: More of that command's arguments.
        hosts: Whether CPU, memory and network of a living fleet's nodes are measured too.
        seconds: Time between two scrapes, and between two evaluations of the rules.
        stale_after: When the exporter gives up on what it last heard, in seconds.
        settings: More settings of the query API; without `database_url` no pools are kept.
        rules: The files of rules and alerts that Prometheus loads.
        measured: Whether coverage is measured in these processes too, which slows them.
        clusters: Returns the query API's clusters, given Prometheus' port; default: the demo's.
    """
    fleet_port, exporter_port, prometheus_port, api_port = (free_port() for _ in range(4))
    kubeconfig = directory / "kubeconfig"
    prometheus_url = f"http://{LOOPBACK}:{prometheus_port}"
    known = [{"name": stack.CLUSTER, "prometheus_url": prometheus_url}]
    asked = known if clusters is None else clusters(prometheus_port)
    given: dict[str, Any] = {"clusters": asked, "cache": CACHE, "limits": LIMITS}
    given |= {**PATIENT, **NO_STREAM, **NO_POOLS}
    with ExitStack() as cleanup:
        start = partial(_started, cleanup) if measured else partial(_started_alone, cleanup)
        prometheus = stack.prometheus(
            directory,
            prometheus_port,
            targets={"gpu-cluster": exporter_port},
            seconds=seconds,
            rules=rules,
        )
        if hosts:
            stack.write_node_targets(directory / "prometheus/targets/node.yml", fleet_port)
        yield RunningStack(
            fleet=start(stack.fleet(directory, fleet_port, use, *arguments)),
            exporter=start(
                stack.cluster_exporter(
                    directory, exporter_port, kubeconfig, f"--stale-after={stale_after}"
                )
            ),
            prometheus=start(prometheus),
            api=start(stack.query_api(directory, [api_port], {**given, **(settings or {})})),
            fleet_url=f"http://{LOOPBACK}:{fleet_port}",
            exporter_url=f"http://{LOOPBACK}:{exporter_port}",
            prometheus_url=prometheus_url,
            api_url=f"http://{LOOPBACK}:{api_port}",
            kubeconfig=kubeconfig,
        )


def listening(make: Callable[[int], Process], wanted: int | None) -> tuple[Process, int]:
    """Start a process on the *wanted* port, or on a spare one where somebody else has it.

    Args:
        make: Returns the process that listens on a port.
        wanted: Where it should listen; None = anywhere.
    """
    port = free_port() if wanted is None else next_free_port(wanted)
    process = make(port)
    process.start()
    try:
        process.wait_ready(seconds=READY_SECONDS)
    except ProcessError:
        if port != wanted or process.alive():
            process.stop()
            raise
        # Somebody was faster.
        return listening(make, None)
    return process, port


def unmeasured(process: Process) -> Process:
    """Have no coverage measured in a process that is yet to start: others run the same lines."""
    process.environment = {**(process.environment or {}), "COVERAGE_PROCESS_CONFIG": ""}
    return process


def _started_alone(cleanup: ExitStack, process: Process) -> Process:
    return _started(cleanup, unmeasured(process))


def _started(cleanup: ExitStack, process: Process) -> Process:
    cleanup.enter_context(process)
    process.wait_ready(seconds=READY_SECONDS)
    return process
