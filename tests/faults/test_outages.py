"""Parts of the stack are taken away and given back: no lie meanwhile, no help needed after."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import pytest
import requests

from demo.processes import wait_for
from tests.support.shifted_clock import shifted
from tests.support.stack import READY_SECONDS, SHIPPED, RunningStack, running_stack
from tests.support.truthful import UNAVAILABLE, is_fresh, is_unavailable, truthful
from tests.support.whole import WHOLE

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

LAG = 20.0
"""Prometheus has been there for longer before a clock is wrong by as much: it has what was then."""
SLIGHTLY = -10
"""Seconds: Prometheus has what was then, and that is no older than it may be."""
CLOCKS = {SLIGHTLY: "ahead of ours", -3600: "ahead of ours", 3600: "behind ours"}


@pytest.fixture(name="stack", scope="module")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    settings = {"cache": {"ttl": 0.5, "stale": 5.0, "lag": LAG}, **SHIPPED}
    folder = tmp_path_factory.mktemp("stack")
    # A quiet fleet is no outage: who gives up after three seconds has to hear more often.
    often = "--bookmark-interval=1"
    with running_stack(folder, "living", often, stale_after=3.0, settings=settings) as stack:
        yield stack


@pytest.fixture(name="running")
def _running(stack: RunningStack) -> RunningStack:
    """One stack for all: what an outage left behind would show in the next one."""
    _wait(lambda: is_fresh(stack), "the fleet's totals")
    return stack


def _wait(condition: Callable[[], bool], what: str) -> None:
    wait_for(condition, seconds=READY_SECONDS, what=what, every=0.25)


def _metric(running: RunningStack, name: str) -> str:
    page = requests.get(f"{running.exporter_url}/metrics", timeout=60).text
    return next((line for line in page.splitlines() if line.startswith(name)), "")


def test_the_api_server_comes_and_goes(running: RunningStack) -> None:
    """Without the API server totals disappear, never turn to zero, and come back by themselves."""
    running.fleet.kill()
    _wait(
        lambda: _metric(running, "gpu_exporter_apiserver_up") == "gpu_exporter_apiserver_up 0",
        "apiserver_up 0",
    )
    _wait(lambda: is_unavailable(running), "5003")
    readiness = requests.get(f"{running.exporter_url}/readyz", timeout=60)

    assert HTTPStatus.SERVICE_UNAVAILABLE == readiness.status_code
    assert "cannot be reached" in readiness.text
    assert "" == _metric(running, "gpu_node_capacity")
    assert running.exporter.alive()

    running.fleet.start()
    _wait(lambda: is_fresh(running), "a fresh answer")


def test_the_exporter_comes_and_goes(running: RunningStack) -> None:
    """A restarted exporter continues where the cluster is, without a moment of wrong totals."""
    running.exporter.kill()
    _wait(lambda: is_unavailable(running), "5003")
    running.exporter.start()
    _wait(lambda: is_fresh(running), "a fresh answer")


def _is_stale(running: RunningStack) -> bool:
    return "Warning" in truthful(running).headers


def test_it_is_killed_and_comes_back(running: RunningStack) -> None:
    """Without Prometheus an answer is first marked stale, then 5003; with it all is well again."""
    running.prometheus.kill()
    _wait(lambda: _is_stale(running), "a stale answer")
    _wait(lambda: is_unavailable(running), "5003")
    running.prometheus.start()
    _wait(lambda: is_fresh(running), "a fresh answer")


def test_it_stands_still_and_goes_on(running: RunningStack) -> None:
    """What Prometheus kept from before it hung is never told as new when it goes on."""
    running.prometheus.signal(signal.SIGSTOP)
    hung = datetime.now(UTC)
    _wait(lambda: is_unavailable(running), "5003")
    running.prometheus.signal(signal.SIGCONT)

    def is_fresh_and_new() -> bool:
        answer = truthful(running)
        if answer.status_code != HTTPStatus.OK or "Warning" in answer.headers:
            return False
        assert datetime.fromisoformat(answer.json()["data"]["timestamp"]) > hung
        return True

    _wait(is_fresh_and_new, "a fresh answer")


@contextmanager
def _own_clock(running: RunningStack) -> Iterator[None]:
    """Have the service end with the clock that it began with."""
    right = running.api.environment
    try:
        yield
    finally:
        _begin(running, right)


def _begin(running: RunningStack, environment: Mapping[str, str] | None) -> None:
    running.api.stop()
    running.api.environment = environment
    running.api.start()
    running.api.wait_ready(seconds=READY_SECONDS)


def _is_there(running: RunningStack, ago: float) -> bool:
    """Tell whether Prometheus knows of the fleet as it was *ago* seconds before."""
    url = f"{running.prometheus_url}/api/v1/query"
    told = {"query": "cluster:gpu_capacity:sum", "time": str(datetime.now(UTC).timestamp() - ago)}
    return bool(requests.get(url, params=told, timeout=60).json()["data"]["result"])


def test_its_clock_is_wrong(running: RunningStack, tmp_path: Path) -> None:
    """What it has of our moment, it had long ago: that is never told, and the error says why.

    To a service whose clock is off, Prometheus' is off the other way.
    """
    _wait(lambda: _is_there(running, 15), "a past")
    right = running.api.environment
    with _own_clock(running):
        for shift in CLOCKS if WHOLE else (SLIGHTLY, 3600):
            _begin(running, {**(right or {}), **shifted(tmp_path, shift)})
            _wait(lambda: _is_named(running, CLOCKS[shift]), CLOCKS[shift])  # noqa: B023 - at once
    _wait(lambda: is_fresh(running), "a fresh answer")


def _is_named(running: RunningStack, words: str) -> bool:
    """Tell whether it is said what is wrong; fails the test where anything is told as data."""
    answers = [running.ask(each) for each in ("status", "running-tasks")]
    health = requests.get(f"{running.api_url}/api/v1/clusters", timeout=60).json()

    for answer in answers:
        assert HTTPStatus.SERVICE_UNAVAILABLE == answer.status_code, answer.text
        assert UNAVAILABLE == answer.json()["meta"]["code"]
    said = [answer.json()["meta"]["message"] for answer in answers]
    return all(f"s {words}" in it for it in said) and words in health["clusters"][0]["reason"]
