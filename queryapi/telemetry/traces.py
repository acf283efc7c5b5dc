"""Traces: which spans there are, and nothing at all unless an endpoint is configured."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import ParamSpec, Protocol, Self, TypeVar

from queryapi.errors import ConfigurationError
from queryapi.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

# https://opentelemetry.io/docs/specs/otel/protocol/exporter/
_WHOLE_URL = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_BASE_URL = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OUR_PROTOCOL = "http/protobuf"


class Span(Protocol):
    """What is told about one piece of work while it goes on."""

    @property
    def trace_id(self) -> str:
        """The trace in hexadecimal, for logs; empty when nothing is traced."""
        ...

    def status(self, code: int) -> None:
        """Tell the HTTP status of the answer."""
        ...

    def set(self, name: str, value: str | float | bool) -> None:  # noqa: FBT001 - a value
        """Tell one more thing; never a secret, never what a client sent as it came."""
        ...


class Tracer(Protocol):
    """Makes spans. None of its methods waits for anybody or raises."""

    def request(
        self, environ: Mapping[str, object], route: str, method: str
    ) -> AbstractContextManager[Span]:
        """Return the span of one request, a part of the caller's trace where it names one.

        Args:
            environ: The request's WSGI environment.
            route: The route's template, such as `/api/v1/realtime/status`.
            method: The HTTP method.
        """
        ...

    def query(self, cluster: str, name: str) -> AbstractContextManager[Span]:
        """Return the span of one question to a cluster's Prometheus.

        What is raised within marks it as failed, by the error's type and not by its words.

        Args:
            cluster: The cluster's name.
            name: What is asked for, such as a part's name; no PromQL.
        """
        ...

    def headers(self) -> Mapping[str, str]:
        """Return the headers that make another service's spans part of this trace."""
        ...

    def carry(self, work: Callable[P, T]) -> Callable[P, T]:
        """Return *work* so that its spans belong here, whatever thread runs it; to be run once."""
        ...

    def close(self) -> None:
        """Send what was not sent, for a few seconds at most."""
        ...


class NoSpan:
    """A span that nobody sees."""

    trace_id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def status(self, code: int) -> None:
        """Forget it."""

    def set(self, name: str, value: str | float | bool) -> None:  # noqa: FBT001 - see Span
        """Forget it."""


_NO_SPAN = NoSpan()
_NO_HEADERS: Mapping[str, str] = {}


class NoTracer:
    """Traces nothing, at next to no cost; see Tracer."""

    def request(
        self,
        environ: Mapping[str, object],  # noqa: ARG002 - see Tracer
        route: str,  # noqa: ARG002
        method: str,  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        """Return a span that nobody sees."""
        return _NO_SPAN

    def query(self, cluster: str, name: str) -> AbstractContextManager[Span]:  # noqa: ARG002
        """Return a span that nobody sees."""
        return _NO_SPAN

    def headers(self) -> Mapping[str, str]:
        """Return none."""
        return _NO_HEADERS

    def carry(self, work: Callable[P, T]) -> Callable[P, T]:
        """Return *work* as it is."""
        return work

    def close(self) -> None:
        """Do nothing."""


def tracer_of(settings: Settings, environ: Mapping[str, str]) -> Tracer:
    """Return what traces go to: the endpoint of the settings, else of OpenTelemetry's variables.

    Args:
        settings: Their `traces`.
        environ: The environment; OpenTelemetry reads headers, certificates and time-outs itself.

    Raises:
        ConfigurationError: When there is an endpoint and the packages for it are missing.
    """
    endpoint = endpoint_of(settings, environ)
    if endpoint is None:
        return NoTracer()
    from queryapi.telemetry.opentelemetry import OtlpTracer  # noqa: PLC0415 - as below

    return OtlpTracer(endpoint, sample=settings.traces.sample, name=_service_name(environ))


def endpoint_of(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Return where traces go, None = nowhere; begins nothing. Else as tracer_of."""
    endpoint = settings.traces.endpoint or _standard_endpoint(environ)
    if endpoint is not None:
        try:
            # A third of a second and 20 MB: only for those who trace.
            import queryapi.telemetry.opentelemetry  # noqa: F401, PLC0415
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"traces.endpoint: the package {error.name} is missing:"
                " pip install 'gpuscope[tracing]', or take the endpoint away"
            ) from error
    return endpoint


def _standard_endpoint(environ: Mapping[str, str]) -> str | None:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    if environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return None
    whole, base = environ.get(_WHOLE_URL, "").strip(), environ.get(_BASE_URL, "").strip()
    if not whole and not base:
        return None
    spoken = next((environ[name].strip() for name in _PROTOCOLS if environ.get(name)), "")
    if spoken not in ("", _OUR_PROTOCOL):
        raise ConfigurationError(
            f"{_PROTOCOLS[1]}: only {_OUR_PROTOCOL} is spoken; set traces.endpoint to a URL that"
            " takes it, or OTEL_TRACES_EXPORTER to none"
        )
    return whole or f"{base.rstrip('/')}/v1/traces"


def _service_name(environ: Mapping[str, str]) -> str | None:
    """Return our name, unless the standard variables give another."""
    resource = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in resource
    return None if named else "gpuscope-api"
