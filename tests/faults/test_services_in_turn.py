"""Each service that is looked at fails in each way: that one is named, and nothing else changes."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from demo.processes import LOOPBACK, wait_for
from tests.support.relay import Fault
from tests.support.stack import READY_SECONDS
from tests.support.watched import REFRESH, Watched, Watching, watching
from tests.support.whole import WHOLE, some

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

LOOKS = some(2, 3)
"""How many looks in a row must tell the same."""
LONGEST = 200


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watching]:
    with watching(tmp_path_factory.mktemp("watched")) as whole:
        yield whole


# --- ways to fail --------------------------------------------------------------------------------


@contextmanager
def _killed(service: Watched) -> Iterator[None]:
    service.process.kill()
    try:
        yield
    finally:
        service.process.start()
        service.process.wait_ready(seconds=READY_SECONDS)


@contextmanager
def _hung(service: Watched) -> Iterator[None]:
    service.process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        service.process.signal(signal.SIGCONT)


def _misbehaving(fault: Fault) -> Callable[[Watched], Any]:
    @contextmanager
    def failing(service: Watched) -> Iterator[None]:
        service.relay.fault = fault
        try:
            yield
        finally:
            service.relay.fault = Fault.NONE

    return failing


FAILING: dict[str, Callable[[Watched], Any]] = {
    "killed": _killed,
    "hung": _hung,
    "garbage": _misbehaving(Fault.GARBAGE),
    "500": _misbehaving(Fault.FAILURE),
    "slow": _misbehaving(Fault.SLOW),
}


@dataclass(frozen=True)
class Case:
    """A service, how it fails, and the word for that."""

    service: str
    way: str
    word: str

    def __str__(self) -> str:
        return f"{self.service} {self.way}"


ASKED = {"killed": "error", "hung": "timeout", "garbage": "error", "500": "unhealthy"}
"""What a service that is asked itself is called."""
CASES = [
    *(Case("billing", way, word) for way, word in {**ASKED, "slow": "timeout"}.items()),
    # Of a scraped one Prometheus knows only whether the scrape succeeded.
    *(Case("scraped", way, "unhealthy") for way in (FAILING if WHOLE else ("killed", "hung"))),
]
OTHERS = FAILING if WHOLE else ("killed", "hung", "garbage")
"""Ways to fail of what the service itself needs: who is slow is given up on as who hangs."""


# --- what is told --------------------------------------------------------------------------------


def _assert_whole(told: dict[str, Any]) -> None:
    """Counts are those of the listed entries, and every text may be shown to anybody."""
    words = [each["status"] for each in told["api_metrics"]]
    healthy, error = words.count("healthy"), words.count("error")
    summary = told["health_summary"]

    assert (healthy, error, len(words)) == (
        told["api_calls_active"],
        told["error_apis"],
        told["total_apis"],
    )
    assert len(words) == healthy + error + told["inactive_apis"]
    assert {
        "healthy": healthy,
        "unhealthy": len(words) - healthy,
        "total": len(words),
        "health_percentage": round(healthy / len(words) * 100, 1),
    } == summary
    assert len(words) == len({each["service"] for each in told["api_metrics"]})
    assert sorted(words, key=lambda word: word != "healthy") == words
    for each in told["api_metrics"]:
        _assert_private(each)


def _assert_private(entry: dict[str, Any]) -> None:
    assert isinstance(entry["response_time_ms"], int | float)
    text = str(entry.get("error_message") or entry.get("error") or "")
    assert (entry["status"] == "healthy") == (text == "")
    assert len(text) < LONGEST
    assert not re.search(rf"{re.escape(LOOPBACK)}|localhost|/health|https?:|Traceback|0x", text)


def _words(told: dict[str, Any]) -> dict[str, str]:
    return {each["service"]: each["status"] for each in told["api_metrics"]}


def _until(whole: Watching, expected: dict[str, str]) -> None:
    """Wait until exactly that is told, several times in a row; all of it adds up meanwhile."""
    seen: list[str] = []

    def settled() -> bool:
        told = whole.told()
        _assert_whole(told)
        if _words(told) != expected:
            seen.clear()
        elif told["timestamp"] not in seen:
            seen.append(told["timestamp"])
        return len(seen) >= LOOKS

    _wait_for(settled, f"{expected}, not {_words(whole.told())}")


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    # Asked more often than it looks.
    wait_for(condition, seconds=READY_SECONDS, what=what, every=REFRESH / 4)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_fails(whole: Watching, case: Case) -> None:
    """It is named with its word, the others stay as they were, and it is well again by itself."""
    before = _words(whole.told())
    assert "healthy" == before[case.service]

    with FAILING[case.way](whole.services[case.service]):
        _until(whole, before | {case.service: case.word})
    _until(whole, before)


@pytest.mark.parametrize("way", OTHERS)
def test_redis_fails(whole: Watching, way: str) -> None:
    """Without what the processes share, the answer still comes and names it alone."""
    before = _words(whole.told())
    [name] = [name for name in before if "redis" in name.lower()]

    def is_named() -> bool:
        told = whole.told()
        _assert_whole(told)
        bad = {service for service, word in _words(told).items() if word != before[service]}
        # On a busy machine another may be late for once.
        return bad == {name}

    with FAILING[way](whole.services["redis"]):
        _wait_for(is_named, f"{name} as the bad one")
    _until(whole, before)


@pytest.mark.parametrize("way", OTHERS)
def test_prometheus_fails(whole: Watching, way: str) -> None:
    """What only Prometheus knows of is told to be unknown; who is asked directly stays well."""
    before = _words(whole.told())
    asked = {"billing": "healthy", "orders": "healthy"}

    def is_named() -> bool:
        told = whole.told()
        _assert_whole(told)
        words = _words(told)
        assert before.keys() == words.keys()
        failed = {words["prometheus"], words["scraped"]} <= {"error", "timeout"}
        return failed and asked == {name: words[name] for name in asked}

    with FAILING[way](whole.services["prometheus"]):
        _wait_for(is_named, "Prometheus as the bad one")
    _until(whole, before)
