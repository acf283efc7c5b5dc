"""Parts of the stack are taken away and given back: no lie meanwhile, no help needed after."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest
import requests

from demo.processes import wait_for
from tests.support.stack import READY_SECONDS, RunningStack, running_stack
from tests.support.truthful import is_fresh, is_unavailable

pytestmark = [pytest.mark.e2e, pytest.mark.faults]


@pytest.fixture(name="_spared_coverage", scope="module", autouse=True)
def _measured() -> None:
    """What a service does while others are away is measured here."""


@pytest.fixture(name="stack", scope="module")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("stack")
    # A quiet fleet is no outage: who gives up after three seconds has to hear more often.
    often = "--bookmark-interval=1"
    with running_stack(folder, "living", often, stale_after=3.0, measured=True) as stack:
        yield stack


@pytest.fixture(name="running")
def _running(stack: RunningStack) -> RunningStack:
    """One stack for all: what an outage left behind would show in the next one."""
    wait_for(lambda: is_fresh(stack), seconds=READY_SECONDS, what="the fleet's totals")
    return stack


def _metric(running: RunningStack, name: str) -> str:
    page = requests.get(f"{running.exporter_url}/metrics", timeout=5).text
    return next((line for line in page.splitlines() if line.startswith(name)), "")


def test_the_api_server_comes_and_goes(running: RunningStack) -> None:
    """Without the API server totals disappear, never turn to zero, and come back by themselves."""
    running.fleet.kill()
    wait_for(
        lambda: _metric(running, "gpu_exporter_apiserver_up") == "gpu_exporter_apiserver_up 0",
        seconds=READY_SECONDS,
        what="apiserver_up 0",
    )
    wait_for(lambda: is_unavailable(running), seconds=READY_SECONDS, what="5003")
    readiness = requests.get(f"{running.exporter_url}/readyz", timeout=5)

    assert HTTPStatus.SERVICE_UNAVAILABLE == readiness.status_code
    assert "cannot be reached" in readiness.text
    assert "" == _metric(running, "gpu_node_capacity")
    assert running.exporter.alive()

    running.fleet.start()
    wait_for(lambda: is_fresh(running), seconds=READY_SECONDS, what="a fresh answer")


def test_the_exporter_comes_and_goes(running: RunningStack) -> None:
    """A restarted exporter continues where the cluster is, without a moment of wrong totals."""
    running.exporter.kill()
    wait_for(lambda: is_unavailable(running), seconds=READY_SECONDS, what="5003")
    running.exporter.start()
    wait_for(lambda: is_fresh(running), seconds=READY_SECONDS, what="a fresh answer")
