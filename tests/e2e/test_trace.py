"""A production trace through the whole stack, against sums made straight from its rows.

Scheduler monitoring of it is held to what the fleet's own API server says.
"""

import itertools
import random
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_api_client import PrometheusConnect

from demo.processes import ProcessError, wait_for
from tests.e2e import scheduler_oracle
from tests.e2e.scheduler_window import assert_adds_up, assert_filtered, same, shown
from tests.support import oracle
from tests.support.monitored import Monitoring
from tests.support.oracle import Truth
from tests.support.stack import (
    LARGE_SCRAPE_SECONDS,
    READY_SECONDS,
    RunningStack,
    running_stack,
)
from tests.support.traced import trace_folder
from tests.support.whole import WHOLE, some

pytestmark = [pytest.mark.e2e, pytest.mark.trace]

SHARE = some(14, 1)
"""One machine of so many is there."""
# A scrape may take no longer than the time between two: on a busy machine that is long.
SCRAPE_SECONDS = some(2, LARGE_SCRAPE_SECONDS)
# A window costs Prometheus the more the more pods there are: not one after another.
SETTINGS = {"monitoring": {"ttl": SCRAPE_SECONDS}}
EVERY = 0.5
"""Seconds between two looks."""
GPUS = some(454, 6212)
SOME_PODS = 2000
TOO_MANY_PODS = some(700, 8152)
"""More than the cluster can hold: what is left over is in small blocks."""
# In between there are places enough, as with some pods.
PACKED = (SOME_PODS, TOO_MANY_PODS) if WHOLE else (TOO_MANY_PODS,)
BEGIN, PEAK, END = 12_000_000, 12_523_649, 12_902_959
"""Seconds of the trace between which many pods come and go, and when there are most."""
SLICES = some(1, 5)


def _slices(begin: int, end: int) -> list[range]:
    """Return the seconds in between, in so many parts."""
    bounds = [begin + (end - begin) * number // SLICES for number in range(SLICES + 1)]
    return [range(*each) for each in itertools.pairwise(bounds)]


# One second of each: the timeline only goes forward.
DRAWN_FROM = [
    *_slices(BEGIN, PEAK),
    range(PEAK, PEAK + 1),
    *_slices(PEAK + 1, END),
    range(END, END + 1),
]


@pytest.fixture(name="trace", scope="module")
def _trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trace_folder(tmp_path_factory, SHARE)


@dataclass(frozen=True)
class Packed:
    """A running stack and the truth about its fleet."""

    stack: RunningStack
    truth: Truth


@pytest.fixture(name="packed", scope="module", params=PACKED)
def _packed(
    trace: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Packed]:
    directory = tmp_path_factory.mktemp("packed")
    arguments = (f"--trace={trace}", f"--pods={request.param}")
    with running_stack(
        directory, "packed", *arguments, seconds=SCRAPE_SECONDS, settings=SETTINGS
    ) as running:
        running.wait_for_totals(GPUS)
        yield Packed(running, oracle.packed(trace, request.param))


@dataclass(frozen=True)
class Instant:
    """A running stack whose fleet is at one second of the timeline."""

    stack: RunningStack
    second: int


@pytest.fixture(name="timeline", scope="module")
def _timeline(trace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    directory = tmp_path_factory.mktemp("timeline")
    arguments = (f"--trace={trace}", f"--at={BEGIN}")
    with running_stack(
        directory, "timeline", *arguments, seconds=SCRAPE_SECONDS, settings=SETTINGS
    ) as running:
        running.wait_for_totals(GPUS)
        yield running


@pytest.fixture(name="instant", scope="module", params=DRAWN_FROM, ids=lambda it: str(it.start))
def _instant(timeline: RunningStack, request: pytest.FixtureRequest) -> Instant:
    second = random.Random(secrets.randbits(32)).choice(request.param)  # noqa: S311 - no secret
    requests.post(
        f"{timeline.fleet_url}/_demo/timeline", json={"until": second}, timeout=60
    ).raise_for_status()
    return Instant(timeline, second)


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

    wait_for(told, seconds=READY_SECONDS, what=f"an answer of {endpoint}", every=EVERY)
    data: dict[str, Any] = answers[-1].json()["data"]
    return data


def _settled(running: RunningStack, expected: Truth) -> Truth:
    """Return what is shown once it is the truth, or after a long time what is shown instead."""
    seen: list[Truth] = []

    def is_true() -> bool:
        seen.append(_shown(running))
        return seen[-1] == expected

    with suppress(ProcessError):
        wait_for(is_true, seconds=READY_SECONDS, what="the truth", every=EVERY)
    return seen[-1]


def _queued(running: RunningStack) -> int:
    return int(Monitoring(running.api_url).told("scheduler/status")["queued_operations"])


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
    assert packed.truth == _settled(packed.stack, packed.truth)


def test_packed_tasks_add_up_to_the_totals(packed: Packed) -> None:
    """The listed tasks are the running ones, and add up to the totals, by namespace and in all."""
    answer = _told(packed.stack, "running-tasks")

    assert packed.truth.running_gpu_pods == answer["total_tasks"] == len(answer["tasks"])
    assert packed.truth.by_namespace == _listed_by_namespace(answer["tasks"])


def test_namespace_filter_is_exact(packed: Packed) -> None:
    """A namespace's tasks are all of that namespace's and nobody else's."""
    answer = _told(packed.stack, "running-tasks", namespace="be")

    assert {"be": packed.truth.by_namespace["be"]} == _listed_by_namespace(answer["tasks"])


def test_the_totals_of_an_instant(trace: Path, instant: Instant) -> None:
    """As pods come and go, the answers follow and settle on the truth of any second."""
    expected = oracle.at(trace, instant.second)

    assert expected == _settled(instant.stack, expected), instant.second


def test_the_schedulers_view_of_an_instant(instant: Instant) -> None:
    """At any second workers, operations, counts and filters are the API server's own."""
    api = Monitoring(instant.stack.api_url)
    expected = scheduler_oracle.truth(instant.stack.fleet_url)
    windows = []

    def settled() -> bool:
        windows.append(api.window())
        return same(shown(windows[-1]), expected)

    wait_for(settled, seconds=READY_SECONDS, what=f"second {instant.second}", every=EVERY)
    assert_adds_up(windows[-1])
    assert_filtered(api, windows[-1])


def test_the_peak_is_its_publishers(trace: Path) -> None:
    """What the answers are held to at the busiest second is known of the data set.

    However its pods are placed.
    """
    peak = oracle.at(trace, PEAK)

    assert Fraction(6559, 100) == peak.allocated_gpus
    assert 49 == peak.running_gpu_pods
