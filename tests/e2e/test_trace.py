"""A production trace through the whole stack, against sums made straight from its rows."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_api_client import PrometheusConnect

from demo.processes import wait_for
from tests.support import oracle
from tests.support.oracle import Truth
from tests.support.stack import READY_SECONDS, RunningStack, running_stack
from tests.support.traced import SCRAPE_SECONDS, trace_folder
from tests.support.whole import WHOLE

pytestmark = [pytest.mark.e2e, pytest.mark.trace]

# Thousands of pods on a busy machine: what is told counts here, not how soon.
PATIENT = {"timeouts": {"query": 60, "request": 60}}
GPUS = 6212 if WHOLE else 1542
PEAK_SECOND = 12_523_649
SOME_PODS = 2000 if WHOLE else 500
TOO_MANY_PODS = 8152 if WHOLE else 2200
"""More than the cluster can hold: what is left over is in small blocks."""


@pytest.fixture(name="trace", scope="module")
def _trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trace_folder(tmp_path_factory)


@dataclass(frozen=True)
class Packed:
    """A running stack and the truth about its fleet."""

    stack: RunningStack
    truth: Truth


@pytest.fixture(name="packed", scope="module", params=[SOME_PODS, TOO_MANY_PODS])
def _packed(
    trace: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Packed]:
    directory = tmp_path_factory.mktemp("packed")
    arguments = (f"--trace={trace}", f"--pods={request.param}")
    with running_stack(
        directory, "packed", *arguments, seconds=SCRAPE_SECONDS, settings=PATIENT
    ) as running:
        running.wait_for_totals(GPUS)
        yield Packed(running, oracle.packed(trace, request.param))


@pytest.fixture(name="timeline", scope="module")
def _timeline(trace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    directory = tmp_path_factory.mktemp("timeline")
    arguments = (f"--trace={trace}", f"--at={PEAK_SECOND}")
    with running_stack(
        directory, "timeline", *arguments, seconds=SCRAPE_SECONDS, settings=PATIENT
    ) as running:
        running.wait_for_totals(GPUS)
        yield running


def _shown(running: RunningStack) -> Truth:
    """Return what clients of the query API and of Prometheus are told."""
    status = _told(running, "status")
    usage, available = status["current_gpu_usage"], status["available_resources"]
    return Truth(
        total_gpus=usage["total_gpus"],
        allocated_gpus=_exact(usage["allocated_gpus"]),
        running_gpu_pods=status["running_tasks"],
        free_gpus=available["available_gpus"],
        nodes_with_free_gpus=available["available_nodes"],
        largest_free_block=available["max_contiguous_gpu"],
        queued=_queued(running),
        by_namespace=_recorded_by_namespace(running),
    )


def _told(running: RunningStack, endpoint: str, **parameters: str) -> dict[str, Any]:
    # On a busy machine a scrape of so many pods may fail: then nothing is told for a moment.
    answers: list[requests.Response] = []

    def told() -> bool:
        answers.append(running.ask(endpoint, **parameters))
        return bool(answers[-1].status_code == requests.codes.ok)

    wait_for(told, seconds=READY_SECONDS, what=f"an answer of {endpoint}")
    data: dict[str, Any] = answers[-1].json()["data"]
    return data


def _queued(running: RunningStack) -> int:
    answer = requests.get(f"{running.api_url}/api/v1/scheduler/status", timeout=60)
    answer.raise_for_status()
    return int(answer.json()["queued_operations"])


def _exact(number: float) -> Fraction:
    return Fraction(number).limit_denominator(1000)


def _recorded_by_namespace(running: RunningStack) -> dict[str, Fraction]:
    # An independent client: not ours, and not the query API.
    prometheus = PrometheusConnect(url=running.prometheus_url)
    found = prometheus.custom_query("namespace:gpu_allocated:sum")
    return {each["metric"]["namespace"]: _exact(float(each["value"][1])) for each in found}


def _listed_by_namespace(tasks: list[dict[str, Any]]) -> dict[str, Fraction]:
    sums: Counter[str] = Counter()
    for task in tasks:
        sums[task["namespace"]] += round(task["allocated_gpus"] * 1000)
    return {namespace: Fraction(milli, 1000) for namespace, milli in sums.items()}


def test_packed_totals_are_the_traces(packed: Packed) -> None:
    """With many pods at once, every total, sum and block is what the trace's rows add up to."""
    assert GPUS == packed.truth.total_gpus
    assert packed.truth == _shown(packed.stack)


def test_packed_tasks_add_up_to_the_totals(packed: Packed) -> None:
    """The listed tasks are the running ones, and add up to the totals, by namespace and in all."""
    answer = _told(packed.stack, "running-tasks")

    assert packed.truth.running_gpu_pods == answer["total_tasks"] == len(answer["tasks"])
    assert packed.truth.by_namespace == _listed_by_namespace(answer["tasks"])


def test_namespace_filter_is_exact(packed: Packed) -> None:
    """A namespace's tasks are all of that namespace's and nobody else's."""
    answer = _told(packed.stack, "running-tasks", namespace="be")

    assert {"be": packed.truth.by_namespace["be"]} == _listed_by_namespace(answer["tasks"])


def test_peak_of_the_timeline(trace: Path, timeline: RunningStack) -> None:
    """At the busiest second of the trace the totals are those its publishers' data give."""
    expected = oracle.at(trace, PEAK_SECOND)

    # Known of the data set, however it is placed.
    assert Fraction(6559, 100) == expected.allocated_gpus
    assert 49 == expected.running_gpu_pods
    assert expected == _shown(timeline)


@pytest.mark.parametrize("second", [12_530_000, 12_902_959])
def test_timeline_is_followed(trace: Path, timeline: RunningStack, second: int) -> None:
    """As pods come and go, the answers follow and settle on the truth of the new second."""
    expected = oracle.at(trace, second)
    requests.post(
        f"{timeline.fleet_url}/_demo/timeline", json={"until": second}, timeout=10
    ).raise_for_status()
    wait_for(lambda: _shown(timeline) == expected, seconds=READY_SECONDS, what=f"second {second}")
