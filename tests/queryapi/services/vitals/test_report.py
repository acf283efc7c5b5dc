"""What is told of a look adds up, is all numbers, and names nothing that is hidden."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queryapi.access.principal import Scope
from queryapi.services.vitals.answers import RealTimeMetrics
from queryapi.services.vitals.model import Finding, Round, Status
from queryapi.services.vitals.report import Manner, millisecond, nothing, number, told
from tests.support.vitals import ZEROS
from tests.support.whole import some

AT = 1760813132.123
EVERYTHING = Scope()
_DOCUMENTED = {
    *("events_per_second", "api_calls_active", "data_sources_active", "api_metrics"),
    *("inactive_apis", "error_apis", "total_apis", "health_summary", "timestamp"),
}


def healthy(service: str, milliseconds: float, source: str | None = None, **own: float) -> Finding:
    """Return a healthy service."""
    return Finding(
        service=service,
        status=Status.HEALTHY,
        response_time=milliseconds / 1000,
        numbers=own,
        data_source=source,
    )


DOCUMENTS = Round(
    at=AT,
    findings=(
        healthy("websocket-ingestion", 45.2, "websocket", events_per_minute=750),
        healthy("enrichment-pipeline", 120.5, "home-assistant", processing_rate=740),
        Finding(service="ai", status=Status.UNHEALTHY, error="2 of 3 targets are down"),
        healthy("data-api", 35.1, "influxdb", queries_per_minute=125),
        healthy("a", 1),
        healthy("b", 1, "influxdb"),
    ),
    events_per_second=12.5,
)


def board(found: Round, scope: Scope = EVERYTHING, **manner: Any) -> Any:
    """Return what is told, through JSON and back."""
    return json.loads(msgspec.json.encode(told(found, scope, Manner(**manner))))


def entry(found: Finding, **manner: Any) -> Any:
    """Return what is told of one service."""
    [told_of_it] = board(Round(at=AT, findings=(found,), events_per_second=1), **manner)[
        "api_metrics"
    ]
    return told_of_it


def test_the_documents_sample_adds_up() -> None:
    """Five of six are well: 83.3 percent; healthy ones first, else as the settings have them."""
    metrics = board(DOCUMENTS)

    assert set() == _DOCUMENTED - metrics.keys()
    assert 12.5 == metrics["events_per_second"]
    assert 45000 == metrics["events_per_hour"]
    assert (5, 1, 0, 6) == tuple(
        metrics[name] for name in ("api_calls_active", "inactive_apis", "error_apis", "total_apis")
    )
    assert {
        "healthy": 5,
        "unhealthy": 1,
        "total": 6,
        "health_percentage": 83.3,
    } == metrics["health_summary"]
    assert ["home-assistant", "influxdb", "websocket"] == metrics["data_sources_active"]
    assert ["websocket-ingestion", "enrichment-pipeline", "data-api", "a", "b", "ai"] == [
        one["service"] for one in metrics["api_metrics"]
    ]
    assert "2025-10-18T18:45:32.123Z" == metrics["timestamp"]
    assert "error" not in metrics


def test_an_entry_has_the_documents_fields_and_a_number_wherever_clients_format_one() -> None:
    """A service that tells its rate in a minute has the same rate in a second and in an hour."""
    assert {
        "service": "websocket-ingestion",
        "status": "healthy",
        "response_time_ms": 45.2,
        "events_per_second": 12.5,
        "events_per_minute": 750,
        "events_per_hour": 45000,
        "uptime_seconds": 0,
        "error_count": 0,
        "error_rate": 0.0,
        "last_success": None,
        "is_fallback": False,
    } == entry(healthy("websocket-ingestion", 45.2, events_per_minute=750))


def test_a_service_that_is_ill_says_why_and_has_zeros() -> None:
    """What is not known is 0, and is_fallback says that it is not known."""
    found = Finding(
        service="x",
        status=Status.TIMEOUT,
        error="did not answer in time",
        checks=60,
        failures=5,
        last_success=AT - 60,
    )

    assert {
        "service": "x",
        "status": "timeout",
        "response_time_ms": 0.0,
        "events_per_second": 0,
        "events_per_hour": 0,
        "uptime_seconds": 0,
        "error_count": 5,
        "error_rate": 8.3,
        "last_success": "2025-10-18T18:44:32.123Z",
        "error_message": "did not answer in time",
        "is_fallback": True,
    } == entry(found)


@pytest.mark.parametrize(
    ("expected", "numbers"),
    [
        ((2, 7200), {"events_per_second": 2}),
        ((2, 7200), {"events_per_hour": 7200}),
        ((2, 1), {"events_per_second": 2, "events_per_hour": 1}),
        ((0, 0), {}),
    ],
)
def test_rates_are_the_operators_or_follow_from_them(
    expected: tuple[float, float], numbers: dict[str, float]
) -> None:
    """In a second and in an hour."""
    found = entry(healthy("x", 1, None, **numbers))

    assert expected == (found["events_per_second"], found["events_per_hour"])


def test_an_operators_numbers_take_no_other_fields_place() -> None:
    """Nor can they say that a service is well."""
    one = Finding(
        service="x",
        status=Status.ERROR,
        numbers={"status": 1, "service": 2, "error_count": 3, "trend": 4, "uptime_seconds": 5},
        uptime=9,
    )
    found = entry(one)

    assert ("x", "error", 0) == (found["service"], found["status"], found["error_count"])
    assert "trend" not in found
    assert 5 == found["uptime_seconds"]
    assert 9 == entry(msgspec.structs.replace(one, numbers={}))["uptime_seconds"]


@pytest.mark.parametrize(
    ("expected", "style", "status"),
    [
        ("healthy", "document", Status.HEALTHY),
        ("unhealthy", "document", Status.UNHEALTHY),
        ("active", "homeiq", Status.HEALTHY),
        ("inactive", "homeiq", Status.UNHEALTHY),
        ("error", "homeiq", Status.ERROR),
        ("timeout", "homeiq", Status.TIMEOUT),
        ("not_configured", "homeiq", Status.NOT_CONFIGURED),
    ],
)
def test_states_are_told_in_the_words_that_are_configured(
    expected: str, style: str, status: Status
) -> None:
    """The document's, or those that HomeIQ's page knows."""
    assert expected == entry(Finding(service="x", status=status), style=style)["status"]


def test_when_nothing_can_be_read_every_service_is_listed_with_zeros_and_error_says_so() -> None:
    """What is known is counted: how many there are, and what became of each."""
    down = tuple(
        Finding(service=name, status=status, failures=3, checks=3, error="did not answer")
        for name, status in (("a", Status.ERROR), ("b", Status.TIMEOUT))
    )
    metrics = board(Round(at=AT, findings=down))
    entries = metrics.pop("api_metrics")

    assert {
        "events_per_second": 0,
        "events_per_hour": 0,
        "api_calls_active": 0,
        "data_sources_active": [],
        "inactive_apis": 1,
        "error_apis": 1,
        "total_apis": 2,
        "error_count": 6,
        "error_rate": 100.0,
        "health_summary": {"healthy": 0, "unhealthy": 2, "total": 2, "health_percentage": 0.0},
        "timestamp": "2025-10-18T18:45:32.123Z",
        "error": "None of the services could be asked",
    } == metrics
    assert [("a", "error"), ("b", "timeout")] == [(e["service"], e["status"]) for e in entries]
    for one in entries:
        assert (0, True, "did not answer") == (
            one["response_time_ms"],
            one["is_fallback"],
            one["error_message"],
        )


def test_that_this_service_answers_is_no_service_that_could_be_asked() -> None:
    """It and its own file count as active beside `error`; alone they are no failure."""
    itself, file = healthy("gpuscope-api", 1), healthy("store", 1)
    names = frozenset({"gpuscope-api", "store"})
    down = Finding(service="a", status=Status.ERROR)
    failed = board(Round(at=AT, findings=(itself, file, down)), itself=names)

    assert "None of the services could be asked" == failed["error"]
    assert (2, 1, 3) == tuple(
        failed[name] for name in ("api_calls_active", "error_apis", "total_apis")
    )
    assert "error" not in board(Round(at=AT, findings=(itself, file)), itself=names)
    assert "error" not in board(Round(at=AT, findings=(itself, down)))
    assert "error" in board(Round(at=AT, findings=()))


def test_who_sees_nothing_is_told_of_no_failure() -> None:
    """What is hidden was not looked at in vain: all is zero, and that is all."""
    hidden = Finding(service="theirs", status=Status.HEALTHY, cluster="theirs")
    found = Round(at=AT, findings=(hidden,), events_per_second=5)
    shown = board(found, Scope(frozenset({"ours"})), events_of="theirs")

    assert (0, None) == (shown["total_apis"], shown.get("error"))


def test_when_there_was_no_look_at_all_everything_is_zero() -> None:
    """With every field that the document shows."""
    told = json.loads(msgspec.json.encode(nothing(AT, "why")))
    assert ZEROS | {"timestamp": "2025-10-18T18:45:32.123Z", "error": "why"} == told


def test_anything_that_can_be_read_is_told() -> None:
    """The rate of events, or that one service is ill by its own word."""
    down = Finding(service="a", status=Status.ERROR)
    ill = Finding(service="b", status=Status.UNHEALTHY)

    assert 1 == board(Round(at=AT, findings=(down,), events_per_second=0.0))["error_apis"]
    assert 2 == board(Round(at=AT, findings=(down, ill)))["total_apis"]


def test_nobody_is_told_of_a_cluster_that_they_do_not_see() -> None:
    """Neither its services nor its rate of events; counts are of what is shown."""
    found = Round(
        at=AT,
        findings=(
            Finding(service="everybodys", status=Status.HEALTHY),
            Finding(service="ours", status=Status.ERROR, cluster="ours", failures=1, checks=2),
            Finding(service="theirs", status=Status.ERROR, cluster="theirs", failures=7, checks=8),
        ),
        events_per_second=5,
    )
    shown = board(found, Scope(frozenset({"ours"})), events_of="theirs")

    assert ["everybodys", "ours"] == [one["service"] for one in shown["api_metrics"]]
    assert (2, 1, 50.0) == (shown["total_apis"], shown["error_count"], shown["error_rate"])
    assert 0 == shown["events_per_second"]
    assert 5 == board(found, Scope(frozenset({"ours"})), events_of="ours")["events_per_second"]
    assert 3 == board(found, events_of="theirs")["total_apis"]


_TEXT = st.text(max_size=5)
_ANY = st.floats(allow_nan=True, allow_infinity=True)
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_findings = st.lists(
    st.builds(
        Finding,
        service=_TEXT,
        status=st.sampled_from(Status),
        cluster=st.none() | st.sampled_from(["c", "d"]),
        response_time=st.none() | _ANY,
        numbers=st.dictionaries(
            st.sampled_from(["events_per_second", "events_per_hour", "x", "uptime_seconds"]), _ANY
        ),
        error=_TEXT,
        checks=st.integers(0, 100),
        failures=st.integers(0, 100),
        last_success=st.none() | _ANY,
        uptime=st.none() | _ANY,
        data_source=st.none() | _TEXT,
    ),
    max_size=8,
).map(tuple)


@settings(max_examples=some(20, 40))
@given(
    st.builds(Round, at=_FINITE, findings=_findings, events_per_second=st.none() | _ANY),
    st.none() | st.frozensets(st.sampled_from(["c", "d"])),
)
def test_whatever_is_found_counts_add_up_and_numbers_are_numbers(
    found: Round, clusters: frozenset[str] | None
) -> None:
    """Active + inactive + error = total = healthy + unhealthy; the answer is as described."""
    metrics = board(found, Scope(clusters), events_of="c")
    summary = metrics["health_summary"]

    msgspec.convert(metrics, RealTimeMetrics, strict=True)
    assert len(metrics["api_metrics"]) == metrics["total_apis"] == summary["total"]
    assert metrics["total_apis"] == sum(
        metrics[name] for name in ("api_calls_active", "inactive_apis", "error_apis")
    )
    assert summary["total"] == summary["healthy"] + summary["unhealthy"]
    assert 0 <= summary["health_percentage"] <= 100
    for one in (metrics, *metrics["api_metrics"]):
        assert all(math.isfinite(v) for v in one.values() if isinstance(v, int | float))
        for name in ("events_per_second", "events_per_hour"):
            assert isinstance(one[name], int | float)


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (750, 750.0),
        (12.5, 12.5),
        (0.333333, 1 / 3),
        (0, math.nan),
        (0, math.inf),
        (1e300, 1e300),
    ],
)
def test_a_number_is_one_that_json_has(expected: float, value: float) -> None:
    """Whole ones without a point, others with six decimals at most."""
    assert expected == number(value)
    assert isinstance(number(750.0), int)


def test_a_moment_that_no_calendar_has_is_told_as_the_first_one() -> None:
    """Nothing is left unanswered for it."""
    assert "1970-01-01T00:00:00.000Z" == millisecond(math.inf) == millisecond(1e18)
    assert "1970-01-01T00:00:01.000Z" == millisecond(1)
