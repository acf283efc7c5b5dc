"""A Prometheus over HTTP, made of lists, that a test can keep waiting."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl

from queryapi.outbound.transport import Request
from tests.support import fake_prometheus, scheduling_series
from tests.support.fake_prometheus import FakePrometheus
from tests.support.raw_server import RawServer, http, read_request


@contextmanager
def answering() -> Iterator[tuple[FakePrometheus, str]]:
    """Run one whose evaluations are always of this second; returns it and its URL."""
    prometheus = FakePrometheus()

    def manners(connection: socket.socket) -> None:
        while said := read_request(connection):
            head, _, sent = said.decode().partition("\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
            _be_new(prometheus)
            form = dict(parse_qsl(sent))
            reply = prometheus.exchange(Request("POST", "", headers, form=form), 0.0)
            connection.sendall(http(reply.body))

    with RawServer(manners) as server:
        try:
            yield prometheus, server.url
        finally:
            prometheus.gate.set()


def _be_new(prometheus: FakePrometheus) -> None:
    now = time.time()
    prometheus.found["evaluation"] = [
        fake_prometheus.series("cluster:gpu_evaluation_timestamp_seconds:max", now, cluster="c")
    ]
    prometheus.found["stamps"] = [
        fake_prometheus.series("cluster:gpu_snapshot_timestamp_seconds:max", now, cluster="c")
    ]
    prometheus.found["scrape"] = scheduling_series.scrape(now)
