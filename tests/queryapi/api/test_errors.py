"""Failures speak the language of the API that was asked."""

import json
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from queryapi.api.dialects import Problem, dialect_of
from queryapi.api.errors import answer_to
from queryapi.errors import (
    AuthenticatorUnavailable,
    ClusterNotFound,
    InvalidParameter,
    NoData,
    NotPermitted,
    RateLimited,
    Unauthenticated,
)
from tests.support.query_service import STATUS, Service, body, running


@pytest.fixture(name="service")
def _service() -> Iterator[Service]:
    with running() as service:
        yield service


@pytest.mark.parametrize(
    ("expected", "path"),
    [
        ({"meta": {"code": 4004, "message": "Not found"}, "data": None}, "/api/v1/realtime/x"),
        ({"meta": {"code": 4004, "message": "Not found"}, "data": None}, "/api/v1/realtime"),
        ({"error": "Not found"}, "/api/v1/real-time-metrics/x"),
        ({"error": "Not found"}, "/api/v1/realtimes"),
        ({"error": "Not found"}, "/api/v1/scheduler/x/y"),
        (
            {"error": "Not Found", "message": "The requested resource was not found"},
            "/api/pools/p/x",
        ),
        ({"success": False, "error": "Not found"}, "/api/jobs/j/x"),
        ({"error": "Not found"}, "/"),
    ],
)
def test_an_unknown_path_is_answered_in_its_apis_words(
    service: Service, expected: dict[str, object], path: str
) -> None:
    """A 404 has the body that the path's document shows."""
    answer = service.get(path)

    assert 404 == answer.status_code
    assert expected == answer.json
    assert "application/json" == answer.content_type


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_reading_is_all_that_is_allowed(service: Service, method: str) -> None:
    """Another method gets 4006 and is told which ones there are."""
    answer = service.http.open(STATUS, method=method)

    assert 405 == answer.status_code
    assert 4006 == body(answer)["meta"]["code"]
    assert {"GET", "HEAD", "OPTIONS"} == set(answer.headers["Allow"].split(", "))


def test_a_large_body_is_refused_unread(service: Service) -> None:
    """Nobody makes this service read what it did not ask for."""
    answer = service.http.get(STATUS, data=b"x" * (1024 * 1024 + 1))

    assert 413 == answer.status_code
    assert {
        "meta": {"code": 4013, "message": "Request body too large"},
        "data": None,
    } == answer.json


def test_head_and_options_work(service: Service) -> None:
    """HEAD has the headers of GET without its body; OPTIONS says what is allowed."""
    head = service.http.head(STATUS)

    assert (200, b"") == (head.status_code, head.data)
    assert service.get(STATUS).headers["Content-Length"] == head.headers["Content-Length"]
    options = service.http.options(STATUS)

    assert (204, b"") == (options.status_code, options.data)
    assert "GET, HEAD, OPTIONS" == options.headers["Allow"]


def test_a_trailing_slash_is_welcome(service: Service) -> None:
    """No redirect, the same answer."""
    assert service.get(STATUS).data == service.get(STATUS.replace("?", "/?")).data


def test_an_unforeseen_failure_keeps_its_reasons_to_itself(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """A defect is 5000 to the client, and to the operator a trace under the id of the answer."""
    service.prometheus.broken["totals"] = ZeroDivisionError("the inside of things")
    answer = service.get(STATUS)

    assert 500 == answer.status_code
    assert {
        "meta": {"code": 5000, "message": "Internal server error"},
        "data": None,
    } == answer.json
    assert "the inside of things" in caplog.text
    [failed] = [vars(line)["fields"] for line in caplog.records if line.msg == "request failed"]
    assert answer.headers["X-Request-ID"] == failed["request_id"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (4000, 400), (4003, 401), (4004, 404), (4005, 403), (4006, 405), (4013, 413),
        (4029, 429), (5000, 500), (5003, 503), (4000, 414), (5000, 501),
    ],
)  # fmt: skip
def test_every_status_has_a_code(code: int, status: int) -> None:
    """The documented code goes with its status; others get the nearest kind."""
    body = dialect_of("/api/v1/realtime/status").body(Problem(HTTPStatus(status), "words"))

    assert {"meta": {"code": code, "message": "words"}, "data": None} == body


def test_one_api_reports_its_failures_inside_an_answer() -> None:
    """`real-time-metrics` answers 200 even when it fails, but not when the request is wrong."""
    dialect = dialect_of("/api/v1/real-time-metrics")

    assert 200 == dialect.status(Problem(HTTPStatus.SERVICE_UNAVAILABLE, ""))
    assert 405 == dialect.status(Problem(HTTPStatus.METHOD_NOT_ALLOWED, ""))


@pytest.mark.parametrize(
    ("code", "header", "error"),
    [
        (4000, None, InvalidParameter("words")),
        (4003, ("WWW-Authenticate", 'Bearer realm="gpuscope"'), Unauthenticated("words")),
        (
            4005,
            ("WWW-Authenticate", 'Bearer realm="gpuscope", error="insufficient_scope"'),
            NotPermitted("words"),
        ),
        (4004, None, ClusterNotFound("words")),
        (4029, ("Retry-After", "2"), RateLimited("words", retry_after=1.1)),
        (4029, ("Retry-After", "1"), RateLimited("words", retry_after=0)),
        (5003, ("Retry-After", "7"), AuthenticatorUnavailable("words", retry_after=7)),
        (5003, ("Retry-After", "1"), NoData("words")),
    ],
)
def test_each_error_has_one_answer(
    code: int, header: tuple[str, str] | None, error: Exception
) -> None:
    """Wherever it was raised: code, words, and what HTTP wants said besides."""
    answer = answer_to(error, method="GET", path="/api/v1/realtime/status", request_id="1")

    assert {"meta": {"code": code, "message": "words"}, "data": None} == json.loads(
        answer.chunks[0]
    )
    assert ("Cache-Control", "no-store") in answer.headers
    assert header is None or header in answer.headers
