"""What is told beside the numbers of a look: those of a period before, and where they went."""

from typing import Any

import msgspec

from queryapi.access.principal import Scope
from queryapi.services.vitals.answers import Trend
from queryapi.services.vitals.model import Finding, Round, Status
from queryapi.services.vitals.report import Compared, Manner, told
from queryapi.services.vitals.trend import Comparison, Pair, Side

AT = 1760813132.123
EVERYTHING = Scope()


def healthy(service: str) -> Finding:
    """Return a healthy service."""
    return Finding(service=service, status=Status.HEALTHY, response_time=0.001)


def test_a_comparison_stands_beside_the_numbers_it_is_of() -> None:
    """For the whole and for each service; the period is told even when nothing is known."""
    known = Comparison(
        AT,
        {
            (None, "events_per_second"): Pair(Side(12, 20), Side(10.5, 20)),
            ("a", "processing_rate"): Pair(Side(10, 20), Side(10, 20)),
        },
    )
    found = Round(at=AT, findings=(healthy("a"), healthy("b")), events_per_second=12.5)
    metrics: Any = told(found, EVERYTHING, Manner(), Compared("1h", known))
    unknown = told(found, EVERYTHING, Manner(), Compared("1h", None))
    hidden = told(found, Scope(frozenset()), Manner(events_of="c"), Compared("1h", known))

    assert "1h" == metrics["compare"] == unknown["compare"]
    assert {"events_per_second": 10.5} == metrics["previous"]
    assert {"events_per_second": "↑"} == metrics["trend"]
    assert [{"processing_rate": "→"}, {}] == [one["trend"] for one in metrics["api_metrics"]]
    assert [{"processing_rate": 10}, {}] == [one["previous"] for one in metrics["api_metrics"]]
    assert "previous" not in unknown
    assert {} == hidden["previous"]
    assert {"events_per_second"} == metrics["previous"].keys()


def test_counts_are_compared_when_the_past_of_all_that_is_shown_is_known() -> None:
    """As means over the same services; a past that is known in part is no smaller count."""
    pairs = {
        "a": Pair(Side(1, 20), Side(1, 20)),
        "b": Pair(Side(1, 20), Side(0.5, 20)),
        "c": Pair(Side(0, 20), Side(1, 20)),
    }
    one, two, three = (healthy(name) for name in "abc")
    theirs = msgspec.structs.replace(healthy("unknown"), cluster="theirs")
    found = Round(at=AT, findings=(one, two, theirs), events_per_second=1)
    compared = Compared("1h", Comparison(AT, active=pairs))
    ours: Any = told(found, Scope(frozenset({"ours"})), Manner(), compared)
    everything: Any = told(found, EVERYTHING, Manner(), compared)
    whole = Round(at=AT, findings=(one, two, three), events_per_second=1)
    down: Any = told(whole, EVERYTHING, Manner(), compared)

    assert {"api_calls_active": 1.5, "health_percentage": 75} == ours["previous"]
    assert {"api_calls_active": "↑", "health_percentage": "↑"} == ours["trend"]
    assert {} == everything["previous"]
    assert {"api_calls_active": 2.5, "health_percentage": 83.333333} == down["previous"]
    assert "↓" == down["trend"]["api_calls_active"]
    nobody: Any = told(Round(at=AT, findings=()), EVERYTHING, Manner(), compared)
    assert {} == nobody["previous"]


def test_trends_are_the_documents_arrows() -> None:
    """And no other words."""
    assert ["↑", "↓", "→"] == [trend.value for trend in Trend]
