"""Refuses services that nobody could look at, or whose answer could not be told."""

import re
from collections.abc import Collection

from queryapi.errors import ConfigurationError
from queryapi.settings.values import check_file, check_headers, is_unicode, url_parts
from queryapi.settings.watched import Service

RESERVED = frozenset((
    "service", "status", "cluster", "response_time_ms", "last_success", "error",
    "error_message", "checks", "failures", "errors", "error_rate", "error_count",
    "error_rate_percent", "numbers", "is_fallback", "data_source", "previous", "trend",
    "trends", "timestamp",
))  # fmt: skip
"""What an entry of the answer says itself; the rates of events may be a service's numbers."""

_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
# What the client says itself.
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})


def check_services(services: Collection[Service], clusters: Collection[str]) -> None:
    """Refuse services that cannot be looked at.

    Args:
        services: The settings.
        clusters: The names of those that are configured.

    Raises:
        ConfigurationError: Naming the first setting that cannot be used.
    """
    seen = set()
    for service in services:
        where = f"services[{service.name}]"
        if service.name in seen:
            raise ConfigurationError(f"{where}: two of them have the same name")
        seen.add(service.name)
        if service.cluster is not None and service.cluster not in clusters:
            raise ConfigurationError(
                f"{where}.cluster: {service.cluster!r} is not among the clusters"
                f" ({', '.join(clusters)})"
            )
        _check_ways(where, service)
        _check_numbers(where, service)


def _check_ways(where: str, service: Service) -> None:
    if not (service.job or service.health_url or service.numbers):
        raise ConfigurationError(f"{where}: give job, health_url or numbers: it is known by these")
    if service.instance is not None and not service.job:
        raise ConfigurationError(f"{where}.instance: is one of a job's; give job too")
    if service.health_url is not None:
        _check_url(where, service.health_url)
    check_headers(f"{where}.headers", service.headers)
    for name in service.headers:
        if name.lower() in _FRAMING:
            raise ConfigurationError(f"{where}.headers: {name!r} is not for settings to say")
    check_file(f"{where}.ca_file", service.ca_file)
    for setting, text in (("job", service.job), ("instance", service.instance)):
        if text is not None and not is_unicode(text):
            raise ConfigurationError(f"{where}.{setting}: cannot be matched in PromQL")


def _check_url(where: str, url: str) -> None:
    # It may hold a password or a token: it is never repeated.
    parts = url_parts(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"{where}.health_url: not an http(s) URL, as in http://127.0.0.1:8001/health"
        )
    if parts.username is not None or parts.fragment:
        raise ConfigurationError(
            f"{where}.health_url: must be without user and fragment; credentials go in headers"
        )
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigurationError(f"{where}.health_url: write other characters percent-encoded")


def _check_numbers(where: str, service: Service) -> None:
    for name, expression in service.numbers.items():
        if not _FIELD.fullmatch(name):
            raise ConfigurationError(
                f"{where}.numbers: {name!r} is not a field name, as in events_per_minute"
            )
        if name in RESERVED:
            raise ConfigurationError(
                f"{where}.numbers: {name!r} is something the answer says itself; choose another"
                " name"
            )
        if not is_unicode(expression):
            raise ConfigurationError(f"{where}.numbers: {name!r} is not valid Unicode")
