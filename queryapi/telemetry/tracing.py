"""Chooses what traces go to: nothing at all unless an endpoint is configured."""

from collections.abc import Mapping

from queryapi.errors import ConfigurationError
from queryapi.settings import Settings
from queryapi.telemetry.traces import NoTracer, Tracer

# https://opentelemetry.io/docs/specs/otel/protocol/exporter/
_WHOLE_URL = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_BASE_URL = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OUR_PROTOCOL = "http/protobuf"


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
