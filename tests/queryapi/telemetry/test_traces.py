"""A request and its queries are one trace, and tracing never costs a request anything else."""

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import pytest
import requests

from demo.processes import LOOPBACK, free_port, wait_for
from queryapi.errors import ConfigurationError
from queryapi.settings import Settings, Traces
from queryapi.telemetry.delivery import session
from queryapi.telemetry.traces import NoTracer, Tracer
from queryapi.telemetry.tracing import tracer_of
from tests.support import raw_server
from tests.support.collector import Collector, Seen
from tests.support.raw_server import RawServer

_NEVER_HUNG = 30.0
_MUCH = 256 * 1024 * 1024
_TRACE = "0af7651916cd43dd8448eb211c80319c"
_PARENT = "b7ad6b7169203331"


@pytest.fixture(autouse=True)
def _levels_as_they_were() -> Iterator[None]:
    yield
    logging.getLogger("opentelemetry").setLevel(logging.NOTSET)


@contextmanager
def _tracing(
    url: str, *, sample: float = 1.0, environ: Mapping[str, str] | None = None
) -> Iterator[Tracer]:
    settings = Settings(traces=Traces(endpoint=f"{url}/v1/traces", sample=sample))
    tracer = tracer_of(settings, environ or {})
    try:
        yield tracer
    finally:
        tracer.close()


def _is_kept(traceparent: str) -> bool:
    """Tell whether the flags hold the lowest bit, `sampled`; the others are none of ours."""
    return bool(int(traceparent.rpartition("-")[2], 16) & 1)


def _named(collector: Collector) -> dict[str, Seen]:
    return {span.name: span for span in collector.spans}


def test_a_request_and_its_queries_are_one_trace() -> None:
    """Queries are children of their request, in whatever thread they run."""
    with Collector() as collector, ThreadPoolExecutor(2) as pool:
        with _tracing(collector.url) as tracer:

            def ask(name: str) -> str:
                with tracer.query("prod", name):
                    return tracer.headers()["traceparent"]

            with tracer.request({}, "/api/v1/realtime/status", "GET") as span:
                sent = [pool.submit(tracer.carry(ask), name) for name in ("totals", "nodes")]
                parents = [future.result() for future in sent]
                span.set("gpuscope.freshness", "fresh")
                span.status(200)
                trace_id = span.trace_id

        seen = _named(collector)
        request = seen["GET /api/v1/realtime/status"]
        assert {"/v1/traces"} == collector.paths
        assert ("SERVER", "", False) == (request.kind, request.parent, request.failed)
        assert {
            "http.request.method": "GET",
            "http.route": "/api/v1/realtime/status",
            "http.response.status_code": 200,
            "gpuscope.freshness": "fresh",
        } == request.attributes
        for name, parent in zip(("totals", "nodes"), parents, strict=True):
            query = seen[f"query {name}"]
            assert ("CLIENT", request.span_id) == (query.kind, query.parent)
            assert parent.startswith(f"00-{trace_id}-{query.span_id}-")
            assert _is_kept(parent)
            assert {
                "db.system.name": "prometheus",
                "gpuscope.cluster": "prod",
                "gpuscope.query": name,
            } == query.attributes
        assert {trace_id} == {span.trace_id for span in collector.spans}
        assert "gpuscope-api" == collector.resource["service.name"]


def test_what_comes_after_a_request_is_none_of_it() -> None:
    """A thread that served one request brings nothing of it into the next."""
    with Collector() as collector:
        with _tracing(collector.url) as tracer:
            for _ in range(2):
                with tracer.request({}, "/r", "GET"):
                    pass
            assert {} == tracer.headers()
            with tracer.query("c", "alone"):
                pass

        assert [""] * 3 == [span.parent for span in collector.spans]
        assert 3 == len({span.trace_id for span in collector.spans})


@pytest.mark.parametrize(("sample", "flag", "kept"), [(0.0, "01", 2), (1.0, "00", 0)])
def test_a_callers_trace_is_continued(sample: float, flag: str, kept: int) -> None:
    """W3C Trace Context: the caller's trace goes on, and is kept when the caller keeps it."""
    given = {"HTTP_TRACEPARENT": f"00-{_TRACE}-{_PARENT}-{flag}"}
    with Collector() as collector:
        with (
            _tracing(collector.url, sample=sample) as tracer,
            tracer.request(given, "/r", "GET") as span,
        ):
            assert _TRACE == span.trace_id
            with tracer.query("c", "q"):
                sent = tracer.headers()["traceparent"]

        assert sent.startswith(f"00-{_TRACE}-")
        assert bool(kept) == _is_kept(sent)
        assert [_TRACE] * kept == [seen.trace_id for seen in collector.spans]
        assert [_PARENT] * (kept // 2) == [
            seen.parent for seen in collector.spans if seen.kind == "SERVER"
        ]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "rubbish",
        "00-" + "0" * 32 + f"-{_PARENT}-01",
        f"00-{_TRACE}-" + "0" * 16 + "-01",
        f"ff-{_TRACE}-{_PARENT}-01",
        f"00-{_TRACE.upper()}-{_PARENT}-01",
        f"00-{_TRACE}-{_PARENT}-01-more",
        f"00-{_TRACE}-{_PARENT}-01" + "x" * 100_000,
        f"00-{_TRACE}-{_PARENT}-01\r\nX-Evil: 1",
        None,
    ],
)
def test_a_hostile_parent_is_ignored(given: object, caplog: pytest.LogCaptureFixture) -> None:
    """What is no trace parent begins a trace of its own, without a word in the log."""
    with Collector() as collector:
        with _tracing(collector.url) as tracer:
            environ = {"HTTP_TRACEPARENT": given, "HTTP_TRACESTATE": "a=b," * 10_000}
            with tracer.request(environ, "/r", "BREW\r\n") as span:
                assert _TRACE != span.trace_id
                assert {"traceparent"} == set(tracer.headers())

        [seen] = collector.spans
        assert ("HTTP /r", "_OTHER") == (seen.name, seen.attributes["http.request.method"])
        assert [] == caplog.records


def test_failures_are_marked_by_their_kind_and_nothing_more() -> None:
    """An error's type is told; its words, which may hold secrets, are not."""
    with Collector() as collector:
        with _tracing(collector.url) as tracer:
            with pytest.raises(LookupError), tracer.request({}, "/raises", "GET"):
                raise LookupError("secret")
            with tracer.request({}, "/answers", "GET") as span:
                span.status(503)
            with tracer.request({}, "/refuses", "GET") as span:
                span.status(404)

        seen = _named(collector)
        assert (True, "LookupError", 0) == (
            seen["GET /raises"].failed,
            seen["GET /raises"].attributes["error.type"],
            seen["GET /raises"].events,
        )
        assert (True, "503") == (
            seen["GET /answers"].failed,
            seen["GET /answers"].attributes["error.type"],
        )
        assert not seen["GET /refuses"].failed
        assert b"secret" not in collector.raw


def test_a_share_of_requests_is_kept() -> None:
    """With a sample of 0 nothing is sent, and the trace is still named to those asked."""
    with Collector() as collector:
        with _tracing(collector.url, sample=0.0) as tracer:
            for _ in range(50):
                with tracer.request({}, "/r", "GET") as span:
                    span.status(200)
                    assert not _is_kept(tracer.headers()["traceparent"])

        assert [] == collector.spans


def test_a_collector_that_is_down_is_one_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests go on as before; it is said once that traces are lost, and once that they are not.

    More spans than the queue holds are dropped without a word.
    """
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "20")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "20")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    port = free_port()
    with _tracing(f"http://{LOOPBACK}:{port}") as tracer:

        def ask() -> None:
            for _ in range(30):
                with tracer.request({}, "/r", "GET") as span:
                    span.status(200)

        def until(message: str) -> None:
            deadline = time.monotonic() + _NEVER_HUNG
            while message not in caplog.messages:
                assert time.monotonic() < deadline
                ask()
                time.sleep(0.01)

        until("traces cannot be delivered: they are dropped until they can")
        with Collector(port):
            until("traces are delivered again")
    # Without the collector the next loss may have begun already.
    assert all(one != next_one for one, next_one in pairwise(caplog.messages))


@pytest.mark.parametrize("status", [400, 404])
def test_a_collector_that_refuses_is_one_line(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """An endpoint that is none is said once, at the latest when the process ends."""
    with Collector() as collector:
        collector.status = status
        with _tracing(collector.url) as tracer, tracer.request({}, "/r", "GET"):
            pass

    assert ["traces cannot be delivered: they are dropped until they can"] == caplog.messages


def test_an_exporter_that_breaks_is_a_failure(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect below costs traces, not the thread that sends them."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    def breaking(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(OTLPSpanExporter, "export", breaking)
    with _tracing("http://unused") as tracer, tracer.request({}, "/r", "GET"):
        pass

    assert ["traces cannot be delivered: they are dropped until they can"] == caplog.messages


def test_the_end_does_not_wait_for_a_collector_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Closing is bounded, whatever the other side does."""
    monkeypatch.setattr("queryapi.telemetry.opentelemetry._CLOSE_SECONDS", 0.3)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with RawServer(raw_server.silent) as server:
        begun = time.monotonic()
        with _tracing(server.url) as tracer, tracer.request({}, "/r", "GET"):
            pass

        assert time.monotonic() - begun < _NEVER_HUNG
    # What was left behind warns when it gives up: not in the middle of another test.
    wait_for(lambda: not _is_closing(), seconds=_NEVER_HUNG, what="the end of what was left behind")


def _is_closing() -> bool:
    return "traces" in {thread.name for thread in threading.enumerate()}


def test_nothing_is_traced_by_default() -> None:
    """Without an endpoint the packages are not even imported."""
    tracer = tracer_of(Settings(), {})

    def work(text: str) -> str:
        return text

    with tracer.request({}, "/r", "GET") as span, tracer.query("c", "q"):
        span.status(200)
        span.set("a", 1)
        assert "" == span.trace_id
        assert {} == tracer.headers()
        assert work is tracer.carry(work)
    tracer.close()
    code = (
        "import sys; from queryapi.settings import Settings;"
        "from queryapi.telemetry.tracing import tracer_of; tracer_of(Settings(), {});"
        "sys.exit('opentelemetry' in sys.modules)"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


@pytest.mark.parametrize(
    ("path", "environ"),
    [
        ("/v1/traces", {"OTEL_EXPORTER_OTLP_ENDPOINT": "{}/"}),
        ("/mine", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "{}/mine"}),
        (
            "/mine",
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://unused",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "{}/mine",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            },
        ),
    ],
)
def test_the_standard_variables_name_the_endpoint(path: str, environ: dict[str, str]) -> None:
    """The base gets `/v1/traces` appended; the one for traces is taken as it is and wins."""
    with Collector() as collector:
        given = {name: value.format(collector.url) for name, value in environ.items()}
        tracer = tracer_of(Settings(), given)
        with tracer.request({}, "/r", "GET"):
            pass
        tracer.close()

        assert {path} == collector.paths


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
    ],
)
def test_the_standard_variables_switch_off(environ: dict[str, str]) -> None:
    """What a platform sets for all its services is heeded."""
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", **environ}

    assert isinstance(tracer_of(Settings(), given), NoTracer)


def test_another_protocol_is_refused() -> None:
    """A variable that asks for what is not spoken is an error that says what to do."""
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with pytest.raises(ConfigurationError, match="only http/protobuf is spoken"):
        tracer_of(Settings(), given)


def test_another_name_of_the_service_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_SERVICE_NAME says what the service is called."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "ours")
    with Collector() as collector:
        with (
            _tracing(collector.url, environ={"OTEL_SERVICE_NAME": "ours"}) as tracer,
            tracer.request({}, "/r", "GET"),
        ):
            pass

        assert "ours" == collector.resource["service.name"]


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint without the packages is an error that says what to install."""
    monkeypatch.delitem(sys.modules, "queryapi.telemetry.opentelemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    settings = Settings(traces=Traces(endpoint="http://127.0.0.1:1/v1/traces"))
    with pytest.raises(ConfigurationError, match=r"opentelemetry is missing.*gpuscope\[tracing\]"):
        tracer_of(settings, {})


def test_threads_do_not_see_each_others_spans() -> None:
    """Requests that run at the same time have traces of their own."""
    with Collector() as collector:
        both = threading.Barrier(2, timeout=_NEVER_HUNG)
        with _tracing(collector.url) as tracer, ThreadPoolExecutor(2) as pool:

            def serve(route: str) -> None:
                with tracer.request({}, route, "GET"):
                    both.wait()
                    with tracer.query("c", route):
                        both.wait()

            for future in [pool.submit(serve, route) for route in ("/a", "/b")]:
                future.result()

        seen = _named(collector)
        for route in ("/a", "/b"):
            assert seen[f"GET {route}"].span_id == seen[f"query {route}"].parent


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_traces_go_to_no_address_of_the_machines_own(scheme: str) -> None:
    """An endpoint that is link-local is not connected to, in whatever way it is written."""
    for host in ("169.254.169.254", "2852039166", "[fd00:ec2::254]"):
        with session() as sending, pytest.raises(requests.ConnectionError, match="nothing is sent"):
            sending.post(f"{scheme}://{host}:1/v1/traces", data=b"", timeout=_NEVER_HUNG)


def test_little_is_read_of_what_a_collector_answers() -> None:
    """One that answers without end takes neither memory nor the thread that sends."""
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        raw_server.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n")
        while sent < _MUCH:
            sent += connection.send(b"x" * 65536)

    with RawServer(endless) as server:
        with _tracing(server.url) as tracer, tracer.request({}, "/r", "GET"):
            pass
        wait_for(lambda: server.connections > 0, seconds=_NEVER_HUNG, what="a batch")
    assert 0 < sent < _MUCH
