"""Refuses settings of the service itself: its processes, what they share, limits, traces."""

import ipaddress
from urllib.parse import SplitResult

from queryapi.errors import ConfigurationError
from queryapi.settings.table import Settings
from queryapi.settings.values import check_file, url_options, url_parts

# Others of the client's options would undo short waits and the checking of certificates.
_REDIS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_REDIS_OPTIONS = frozenset({"db", *_REDIS_FILES})
# Limits are counted in whole numbers that must be exact in Redis too: below 2^53.
_MOST_REQUESTS = 100_000_000


def check_service(settings: Settings) -> None:
    """Refuse what the service cannot run with.

    Raises:
        ConfigurationError: Naming the first such setting.
    """
    if settings.workers > 1 and settings.redis_url is None:
        raise ConfigurationError(
            "workers: several processes need redis_url: without it each would have a cache and"
            " limits of its own, so that answers jump back in time and clients get several times"
            " their limit"
        )
    if settings.redis_url is not None:
        _check_redis(settings.redis_url)
    for name in ("per_minute", "burst"):
        if getattr(settings.limits, name) > _MOST_REQUESTS:
            raise ConfigurationError(f"limits.{name}: at most {_MOST_REQUESTS}")
    for network in settings.limits.trusted_proxies:
        _check_network(network)
    if settings.traces.endpoint is not None:
        _check_endpoint(settings.traces.endpoint)


def _check_redis(url: str) -> None:
    # The URL may hold a password: it is never repeated.
    parts = url_parts(url)
    if parts is None or not _names_a_redis(parts):
        raise ConfigurationError(
            "redis_url: not a Redis URL, as in redis://127.0.0.1:6379/0,"
            " rediss://user:password@host:6380/0 or unix:///run/redis.sock; write special"
            " characters of a password in percent encoding"
        )
    options = url_options(parts, _REDIS_OPTIONS, "redis_url")
    if not all(map(_is_number, options.get("db", ()))):
        raise ConfigurationError("redis_url: db is a number")
    for option in _REDIS_FILES:
        for path in options.get(option, ()):
            if parts.scheme != "rediss":
                raise ConfigurationError(f"redis_url: {option} is for rediss:// only")
            check_file(f"redis_url: {option}", path)


def _names_a_redis(parts: SplitResult) -> bool:
    if parts.fragment:
        return False
    if parts.scheme == "unix":
        return len(parts.path) > 1 and not parts.hostname
    database = parts.path.removeprefix("/")
    return bool(
        parts.scheme in ("redis", "rediss")
        and parts.hostname
        and (not database or _is_number(database))
    )


def _check_network(network: str) -> None:
    try:
        ipaddress.ip_network(network)
    except ValueError:
        raise ConfigurationError(
            f"limits.trusted_proxies: {network!r} is no network, as in 10.0.0.0/8 or 192.0.2.7"
        ) from None


def _check_endpoint(url: str) -> None:
    parts = url_parts(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            "traces.endpoint: not an http(s) URL, as in http://127.0.0.1:4318/v1/traces"
        )
    if parts.username is not None:
        raise ConfigurationError(
            "traces.endpoint: put credentials in the variable OTEL_EXPORTER_OTLP_HEADERS"
        )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
