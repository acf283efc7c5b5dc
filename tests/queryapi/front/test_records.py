"""Every request leaves one line and one observation, however it ends."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from queryapi.access.principal import Principal
from queryapi.api.visit import Query
from queryapi.services.snapshot import Answer
from queryapi.settings import Format
from queryapi.telemetry import logs
from queryapi.telemetry.traces import NoSpan, NoTracer
from tests.support.gated import ANSWER, BODY, GOOD, PATH, Bucket, Inner, gated
from tests.support.logged import logging_restored

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(name="lines")
def _lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level("INFO", logger="queryapi.requests")
    return lambda: [
        getattr(r, "fields", {}) for r in caplog.records if r.name == "queryapi.requests"
    ]


def _ready(_query: Query, _principal: Principal) -> Answer:
    return ANSWER


def test_the_whole_line(lines: Lines) -> None:
    """Who asked for what and how it went; of the query only a cluster of ours."""
    found = gated(ready={PATH: _ready})
    found.http.get(f"{PATH}?cluster=prod&token=secret", headers={**GOOD, "X-Request-ID": "abc"})

    assert [
        {
            "request_id": "abc",
            "client": "127.0.0.1",
            "principal": "token:ci",
            "method": "GET",
            "path": PATH,
            "route": PATH,
            "status": 200,
            "bytes": len(BODY),
            "milliseconds": 0.0,
            "cache": "ready",
            "cluster": "prod",
        }
    ] == lines()


@pytest.mark.parametrize(
    ("status", "path", "method"),
    [
        (401, PATH, "GET"),
        (204, PATH, "OPTIONS"),
        (404, "/nowhere", "GET"),
        (405, "/healthz", "PATCH"),
        (200, "/healthz", "GET"),
    ],
)
def test_refusals_are_recorded_too(lines: Lines, status: int, path: str, method: str) -> None:
    """One line, one observation, nothing left in flight."""
    found = gated()
    found.http.open(path, method=method)
    route = "unmatched" if path == "/nowhere" else path
    counted = found.counted()

    assert [(status, route)] == [(line["status"], line["route"]) for line in lines()]
    name = "gpuscope_api_request_duration_seconds_count"
    assert 1 == counted[f'{name}{{method="{method}",route="{route}",status="{status}"}}']
    assert 0 == counted["gpuscope_api_requests_in_flight"]


def test_too_many_requests_are_recorded(lines: Lines) -> None:
    """429 is an answer like any other."""
    gated(limiter=Bucket(0)).http.get(PATH, headers=GOOD)

    assert [429] == [line["status"] for line in lines()]


def test_a_traced_request_is_found_by_its_line(lines: Lines) -> None:
    """The span is of the route and ends with the status; the line names the trace."""
    told: list[object] = []

    class Span(NoSpan):
        trace_id = "4bf92f35"

        def status(self, code: int) -> None:
            told.append(code)

    class Tracer(NoTracer):
        def request(self, environ: Mapping[str, object], route: str, method: str) -> Span:
            told.extend((environ["PATH_INFO"], route, method))
            return Span()

    gated(tracer=Tracer()).http.get("/api/pools/p/", headers=GOOD)

    assert ["/api/pools/p", "/api/pools/{id}", "GET", 200] == told
    assert ["4bf92f35"] == [line["trace_id"] for line in lines()]


def test_an_unknown_cluster_is_not_written_down(lines: Lines) -> None:
    """What a client makes up stays out."""
    gated().http.get(f"{PATH}?cluster=made-up", headers=GOOD)

    assert "made-up" not in json.dumps(lines())


def test_a_path_is_written_as_text_and_not_at_any_length(lines: Lines) -> None:
    """What was sent as UTF-8 is read as that; the rest cannot break the line."""
    http = gated().http
    http.get("/ü")
    http.get("/%ff%0a")
    http.open("/" + "x" * 2000, method="Y" * 100)
    first, second, third = lines()

    assert ("/ü", "/\ufffd\n") == (first["path"], second["path"])
    assert (512, 32) == (len(third["path"]), len(third["method"]))


def test_a_client_that_goes_away_is_recorded(lines: Lines) -> None:
    """What was handed over until then is counted, and that it was not all."""

    def two_halves(_environ: "WSGIEnvironment", start: "StartResponse") -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return iter([b"12345", b"67890"])

    found = gated(two_halves)
    answer = found.http.get("/healthz", buffered=False)
    next(iter(answer.iter_encoded()))
    answer.close()
    answer.close()
    [line] = lines()

    assert (True, 5, 200) == (line["aborted"], line["bytes"], line["status"])
    assert 0 == found.counted()["gpuscope_api_requests_in_flight"]


def test_what_the_application_holds_open_is_closed() -> None:
    """The application's own end of an answer is called, whatever happens in it."""

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            raise OSError("cannot close")

    def held(_environ: "WSGIEnvironment", start: "StartResponse") -> Body:
        start("200 OK", [("Content-Type", "text/plain")])
        return Body()

    found = gated(held)
    with pytest.raises(OSError, match="cannot close"):
        found.http.get("/healthz")

    assert 0 == found.counted()["gpuscope_api_requests_in_flight"]


def test_nothing_is_prepared_for_a_log_that_nobody_keeps(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Level `warning` leaves the access log out."""
    caplog.set_level("WARNING", logger="queryapi.requests")
    gated(Inner()).http.get("/healthz")

    assert [] == caplog.records


def test_a_line_has_the_time_of_its_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the millisecond, for people too, and not when it was written."""
    with logging_restored():
        logs.configure("info", "text")
        monkeypatch.setattr(time, "time", lambda: 1_767_225_600.75)
        gated().http.get("/healthz")
        monkeypatch.undo()

    assert ":00,750 INFO queryapi.requests: request" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_cannot_be_forged(form: Format, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a client sends, one request is one line."""
    with logging_restored():
        logs.configure("info", form)
        headers = {"X-Forwarded-For": "1\r\n2", "Origin": "a\u2028b", "X-Request-ID": "x\ny"}
        gated(Inner(error=ValueError("a\nforged line"))).http.get(
            "/readyz",
            environ_overrides={
                f"HTTP_{k.upper().replace('-', '_')}": v for k, v in headers.items()
            },
        )
        gated().http.get("/%0a2026-01-01 INFO forged%e2%80%a8x")
    written = capsys.readouterr().err.rstrip("\n").split("\n")
    events = [line for line in written if not line.startswith("  ")]

    assert 3 == len(events)
    assert all("forged line" not in event or form == "json" for event in events)
