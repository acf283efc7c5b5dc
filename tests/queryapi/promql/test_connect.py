"""What the settings say about a cluster's Prometheus is what is done."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from queryapi.errors import UpstreamUnavailable
from queryapi.promql.client import PrometheusClient
from queryapi.promql.connect import client_of, transport_of, watcher_of
from queryapi.settings import Cluster, Service, Settings, Timeouts, Upstream
from queryapi.telemetry.metrics import Metrics
from tests.support import raw_server
from tests.support.fake_prometheus import FakePrometheus, series, vector
from tests.support.raw_server import RawServer, http
from tests.support.tls import self_signed

_PATIENT = Timeouts(connect=5.0, query=30.0)


def test_a_cluster_behind_mutual_tls_is_asked_with_all_its_settings(tmp_path: Path) -> None:
    """Certificates, token, tenant and trace travel with the query, which stands in the body."""
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    theirs, ours = self_signed(tmp_path / "theirs"), self_signed(tmp_path / "ours")
    (tmp_path / "token").write_text("secret\n")
    received: list[bytes] = []

    def manners(connection: socket.socket) -> None:
        received.append(raw_server.read_request(connection))
        connection.sendall(http(vector(series("up", 1))))

    with RawServer(manners, tls=theirs.context(clients=ours.cert)) as server:
        cluster = Cluster(
            "c",
            server.url,
            ca_file=str(theirs.cert),
            cert_file=str(ours.cert),
            key_file=str(ours.key),
            bearer_token_file=str(tmp_path / "token"),
            headers={"X-Scope-OrgID": "ml"},
        )
        settings = Settings(clusters=(cluster,), timeouts=_PATIENT)
        client = client_of(
            cluster,
            settings,
            Metrics("test").querying,
            headers=lambda: {"traceparent": "00-1-2-01"},
        )
        try:
            assert 1 == len(client.instant("up", at=0).value)
        finally:
            client.close()

    head, _, form = received[0].partition(b"\r\n\r\n")
    assert "POST /api/v1/query HTTP/1.1" == head.decode().splitlines()[0]
    for line in ("Authorization: Bearer secret", "X-Scope-OrgID: ml", "traceparent: 00-1-2-01"):
        assert line in head.decode().splitlines()
    assert ["up"] == parse_qs(form.decode())["query"]


def answered(upstream: Upstream, found: int) -> PrometheusClient:
    """Return a client of a Prometheus that finds so many series."""
    prometheus = FakePrometheus()
    prometheus.found["probe"] = [series("up", number) for number in range(found)]
    settings = Settings(upstream=upstream)
    return client_of(settings.clusters[0], settings, Metrics("test").querying, prometheus)


def test_the_settings_limit_the_series_of_an_answer() -> None:
    """`upstream.max_series` is how many may come."""
    assert 2 == len(answered(Upstream(max_series=2), 2).instant("vector(1)", at=0).value)

    with pytest.raises(UpstreamUnavailable, match="too many series"):
        answered(Upstream(max_series=2), 3).instant("vector(1)", at=0)


def test_the_settings_limit_the_bytes_of_an_answer() -> None:
    """`upstream.max_bytes` is how many may come."""
    with RawServer(raw_server.saying(http(vector(*[series("up", 1)] * 100)))) as server:
        cluster = Cluster("c", server.url)
        settings = Settings(
            clusters=(cluster,), timeouts=_PATIENT, upstream=Upstream(max_bytes=1024)
        )
        client = client_of(cluster, settings, Metrics("test").querying)
        try:
            with pytest.raises(UpstreamUnavailable, match="more than 1024 bytes") as failure:
                client.instant("up", at=0)
        finally:
            client.close()

    assert "too_large" == failure.value.reason


def test_many_numbers_are_asked_for_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Connections follow from the settings: none is closed because there are too many."""
    numbers = {f"n{at}": "up" for at in range(30)}
    settings = Settings(services=(Service("s", numbers=numbers),))

    with RawServer(raw_server.saying(http(vector(series("up", 1))))) as server:
        cluster = Cluster("c", server.url)
        transport = transport_of(cluster, settings)
        client = watcher_of(cluster, settings, Metrics("test").querying, transport)
        try:
            with ThreadPoolExecutor(30) as threads:
                found = list(
                    threads.map(lambda _: client.instant("up", at=0, seconds=30), [*range(30)])
                )
        finally:
            client.close()

    assert 30 == len(found)
    assert "pool is full" not in caplog.text
