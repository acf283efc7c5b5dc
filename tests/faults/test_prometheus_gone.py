"""Prometheus itself is killed, stands still, or is of another time: no lie, and no help needed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import pytest
import requests

from demo.processes import wait_for
from tests.support.shifted_clock import shifted
from tests.support.stack import READY_SECONDS, RunningStack, running_stack
from tests.support.truthful import UNAVAILABLE, is_fresh, is_unavailable, truthful

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

LAG = 20.0
"""Prometheus has been there for longer before a clock is wrong by as much: it has what was then."""


@pytest.fixture(name="stack", scope="module")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    settings = {"cache": {"ttl": 0.5, "stale": 5.0, "lag": LAG}}
    with running_stack(tmp_path_factory.mktemp("stack"), "living", settings=settings) as stack:
        yield stack


@pytest.fixture(name="running")
def _running(stack: RunningStack) -> RunningStack:
    """One stack for all: what an outage left behind would show in the next one."""
    wait_for(lambda: is_fresh(stack), seconds=READY_SECONDS, what="the fleet's totals")
    return stack


def _is_stale(running: RunningStack) -> bool:
    return "Warning" in truthful(running).headers


def test_it_is_killed_and_comes_back(running: RunningStack) -> None:
    """Without Prometheus an answer is first marked stale, then 5003; with it all is well again."""
    running.prometheus.kill()
    wait_for(lambda: _is_stale(running), seconds=READY_SECONDS, what="a stale answer")
    wait_for(lambda: is_unavailable(running), seconds=READY_SECONDS, what="5003")
    running.prometheus.start()
    wait_for(lambda: is_fresh(running), seconds=READY_SECONDS, what="a fresh answer")


def test_it_stands_still_and_goes_on(running: RunningStack) -> None:
    """What Prometheus kept from before it hung is never told as new when it goes on."""
    running.prometheus.signal(signal.SIGSTOP)
    hung = datetime.now(UTC)
    wait_for(lambda: is_unavailable(running), seconds=READY_SECONDS, what="5003")
    running.prometheus.signal(signal.SIGCONT)

    def is_fresh_and_new() -> bool:
        answer = truthful(running)
        if answer.status_code != HTTPStatus.OK or "Warning" in answer.headers:
            return False
        assert datetime.fromisoformat(answer.json()["data"]["timestamp"]) > hung
        return True

    wait_for(is_fresh_and_new, seconds=READY_SECONDS, what="a fresh answer")


@contextmanager
def _clock_off(running: RunningStack, folder: Path, seconds: int) -> Iterator[None]:
    """Run the service with a wrong clock: to it, Prometheus' is off the other way."""
    right = running.api.environment
    running.api.stop()
    running.api.environment = {**(right or {}), **shifted(folder, seconds)}
    running.api.start()
    try:
        running.api.wait_ready(seconds=READY_SECONDS)
        yield
    finally:
        running.api.stop()
        running.api.environment = right
        running.api.start()
        running.api.wait_ready(seconds=READY_SECONDS)


def _is_there(running: RunningStack, ago: float) -> bool:
    """Tell whether Prometheus knows of the fleet as it was *ago* seconds before."""
    url = f"{running.prometheus_url}/api/v1/query"
    told = {"query": "cluster:gpu_capacity:sum", "time": str(datetime.now(UTC).timestamp() - ago)}
    return bool(requests.get(url, params=told, timeout=20).json()["data"]["result"])


@pytest.mark.parametrize(
    ("shift", "words"), [(-10, "ahead of ours"), (-3600, "ahead of ours"), (3600, "behind ours")]
)
def test_its_clock_is_wrong(running: RunningStack, tmp_path: Path, shift: int, words: str) -> None:
    """What it has of our moment, it had long ago: that is never told, and the error says why."""
    if shift == -30:
        wait_for(lambda: _is_there(running, 15), seconds=READY_SECONDS, what="a past")
    with _clock_off(running, tmp_path, shift):
        answers = [running.ask(each) for each in ("status", "running-tasks")]
        health = requests.get(f"{running.api_url}/api/v1/clusters", timeout=20).json()

        for answer in answers:
            assert HTTPStatus.SERVICE_UNAVAILABLE == answer.status_code, answer.text
            assert UNAVAILABLE == answer.json()["meta"]["code"]
            assert f"s {words}" in answer.json()["meta"]["message"]
        assert words in health["clusters"][0]["reason"]
    wait_for(lambda: is_fresh(running), seconds=READY_SECONDS, what="a fresh answer")
