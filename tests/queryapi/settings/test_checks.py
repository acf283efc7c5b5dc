"""Settings that contradict one another, the machine or safety are refused with a reason."""

from typing import Any

import msgspec
import pytest

from queryapi.errors import ConfigurationError
from queryapi.settings import Cache, Cluster, Monitoring, Settings, split_address
from queryapi.settings.checks import check

_CLUSTER: dict[str, Any] = {"name": "a", "prometheus_url": "http://127.0.0.1:9090"}


def refused(settings: Settings) -> str:
    """Return why settings are refused."""
    with pytest.raises(ConfigurationError) as failure:
        check(settings)
    return str(failure.value)


@pytest.mark.parametrize("address", ["0.0.0.0:80", "10.1.2.3:80", "[::]:80", "example.org:80"])
def test_nobody_else_is_let_in_without_authentication(address: str) -> None:
    """An address that other machines can reach is refused as long as everybody is let in."""
    said = refused(Settings(listen=(address,)))

    assert address in said
    assert "no authentication is configured" in said


@pytest.mark.parametrize("address", ["", "8080", ":8080", "127.0.0.1:", "127.0.0.1:x", "[::1]:0"])
def test_an_address_is_host_and_port(address: str) -> None:
    """Anything else is refused with an example."""
    assert "is not host:port, as in 127.0.0.1:8080" in refused(Settings(listen=(address,)))


@pytest.mark.parametrize("address", ["::1:8080", "0:0:0:0:0:0:0:1:8080"])
def test_a_bare_ipv6_address_is_refused(address: str) -> None:
    """An address that two readers could split differently is not guessed at."""
    assert "write an IPv6 address in brackets: [" in refused(Settings(listen=(address,)))


def test_addresses_are_split() -> None:
    """Both families are understood."""
    assert [("127.0.0.1", 80), ("::1", 80)] == [
        split_address("127.0.0.1:80"),
        split_address("[::1]:80"),
    ]


@pytest.mark.parametrize(
    ("expected", "changed"),
    [
        ("at least one URL", {"prometheus_url": []}),
        ("not an http(s) base URL", {"prometheus_url": "127.0.0.1:9090"}),
        ("not an http(s) base URL", {"prometheus_url": "ftp://x"}),
        ("not an http(s) base URL", {"prometheus_url": "http://[x"}),
        ("not an http(s) base URL", {"prometheus_url": "http://x:y"}),
        ("not an http(s) base URL", {"prometheus_url": "http://x/?a=b"}),
        ("put user and password in basic_auth", {"prometheus_url": "http://u:p@x"}),
        ("'a-b' cannot be matched", {"matchers": {"a-b": "x"}}),
        ("'a' cannot be matched", {"matchers": {"a": "\ud800"}}),
        ("'X Y' cannot be sent", {"headers": {"X Y": "z"}}),
        ("'X' cannot be sent", {"headers": {"X": "a\r\nY: b"}}),
        ("bearer_token_file: there is no file '/no'", {"bearer_token_file": "/no"}),
        ("ca_file: there is no file '/no'", {"ca_file": "/no"}),
        ("cert_file: there is no file '/no'", {"cert_file": "/no", "key_file": "/no"}),
        ("key_file: there is no file '/no'", {"cert_file": __file__, "key_file": "/no"}),
        ("give both cert_file and key_file", {"cert_file": __file__}),
        ("give both cert_file and key_file", {"key_file": __file__}),
        ("not both", {"bearer_token_file": "x", "basic_auth": {"username": "u"}}),
        ("give password or password_file", {"basic_auth": {"username": "u"}}),
        (
            "basic_auth.password_file: there is no file '/no'",
            {"basic_auth": {"username": "u", "password_file": "/no"}},
        ),
    ],
)
def test_a_cluster_that_cannot_be_asked_is_refused(
    expected: str, changed: dict[str, object]
) -> None:
    """The message names the cluster, the key and what is wrong."""
    cluster = msgspec.convert({**_CLUSTER, **changed}, Cluster)
    said = refused(Settings(clusters=(cluster,)))

    assert "clusters[a]" in said
    assert expected in said


def test_no_password_is_ever_said() -> None:
    """A URL with a password in it is refused without repeating it."""
    cluster = msgspec.convert({**_CLUSTER, "prometheus_url": "http://u:secret@x"}, Cluster)

    assert "secret" not in refused(Settings(clusters=(cluster,)))


def test_clusters_have_different_names() -> None:
    """Two clusters of one name would hide one."""
    cluster = msgspec.convert(_CLUSTER, Cluster)

    assert "same name" in refused(Settings(clusters=(cluster, cluster)))


def test_the_default_cluster_exists() -> None:
    """A default that is not configured is refused with those that are."""
    assert "'b' is not among the clusters (prod-cluster)" in refused(Settings(default_cluster="b"))


@pytest.mark.parametrize(
    ("expected", "changed"),
    [
        ("services[0].name: ", {"services": [{"name": "\ud800", "job": "a"}]}),
        (
            "services[0].data_source: ",
            {"services": [{"name": "a", "job": "a", "data_source": "\ud800"}]},
        ),
        (
            "real_time_metrics.events_per_second: ",
            {"real_time_metrics": {"events_per_second": "\ud800"}},
        ),
    ],
)
def test_every_text_can_be_written_as_json(expected: str, changed: dict[str, object]) -> None:
    """Settings are handed on as JSON, and names are told to clients: what would fail is refused."""
    assert f"{expected}is not valid Unicode" == refused(msgspec.convert(changed, Settings))


def test_stale_is_not_shorter_than_fresh() -> None:
    """An answer cannot be too old while it is still fresh."""
    assert "cache.stale" in refused(Settings(cache=Cache(ttl=30, stale=20)))
    assert "monitoring.ttl" in refused(Settings(monitoring=Monitoring(ttl=61)))
