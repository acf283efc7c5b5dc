"""A stand-in for an OpenTelemetry collector: takes OTLP over HTTP and keeps the spans."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from demo.processes import LOOPBACK
from tests.support.answering import QuietHTTPServer

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it arrived."""

    name: str
    trace_id: str
    span_id: str
    parent: str
    kind: str
    failed: bool
    attributes: dict[str, Value]
    events: int


class Collector:
    """Keeps what it is sent; `status` is what it answers."""

    def __init__(self, port: int = 0) -> None:
        self.spans: list[Seen] = []
        self.resource: dict[str, Value] = {}
        self.paths: set[str] = set()
        self.raw = b""
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer._take(self.path, body)
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
                """Say nothing."""

        self._server = QuietHTTPServer((LOOPBACK, port), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, path: str, body: bytes) -> None:
        self.paths.add(path)
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = _values(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans += map(_seen, scope.spans)


def _seen(span: Span) -> Seen:
    return Seen(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        span.status.code == span.status.STATUS_CODE_ERROR,
        _values(span.attributes),
        len(span.events),
    )


def _values(pairs: Iterable[Any]) -> dict[str, Value]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
