"""The service is killed while it starts and while it ends, and told to end while others hang."""

import random
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from demo.processes import LOOPBACK, answers, free_port, wait_for
from tests.support.api_process import api
from tests.support.killable import SECONDS, Service
from tests.support.pool_writers import draft
from tests.support.processes import group
from tests.support.waiting_prometheus import answering
from tests.support.whole import some

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

MOMENTS = some(2, 10)
STARTING, ENDING = 2.0, 1.0
"""Seconds that it takes, more or less."""


def _killed(service: Service) -> None:
    """Kill its first process alone, and wait until the others have ended by themselves."""
    leader = service.process.pid
    service.process.kill()
    wait_for(lambda: not group(leader), seconds=SECONDS, what="everybody's end")


def test_whenever_it_is_killed_it_starts_again(tmp_path: Path) -> None:
    """Neither its ports nor its database keep the next one from starting; what was told is kept."""
    chance = random.Random()  # noqa: S311 - any moment will do
    stream = f"{LOOPBACK}:{free_port()}"
    service = Service(tmp_path, f"sqlite:///{tmp_path / 'gpuscope.db'}", stream_listen=stream)
    made = set()
    try:
        for number in range(MOMENTS):
            # The first time while tables are made.
            service.process.start()
            time.sleep(chance.uniform(0, STARTING))
            _killed(service)
            service.start()
            wait_for(lambda: answers(f"http://{stream}/healthz"), seconds=SECONDS, what="a gateway")
            answer = requests.post(f"{service.url}/api/pools", json=draft(f"p{number}"), timeout=30)
            made.add(answer.json()["id"])
            assert made == {pool["id"] for pool in service.told()["pools"]}
            service.process.signal(signal.SIGTERM)
            time.sleep(chance.uniform(0, ENDING))
            _killed(service)
    finally:
        service.process.stop()


def _connected(stream: str) -> socket.socket:
    """Return a WebSocket that has been told of its handshake, and reads nothing after that."""
    host, port = stream.split(":")
    client = socket.create_connection((host, int(port)), timeout=SECONDS)
    client.sendall(
        b"GET /api/v1/real-time-metrics/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert client.recv(12).endswith(b"101")
    return client


def test_it_ends_though_others_hang(tmp_path: Path) -> None:
    """A Prometheus that says nothing and a WebSocket that reads nothing: the status is 0."""
    stream = f"{LOOPBACK}:{free_port()}"
    settings = {"stream_listen": stream, "timeouts": {"query": 2, "request": 2}}
    with (
        answering() as (prometheus, url),
        api(tmp_path, url, settings) as service,
        ThreadPoolExecutor(1) as clients,
    ):
        wait_for(lambda: answers(f"http://{stream}/healthz"), seconds=SECONDS, what="a gateway")
        silent = _connected(stream)
        prometheus.gate.clear()
        asked = clients.submit(service.get, "/api/v1/realtime/status", cluster="prod-cluster")
        wait_for(lambda: bool(prometheus.asked), seconds=SECONDS, what="a question")
        service.process.signal(signal.SIGTERM)
        status = service.process._running().wait(SECONDS)

        assert (0, 503) == (status, asked.result(SECONDS).status_code)
        silent.close()
    assert "Traceback" not in (tmp_path / "api.log").read_text()
