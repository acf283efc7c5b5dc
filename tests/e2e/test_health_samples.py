"""The tests, commands and example of the real-time metrics' document, as they are written there."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from demo.processes import wait_for
from tests.samples import health_clients
from tests.support.relay import Fault
from tests.support.shape import misshapen
from tests.support.stack import READY_SECONDS
from tests.support.watched import EVERY, Watching, another, watching

pytestmark = pytest.mark.e2e

SAMPLES = Path(health_clients.__file__).parent
DOCUMENTED = "http://localhost:8003"
PORT = 8003
EXAMPLE = json.loads((SAMPLES / "health_answer.json").read_text())
MILLISECONDS = "%Y-%m-%dT%H:%M:%S.%fZ"


class Client:
    """What the document's tests call `client`."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def get(self, path: str) -> requests.Response:
        """Send one GET."""
        return await asyncio.to_thread(requests.get, self._url + path, timeout=60)


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watching]:
    with watching(tmp_path_factory.mktemp("documented"), port=PORT) as whole:
        yield whole


@pytest.fixture(name="clients")
def _clients(whole: Watching, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The document's tests, told where the service is."""
    monkeypatch.setattr(health_clients, "client", Client(whole.url))
    return health_clients


def test_success(clients: ModuleType) -> None:
    """The document's first test passes."""
    asyncio.run(clients.test_real_time_metrics_success())


def test_one_service_down(clients: ModuleType, whole: Watching) -> None:
    """The document's second test passes once a service is down, and not before."""
    before = whole.told()["health_summary"]
    with pytest.raises(AssertionError):
        asyncio.run(clients.test_real_time_metrics_partial_failure())

    def passes() -> bool:
        try:
            asyncio.run(clients.test_real_time_metrics_partial_failure())
        except AssertionError:
            return False
        return True

    billing = whole.services["billing"].process
    billing.kill()
    wait_for(passes, seconds=READY_SECONDS, what="a service that is down", every=EVERY)
    summary = whole.told()["health_summary"]
    billing.start()
    _wait_for_summary(whole, before)

    assert (before["healthy"] - 1, before["total"]) == (summary["healthy"], summary["total"])


def test_performance(clients: ModuleType) -> None:
    """The document's third test passes; more than once only where somebody else has the machine."""

    def passes() -> bool:
        try:
            asyncio.run(clients.test_real_time_metrics_performance())
        except AssertionError:
            return False
        return True

    wait_for(passes, seconds=READY_SECONDS, what="half a second")


@pytest.mark.parametrize("number", range(3))
def test_curl(whole: Watching, number: int) -> None:
    """Each of the document's commands succeeds and prints what it should."""
    command = (SAMPLES / "health_curl.txt").read_text().strip().split("\n\n")[number]
    # Only a port that somebody else has is not the document's.
    command = "set -o pipefail\n" + command.replace(DOCUMENTED, whole.url)
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, text=True)

    if number == 2:
        assert "real" in done.stderr
    else:
        assert json.loads(done.stdout).keys() >= EXAMPLE.keys()


def test_the_example_is_a_subset(whole: Watching) -> None:
    """Everything the document's example shows is there, with the same JSON types."""
    told = whole.told()
    entry = {name: EXAMPLE["api_metrics"][0][name] for name in ("service", "status")}
    shown = {**{name: told[name] for name in EXAMPLE}, "api_metrics": []}
    shown["events_per_second"] = float(shown["events_per_second"])
    shown["health_summary"]["health_percentage"] = float(
        shown["health_summary"]["health_percentage"]
    )

    assert [] == misshapen(EXAMPLE, shown)
    for each in told["api_metrics"]:
        assert [] == misshapen(entry, {name: each[name] for name in entry})
        assert isinstance(each["response_time_ms"], int | float)


def test_the_example_adds_up_as_ours_does(whole: Watching) -> None:
    """The document's arithmetic holds of its example and of every answer."""
    for told in (EXAMPLE, whole.told()):
        summary = told["health_summary"]

        assert told["total_apis"] == (
            told["api_calls_active"] + told["inactive_apis"] + told["error_apis"]
        )
        assert (told["api_calls_active"], told["total_apis"]) == (
            summary["healthy"],
            summary["total"],
        )
        assert summary["unhealthy"] == told["inactive_apis"] + told["error_apis"]
        assert round(summary["healthy"] / summary["total"] * 100, 1) == summary["health_percentage"]


def test_the_time_is_utc_in_milliseconds(whole: Watching) -> None:
    """An answer's time is written as the example's is, and is not long ago."""
    told = whole.told()["timestamp"]

    assert len(EXAMPLE["timestamp"]) == len(told)
    moment = datetime.strptime(told, MILLISECONDS).replace(tzinfo=UTC)
    assert moment <= datetime.now(UTC)


def test_all_services_down(whole: Watching, tmp_path: Path) -> None:
    """With everything down the answer is 200 all the same: each service listed, and zeros.

    Only this service and its own file are as well as before.
    """
    outsiders = {"real_time_metrics": {"refresh_interval": 1, "built_in": False}}
    with another(tmp_path, whole, outsiders) as bare:
        before = [whole.told(), bare.told()]
        told: list[dict[str, Any]] = []

        def is_nothing() -> bool:
            told[:] = [whole.told(), bare.told()]
            return all("error" in each for each in told)

        for service in whole.services.values():
            service.process.kill()
        try:
            wait_for(
                is_nothing, seconds=READY_SECONDS, what="nothing that can be told", every=EVERY
            )
        finally:
            for service in whole.services.values():
                service.process.start()
        _wait_for_summary(whole, before[0]["health_summary"])

    _assert_nothing(before[0], told[0], own={"gpuscope-api", "store"})
    _assert_nothing(before[1], told[1], own=set())


def _assert_nothing(before: dict[str, Any], told: dict[str, Any], *, own: set[str]) -> None:
    total = before["total_apis"]
    others = [each for each in told["api_metrics"] if each["service"] not in own]
    assert (0, len(own), total) == tuple(
        told[name] for name in ("events_per_second", "api_calls_active", "total_apis")
    )
    assert total - len(own) == told["inactive_apis"] + told["error_apis"] == len(others)
    assert {each["service"] for each in before["api_metrics"]} == {
        each["service"] for each in told["api_metrics"]
    }
    assert sorted(own & {"store"}) == told["data_sources_active"]
    for each in others:
        assert each["status"] in {"error", "timeout"}
        assert (0, True) == (each["response_time_ms"], each["is_fallback"])
        assert each["error_message"]
    assert told["error"]
    assert "127.0.0.1" not in json.dumps(told)


def _wait_for_summary(whole: Watching, expected: dict[str, Any]) -> None:
    wait_for(
        lambda: whole.told()["health_summary"] == expected,
        seconds=READY_SECONDS,
        what="services that are back",
        every=EVERY,
    )


def test_the_other_dashboards_words(whole: Watching, tmp_path: Path) -> None:
    """In HomeIQ's style every entry has the numbers that its page formats, in its own words."""
    settings = {"real_time_metrics": {"refresh_interval": 1, "status_style": "homeiq"}}
    billing = whole.services["billing"].relay
    with another(tmp_path, whole, settings, well="active") as styled:
        entries = styled.entries()
        billing.fault = Fault.FAILURE
        try:
            wait_for(
                lambda: styled.entries()["billing"]["status"] == "inactive",
                seconds=READY_SECONDS,
                what="an inactive service",
                every=EVERY,
            )
            entries["ill"] = styled.entries()["billing"]
        finally:
            billing.fault = Fault.NONE

    for entry in entries.values():
        for name in ("events_per_second", "events_per_hour", "uptime_seconds"):
            assert isinstance(entry[name], int | float)
