"""Traces by OpenTelemetry, sent as OTLP over HTTP.

This is the only file that knows OpenTelemetry; it is imported when traces are configured.
"""

import contextvars
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from queryapi import version
from queryapi.telemetry.delivery import session
from queryapi.telemetry.traces import Span

P = ParamSpec("P")
T = TypeVar("T")

_LOG = logging.getLogger(__name__)

_CLOSE_SECONDS = 3.0
_FIRST_SERVER_ERROR = 500
# As the semantic conventions of HTTP have it: what is none of these is `_OTHER`.
_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)


class OtlpTracer:
    """Spans that are sampled, gathered and sent in the background; see Tracer.

    Args:
        endpoint: URL that takes OTLP over HTTP.
        sample: Share of the traces that begin here which is kept; a caller's own trace is kept
            when the caller keeps it.
        name: What the service is called; None when OpenTelemetry's variables say that.
    """

    def __init__(self, endpoint: str, *, sample: float, name: str | None) -> None:
        # Its warnings repeat with every span or batch, and some at a client's will; what matters
        # of them is said once, by the exporter below.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        attributes = {"service.version": version.current()}
        if name is not None:
            attributes["service.name"] = name
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(sample)),
            resource=Resource.create(attributes),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(_OnceSaid(OTLPSpanExporter(endpoint=endpoint, session=session())))
        )
        self._tracer = self._provider.get_tracer("queryapi", version.current())
        self._propagator = TraceContextTextMapPropagator()

    def request(
        self, environ: Mapping[str, object], route: str, method: str
    ) -> AbstractContextManager[Span]:
        """Return the span of one request."""
        known = method if method in _METHODS else "_OTHER"
        span = self._tracer.start_span(
            f"{known if known in _METHODS else 'HTTP'} {route}",
            context=self._caller(environ),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": known, "http.route": route},
        )
        return _OtlpSpan(span)

    def query(self, cluster: str, name: str) -> AbstractContextManager[Span]:
        """Return the span of one question to a cluster's Prometheus."""
        span = self._tracer.start_span(
            f"query {name}",
            kind=SpanKind.CLIENT,
            attributes={
                "db.system.name": "prometheus",
                "gpuscope.cluster": cluster,
                "gpuscope.query": name,
            },
        )
        return _OtlpSpan(span)

    def headers(self) -> Mapping[str, str]:
        """Return `traceparent`, when there is a trace."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier

    def carry(self, work: Callable[P, T]) -> Callable[P, T]:
        """Return *work* with the context of this moment."""
        here = contextvars.copy_context()

        def carried(*args: P.args, **kwargs: P.kwargs) -> T:
            return here.run(work, *args, **kwargs)

        return carried

    def close(self) -> None:
        """Send what was not sent, for a few seconds at most."""
        # Not every version lets us say how long that may take: a thread can be left behind.
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)

    def _caller(self, environ: Mapping[str, object]) -> Context:
        """Return the caller's context; nothing but `traceparent` of it, and only a valid one."""
        given = environ.get("HTTP_TRACEPARENT")
        carrier = {"traceparent": given} if isinstance(given, str) else {}
        return self._propagator.extract(carrier, Context())


class _OtlpSpan:
    """A span that is the current one between enter and exit, which happen in one thread."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def __enter__(self) -> Self:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        context.detach(self._token)
        if kind is not None:
            # By its type only: an error's words may hold what is nobody's to read.
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

    @property
    def trace_id(self) -> str:
        """The trace in hexadecimal."""
        return trace.format_trace_id(self._span.get_span_context().trace_id)

    def status(self, code: int) -> None:
        """Tell the HTTP status of the answer."""
        self._span.set_attribute("http.response.status_code", code)
        if code >= _FIRST_SERVER_ERROR:
            self._span.set_attribute("error.type", str(code))
            self._span.set_status(Status(StatusCode.ERROR))

    def set(self, name: str, value: str | float | bool) -> None:  # noqa: FBT001 - see Span
        """Tell one more thing."""
        self._span.set_attribute(name, value)


class _OnceSaid(SpanExporter):
    """An exporter that logs when delivering begins to fail, and when it works again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send *spans*; what cannot be sent is lost."""
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001 - traces are never worth a thread
            result = SpanExportResult.FAILURE
        failing = result is not SpanExportResult.SUCCESS
        if failing and not self._failing:
            _LOG.warning("traces cannot be delivered: they are dropped until they can")
        elif self._failing and not failing:
            _LOG.info("traces are delivered again")
        self._failing = failing
        return result

    def shutdown(self) -> None:
        """Close connections."""
        self._exporter.shutdown()
