"""Two processes under one parent: none outlives it, and a gateway that dies comes back."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from demo.processes import LOOPBACK, answers, free_port, wait_for
from tests.support.api_process import Api, api
from tests.support.fake_prometheus import FakePrometheus
from tests.support.processes import Family, children, command, descendants, lives
from tests.support.waiting_prometheus import answering
from tests.support.whole import WHOLE

pytestmark = pytest.mark.e2e
# By test_hanging.py and test_cli.py: what is here runs whole.
MEASURED_ELSEWHERE = True

_SECONDS = 60
_SECRET = "hidden-word"  # noqa: S105 - a sample
# SIGTERM ends the service that is in the middle of an answer.
_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT) if WHOLE else (signal.SIGINT,)


@pytest.fixture(name="prometheus")
def _prometheus() -> Iterator[tuple[FakePrometheus, str]]:
    with answering() as running:
        yield running


@contextmanager
def _served(folder: Path, url: str, **settings: Any) -> Iterator[tuple[Api, str]]:
    """Run the service with a gateway; returns the gateway's host and port too."""
    stream = f"{LOOPBACK}:{free_port()}"
    with api(folder, url, {"stream_listen": stream, **settings}) as service:
        wait_for(lambda: answers(f"http://{stream}/healthz"), seconds=_SECONDS, what="a gateway")
        yield service, stream


def _connected(stream: str) -> ClientConnection:
    url = f"ws://{stream}/api/v1/real-time-metrics/ws"
    # The library's own patience is 10 s, which a busy machine may take.
    return connect(url, proxy=None, legacy=True, open_timeout=_SECONDS)


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, str]]:
    """A service of two workers and a gateway that no test ends."""
    redis = f"redis://user:{_SECRET}@{LOOPBACK}:{free_port()}/0"
    with (
        answering() as (_, url),
        _served(tmp_path_factory.mktemp("api"), url, workers=2, redis_url=redis) as running,
    ):
        yield running


def _log(folder: Path) -> str:
    return (folder / "api.log").read_text()


def _code(client: ClientConnection) -> int:
    try:
        while True:
            client.recv(timeout=_SECONDS)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


def test_a_gateway_that_is_killed_comes_back(service: tuple[Api, str]) -> None:
    """Its clients lose their connection and can connect again; the HTTP service goes on."""
    api_, stream = service
    family = Family(api_.process.pid)
    lost = family.gateway
    client = _connected(stream)
    os.kill(lost, signal.SIGKILL)

    assert 1006 == _code(client)
    assert 200 == api_.get("/healthz").status_code
    wait_for(lambda: answers(f"http://{stream}/healthz"), seconds=_SECONDS, what="a new one")
    assert family.gateway != lost
    _connected(stream).close()
    said = "the stream gateway was ended by signal 9 (Killed); starts anew in 1 s"
    assert said in api_.process.log.read_text()


@pytest.mark.parametrize("number", _ENDINGS)
def test_all_end_together(
    number: int, prometheus: tuple[FakePrometheus, str], tmp_path: Path
) -> None:
    """Clients are told (1001), the status is 0 and no process is left, whatever the signal."""
    with _served(tmp_path, prometheus[1]) as (service, stream):
        parent = service.process.pid
        processes = descendants(parent)
        client = _connected(stream)
        service.process.signal(number)

        assert 1001 == _code(client)
        assert 0 == service.process._running().wait(timeout=_SECONDS)
        assert [] == [pid for pid in processes if lives(pid)]

    assert "Traceback" not in _log(tmp_path)
    assert "starts anew" not in _log(tmp_path)


def test_requests_under_way_are_answered(
    prometheus: tuple[FakePrometheus, str], tmp_path: Path
) -> None:
    """The gateway has ended before; the parent waits for who is still being answered."""
    upstream, url = prometheus
    # Nobody but the client asks Prometheus.
    patient = {"timeouts": {"query": 20, "request": 20}, "database_url": None}
    with _served(tmp_path, url, **patient) as (service, stream), ThreadPoolExecutor(1) as clients:
        upstream.gate.clear()
        asked = clients.submit(service.get, "/api/v1/realtime/status", cluster="prod-cluster")
        wait_for(lambda: bool(upstream.asked), seconds=_SECONDS, what="a question")
        gateway = Family(service.process.pid).gateway
        service.process.signal(signal.SIGTERM)
        wait_for(lambda: not lives(gateway), seconds=_SECONDS, what="the gateway's end")
        assert service.process.alive()
        upstream.gate.set()

        assert 200 == asked.result(timeout=_SECONDS).status_code
        assert 0 == service.process._running().wait(timeout=_SECONDS)
        assert not answers(f"http://{stream}/healthz")


def test_no_child_outlives_a_parent_that_is_killed(
    prometheus: tuple[FakePrometheus, str], tmp_path: Path
) -> None:
    """After SIGKILL of the parent the others end by themselves, and their ports are free."""
    with _served(tmp_path, prometheus[1]) as (service, stream):
        parent = service.process.pid
        processes = descendants(parent)
        client = _connected(stream)
        service.process.kill()

        assert 1001 == _code(client)
        wait_for(lambda: not any(map(lives, processes)), seconds=_SECONDS, what="everybody's end")
    assert 3 == len(processes)


def test_two_workers_and_a_gateway(service: tuple[Api, str]) -> None:
    """Workers add up their metrics, the gateway has its own, and ignored signals stay ignored."""
    api_, stream = service
    before = _handshakes(stream)
    for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2):
        api_.process.signal(number)
    wait_for(
        lambda: api_.process.log.read_text().count("Ignored: settings are read") == 4,
        seconds=_SECONDS,
        what="four lines in the log",
    )
    with _connected(stream) as client:
        client.recv(timeout=_SECONDS)

    assert 2 == len(children(api_.process.pid))
    assert 1 == _handshakes(stream) - before
    assert "gpuscope_stream_build_info" not in api_.get("/metrics").text


def _handshakes(stream: str) -> float:
    page = requests.get(f"http://{stream}/metrics", timeout=_SECONDS).text
    begins = 'gpuscope_stream_handshakes_total{status="101"} '
    return sum(float(it.removeprefix(begins)) for it in page.splitlines() if it.startswith(begins))


def test_a_secret_is_on_no_command_line(service: tuple[Api, str]) -> None:
    """Settings are handed over in memory: neither arguments nor variables hold them."""
    gateway = Family(service[0].process.pid).gateway
    environment = Path(f"/proc/{gateway}/environ").read_bytes()

    assert _SECRET not in command(gateway)
    assert environment
    assert _SECRET.encode() not in environment
