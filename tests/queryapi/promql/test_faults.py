"""Each server's way of saying no is understood."""

import pytest

from queryapi.errors import QueryRejected, UpstreamUnavailable
from queryapi.promql.faults import fault
from tests.support.fake_prometheus import error


@pytest.mark.parametrize(
    ("reason", "status", "body"),
    [
        ("timeout", 503, error("timeout")),
        ("timeout", 503, error("TIMEOUT")),
        ("timeout", 503, error("canceled")),
        ("failed", 503, error("unavailable")),
        ("failed", 503, b"Service Unavailable"),
        ("failed", 502, b"<html>bad gateway \xff</html>"),
        ("failed", 502, b'{"a":' + b"[" * 100_000),
        ("faulty", 500, error("internal")),
        ("faulty", 422, error("execution", "store gateway unavailable")),
        ("faulty", 422, error("422", "cannot execute query")),
        ("faulty", 429, error("too_many_requests")),
        ("faulty", 429, b"slow down"),
        ("denied", 401, b"who are you?"),
        ("denied", 302, b""),
        ("denied", 404, b"404 page not found"),
    ],
)
def test_why_there_is_no_answer_is_one_of_few_words(reason: str, status: int, body: bytes) -> None:
    """Prometheus, Thanos, Mimir, VictoriaMetrics and proxies are told apart by what they mean."""
    found = fault(status, body)

    assert isinstance(found, UpstreamUnavailable)
    assert reason == found.reason


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "bad_data"), (422, "bad_data"), (400, "BAD_DATA"), (400, "400")]
)
def test_a_query_found_fault_with_is_our_defect(status: int, kind: str) -> None:
    """A refused query is told apart from an unreachable Prometheus, with Prometheus' words."""
    found = fault(status, error(kind, "parse error"))

    assert isinstance(found, QueryRejected)
    assert f"{kind.lower()}: parse error" == str(found)
