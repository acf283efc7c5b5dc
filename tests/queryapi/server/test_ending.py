"""The service ends, and its workers do, without anybody being left without an answer."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from demo.processes import LOOPBACK, answers, free_port, wait_for
from tests.support import token_file
from tests.support.api_process import Api, api
from tests.support.fake_prometheus import FakePrometheus
from tests.support.processes import children
from tests.support.tls import self_signed
from tests.support.waiting_prometheus import answering

pytestmark = pytest.mark.e2e

STATUS = "/api/v1/realtime/status"
PATIENT = {"timeouts": {"query": 20, "request": 20}}
IN_FLIGHT = 8


@pytest.fixture(name="prometheus")
def _prometheus() -> Iterator[tuple[FakePrometheus, str]]:
    with answering() as running:
        yield running


def _log(folder: Path) -> str:
    return (folder / "api.log").read_text()


def _workers(service: Api) -> set[int]:
    return set(children(service.process.pid))


def _is_refused(url: str) -> bool:
    port = int(url.rpartition(":")[2])
    try:
        socket.create_connection((LOOPBACK, port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_requests_in_flight_are_answered_before_the_end(
    prometheus: tuple[FakePrometheus, str], tmp_path: Path
) -> None:
    """After SIGTERM nobody can connect, who waits is answered and logged, and the status is 0."""
    upstream, url = prometheus
    with api(tmp_path, url, PATIENT) as service, ThreadPoolExecutor(IN_FLIGHT) as clients:
        upstream.gate.clear()
        waiting: list[Future[requests.Response]] = [
            clients.submit(service.get, STATUS, cluster="prod-cluster") for _ in range(IN_FLIGHT)
        ]
        wait_for(lambda: bool(upstream.asked), seconds=60, what="a question to Prometheus")
        # Whoever asks for the number is one of them.
        wait_for(
            lambda: f"requests_in_flight {IN_FLIGHT + 1}.0" in service.get("/metrics").text,
            seconds=60,
            what="everybody inside",
        )
        service.process.signal(signal.SIGTERM)
        for address in service.urls:
            wait_for(lambda a=address: _is_refused(a), seconds=60, what="a closed door")  # type: ignore[misc]
        upstream.gate.set()
        told = [each.result(timeout=60).status_code for each in waiting]
        status = service.process._running().wait(timeout=60)

    assert [200] * IN_FLIGHT == told
    assert 0 == status
    assert IN_FLIGHT == _log(tmp_path).count(f'"route":"{STATUS}"')
    assert "Traceback" not in _log(tmp_path)


def test_who_keeps_a_connection_is_told_to_leave(
    prometheus: tuple[FakePrometheus, str], tmp_path: Path
) -> None:
    """A connection kept open does not hold up the end for its whole keep-alive time."""
    _, url = prometheus
    with api(tmp_path, url, PATIENT) as service, requests.Session() as session:
        session.get(f"{service.urls[0]}/healthz", timeout=20)
        service.process.signal(signal.SIGTERM)

        assert 0 == service.process._running().wait(timeout=40)


def test_a_crashed_worker_is_replaced(
    prometheus: tuple[FakePrometheus, str], tmp_path: Path
) -> None:
    """One worker of two is killed: the other goes on answering, and soon there are two again."""
    _, url = prometheus
    two = {"workers": 2, "redis_url": f"redis://{LOOPBACK}:{free_port()}/0", "database_url": None}
    with api(tmp_path, url, {**PATIENT, **two}) as service:
        wait_for(lambda: len(_workers(service)) == 2, seconds=60, what="two workers")
        before = _workers(service)
        lost = min(before)
        os.kill(lost, signal.SIGKILL)
        told = {service.get("/healthz").status_code for _ in range(20)}
        wait_for(lambda: len(_workers(service) - {lost}) == 2, seconds=60, what="two workers again")

    assert {200} == told


def test_a_worker_is_born_while_the_files_of_the_settings_are_broken(
    prometheus: tuple[FakePrometheus, str], tmp_path: Path
) -> None:
    """It answers 503 to those whom it cannot judge, as long as it cannot: the service goes on."""
    _, url = prometheus
    tokens, authority = token_file.written(tmp_path), self_signed(tmp_path).cert
    issuer = f"https://{LOOPBACK}:{free_port()}"
    grants = [{"value": "ops", "role": "admin"}]
    oidc = {"issuer": issuer, "audience": "gpuscope", "ca_file": str(authority), "grants": grants}
    auth = {"tokens_file": str(tokens), "oidc": oidc}
    bearer = {"Authorization": f"Bearer {token_file.TOKEN}"}

    with api(tmp_path, url, {**PATIENT, "auth": auth}) as service:

        def status() -> int:
            path = f"{service.urls[0]}{STATUS}?cluster=prod-cluster"
            return requests.get(path, headers=bearer, timeout=20).status_code

        assert 200 == status()
        good = tokens.read_bytes()
        tokens.write_text("{")
        authority.unlink()
        before = _workers(service)
        os.kill(min(before), signal.SIGKILL)
        wait_for(
            lambda: bool(_workers(service) - before) and answers(f"{service.urls[0]}/healthz"),
            seconds=60,
            what="another worker",
        )
        assert 503 == status()
        tokens.write_bytes(good)
        wait_for(lambda: status() == 200, seconds=60, what="tokens that are good again")


def test_other_signals_change_nothing(
    prometheus: tuple[FakePrometheus, str], tmp_path: Path
) -> None:
    """A closed terminal, or a signal of gunicorn's that would start more workers, is ignored."""
    _, url = prometheus
    with api(tmp_path, url, PATIENT) as service:
        before = _workers(service)
        for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2):
            service.process.signal(number)
        wait_for(
            lambda: _log(tmp_path).count("Ignored: settings are read") == 4,
            seconds=60,
            what="four lines in the log",
        )

        assert before == _workers(service)
        assert answers(f"{service.urls[0]}/healthz")


def test_a_closed_terminal_ends_no_worker(
    prometheus: tuple[FakePrometheus, str], tmp_path: Path
) -> None:
    """It tells every process at once: workers stay, as their parent does."""
    _, url = prometheus
    with api(tmp_path, url, PATIENT) as service:
        before = _workers(service)
        for pid in before:
            for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2):
                os.kill(pid, number)

        assert answers(f"{service.urls[0]}/healthz", timeout=20)
        assert before == _workers(service)
    assert "was sent" not in _log(tmp_path)


def test_workers_add_up_their_metrics(
    prometheus: tuple[FakePrometheus, str], tmp_path: Path
) -> None:
    """Whichever worker answers /metrics, it counts the requests of all, a dead one's too."""
    _, url = prometheus
    two = {"workers": 2, "redis_url": f"redis://{LOOPBACK}:{free_port()}/0", "database_url": None}

    def counted(service: Api) -> float:
        page = service.get("/metrics").text
        mine = [line for line in page.splitlines() if line.startswith(_COUNT)]
        return float(mine[0].rpartition(" ")[2]) if mine else 0.0

    with api(tmp_path, url, {**PATIENT, **two}) as service:
        wait_for(lambda: len(_workers(service)) == 2, seconds=60, what="two workers")
        with ThreadPoolExecutor(4) as clients:
            list(clients.map(lambda _: service.get("/docs"), range(40)))
        # A request is counted when its answer was sent: the client may have it before.
        wait_for(lambda: counted(service) == 40, seconds=60, what="the last count")
        told = {counted(service) for _ in range(10)}
        lost = min(_workers(service))
        os.kill(lost, signal.SIGKILL)
        wait_for(lambda: len(_workers(service) - {lost}) == 2, seconds=60, what="a new worker")
        afterwards = {counted(service) for _ in range(10)}
        builds = service.get("/metrics").text.count("gpuscope_api_build_info{")

    assert {40} == told == afterwards
    assert 1 == builds


_COUNT = 'gpuscope_api_request_duration_seconds_count{method="GET",route="/docs",status="200"}'


def test_shared_metrics_leave_nothing_behind(
    prometheus: tuple[FakePrometheus, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder in which workers keep their counts ends with the service."""
    _, url = prometheus
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    two = {"workers": 2, "redis_url": f"redis://{LOOPBACK}:{free_port()}/0", "database_url": None}
    with api(tmp_path, url, two) as service:
        kept = list(tmp_path.glob("gpuscope-api-*"))
        os.kill(min(_workers(service)), signal.SIGTERM)
        wait_for(lambda: "Worker exiting" in _log(tmp_path), seconds=60, what="a worker's end")
        still = list(tmp_path.glob("gpuscope-api-*"))
        service.process.signal(signal.SIGTERM)
        service.process._running().wait(timeout=60)

    assert 1 == len(kept)
    assert kept == still
    assert [] == list(tmp_path.glob("gpuscope-api-*"))
