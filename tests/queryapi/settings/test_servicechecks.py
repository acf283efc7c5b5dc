"""Settings of the service itself that it cannot run with are refused with a reason."""

import pytest

from queryapi.errors import ConfigurationError
from queryapi.settings import Limits, Settings, Traces
from queryapi.settings.checks import check


def refused(settings: Settings) -> str:
    """Return why settings are refused."""
    with pytest.raises(ConfigurationError) as failure:
        check(settings)
    return str(failure.value)


def test_several_processes_need_redis() -> None:
    """Each would have a cache and limits of its own; with Redis they are one service."""
    said = refused(Settings(workers=2))

    assert "workers: several processes need redis_url" in said
    assert "limits of its own" in said
    shared = Settings(workers=2, redis_url="redis://127.0.0.1:6379/0", database_url=None)
    assert 2 == check(shared).workers


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1",
        "redis://[::1]:6379/3",
        "redis://user:p%40ss@redis.example:6379/0",
        "rediss://:secret@redis.example",
        "unix:///run/redis.sock",
        "unix://user:secret@/run/redis.sock?db=2",
        f"rediss://redis.example?ssl_ca_certs={__file__}",
    ],
)
def test_redis_urls_are_understood(url: str) -> None:
    """Ports, sockets, TLS, users and databases."""
    assert url == check(Settings(redis_url=url)).redis_url


@pytest.mark.parametrize(
    ("expected", "url"),
    [
        ("not a Redis URL", ""),
        ("not a Redis URL", "127.0.0.1:6379"),
        ("not a Redis URL", "http://:secret@127.0.0.1"),
        ("not a Redis URL", "redis://"),
        ("not a Redis URL", "redis://:secret@h:port"),
        ("not a Redis URL", "redis://:secret@h:0"),
        ("not a Redis URL", "redis://:se#cret@h"),
        ("not a Redis URL", "redis://:secret@h/zero"),
        ("not a Redis URL", "redis://:secret@h/0#x"),
        ("not a Redis URL", "redis://[h"),
        ("not a Redis URL", "unix://"),
        ("not a Redis URL", "unix://host/run/redis.sock"),
        ("of options only db, ssl_ca_certs", "redis://h?password=secret"),
        ("of options only db, ssl_ca_certs", "rediss://h?ssl_cert_reqs=none"),
        ("db is a number", "unix:///r.sock?db=secret"),
        ("ssl_ca_certs: there is no file '/no'", "rediss://h?ssl_ca_certs=/no"),
        ("ssl_ca_certs is for rediss:// only", "redis://h?ssl_ca_certs=/no"),
    ],
)
def test_a_redis_url_that_means_nothing_is_refused(expected: str, url: str) -> None:
    """The message says what is wrong and never repeats the URL, which may hold a password."""
    said = refused(Settings(redis_url=url))

    assert f"redis_url: {expected}" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("expected", "limits"),
    [
        ("limits.per_minute: at most 100000000", Limits(per_minute=100_000_001)),
        ("limits.burst: at most 100000000", Limits(burst=100_000_001)),
        ("limits.trusted_proxies: 'proxy' is no network", Limits(trusted_proxies=("proxy",))),
        ("'10.0.0.1/8' is no network", Limits(trusted_proxies=("::1", "10.0.0.1/8"))),
    ],
)
def test_limits_that_cannot_be_held_are_refused(expected: str, limits: Limits) -> None:
    """Numbers beyond exact counting, and proxies that are no networks."""
    assert expected in refused(Settings(limits=limits))


@pytest.mark.parametrize(
    ("expected", "endpoint"),
    [
        ("not an http(s) URL", "127.0.0.1:4318"),
        ("not an http(s) URL", "grpc://127.0.0.1:4317"),
        ("not an http(s) URL", "http://:x"),
        ("put credentials in the variable", "http://user:secret@collector/v1/traces"),
    ],
)
def test_an_endpoint_of_traces_is_a_url(expected: str, endpoint: str) -> None:
    """Anything else is refused, without repeating what may be a password."""
    said = refused(Settings(traces=Traces(endpoint=endpoint)))

    assert f"traces.endpoint: {expected}" in said
    assert "secret" not in said


def test_an_endpoint_of_traces_is_taken_as_it_is() -> None:
    """Any path, and TLS."""
    traces = Traces(endpoint="https://collector.example/otlp/v1/traces")

    assert traces == check(Settings(traces=traces)).traces
