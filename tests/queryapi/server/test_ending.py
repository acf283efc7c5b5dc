"""The service ends, and its workers do, without anybody being left without an answer."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import LOOPBACK, answers, free_port, wait_for
from tests.support import token_file
from tests.support.api_process import Api, api
from tests.support.processes import children
from tests.support.tls import self_signed
from tests.support.waiting_prometheus import answering

pytestmark = pytest.mark.e2e

STATUS = "/api/v1/realtime/status"
PATIENT = {"timeouts": {"query": 30, "request": 30}}
IN_FLIGHT = 8


@dataclass(frozen=True, slots=True)
class _Kept:
    """A service that no test ends, and the file of its tokens."""

    api: Api
    tokens: Path
    authority: Path

    def status(self) -> int:
        """Return what a caller with a token is answered."""
        bearer = {"Authorization": f"Bearer {token_file.TOKEN}"}
        path = f"{self.api.urls[0]}{STATUS}?cluster=prod-cluster"
        return requests.get(path, headers=bearer, timeout=60).status_code


@pytest.fixture(name="kept", scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Kept]:
    """One worker, and files that its settings name."""
    folder = tmp_path_factory.mktemp("one")
    tokens, authority = token_file.written(folder), self_signed(folder).cert
    issuer = f"https://{LOOPBACK}:{free_port()}"
    grants = [{"value": "ops", "role": "admin"}]
    oidc = {"issuer": issuer, "audience": "gpuscope", "ca_file": str(authority), "grants": grants}
    auth = {"tokens_file": str(tokens), "oidc": oidc}
    with answering() as (_, url), api(folder, url, {**PATIENT, "auth": auth}) as service:
        yield _Kept(service, tokens, authority)


@pytest.fixture(name="pair", scope="module")
def _pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Two workers of a service that no test ends."""
    folder = tmp_path_factory.mktemp("two")
    with answering() as (_, url), api(folder, url, {**PATIENT, **_two()}) as service:
        wait_for(lambda: len(_workers(service)) == 2, seconds=60, what="two workers")
        yield service


def _two() -> dict[str, Any]:
    return {"workers": 2, "redis_url": f"redis://{LOOPBACK}:{free_port()}/0", "database_url": None}


def _log(service: Api) -> str:
    return service.process.log.read_text()


def _workers(service: Api) -> set[int]:
    return set(children(service.process.pid))


def _is_refused(url: str) -> bool:
    port = int(url.rpartition(":")[2])
    try:
        socket.create_connection((LOOPBACK, port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_requests_in_flight_are_answered_before_the_end(tmp_path: Path) -> None:
    """After SIGTERM nobody can connect, who waits is answered and logged, and the status is 0.

    A connection that is kept open does not hold up the end for its whole keep-alive time.
    """
    with (
        answering() as (upstream, url),
        api(tmp_path, url, PATIENT) as service,
        requests.Session() as session,
        ThreadPoolExecutor(IN_FLIGHT) as clients,
    ):
        session.get(f"{service.urls[0]}/healthz", timeout=20)
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
    assert IN_FLIGHT == _log(service).count(f'"route":"{STATUS}"')
    assert "Traceback" not in _log(service)


def test_a_crashed_worker_is_replaced(pair: Api) -> None:
    """One worker of two is killed: the other goes on answering, and soon there are two again."""
    lost = min(_workers(pair))
    os.kill(lost, signal.SIGKILL)
    told = {pair.get("/healthz").status_code for _ in range(20)}
    wait_for(lambda: len(_workers(pair) - {lost}) == 2, seconds=60, what="two workers again")

    assert {200} == told


def test_a_worker_is_born_while_the_files_of_the_settings_are_broken(kept: _Kept) -> None:
    """It answers 503 to those whom it cannot judge, as long as it cannot: the service goes on."""
    assert 200 == kept.status()
    tokens, authority = kept.tokens.read_bytes(), kept.authority.read_bytes()
    kept.tokens.write_text("{")
    kept.authority.unlink()
    before = _workers(kept.api)
    os.kill(min(before), signal.SIGKILL)
    wait_for(
        lambda: bool(_workers(kept.api) - before) and answers(f"{kept.api.urls[0]}/healthz"),
        seconds=60,
        what="another worker",
    )
    try:
        assert 503 == kept.status()
    finally:
        kept.tokens.write_bytes(tokens)
        kept.authority.write_bytes(authority)
    wait_for(lambda: kept.status() == 200, seconds=60, what="tokens that are good again")


def test_other_signals_change_nothing(kept: _Kept) -> None:
    """A closed terminal, or a signal of gunicorn's that would start more workers, is ignored."""
    before = _workers(kept.api)
    for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2):
        kept.api.process.signal(number)
    wait_for(
        lambda: _log(kept.api).count("Ignored: settings are read") == 4,
        seconds=60,
        what="four lines in the log",
    )

    assert before == _workers(kept.api)
    assert answers(f"{kept.api.urls[0]}/healthz", timeout=20)


def test_a_closed_terminal_ends_no_worker(kept: _Kept) -> None:
    """It tells every process at once: workers stay, as their parent does."""
    before, said = _workers(kept.api), len(_log(kept.api))
    for pid in before:
        for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2):
            os.kill(pid, number)

    assert answers(f"{kept.api.urls[0]}/healthz", timeout=20)
    assert before == _workers(kept.api)
    assert "was sent" not in _log(kept.api)[said:]


def test_workers_add_up_their_metrics(pair: Api) -> None:
    """Whichever worker answers /metrics, it counts the requests of all, a dead one's too."""
    before = _counted(pair)
    with ThreadPoolExecutor(4) as clients:
        list(clients.map(lambda _: pair.get("/docs"), range(40)))
    # A request is counted when its answer was sent: the client may have it before.
    wait_for(lambda: _counted(pair) == before + 40, seconds=60, what="the last count")
    told = {_counted(pair) for _ in range(10)}
    lost = min(_workers(pair))
    os.kill(lost, signal.SIGKILL)
    wait_for(lambda: len(_workers(pair) - {lost}) == 2, seconds=60, what="a new worker")
    afterwards = {_counted(pair) for _ in range(10)}
    builds = pair.get("/metrics").text.count("gpuscope_api_build_info{")

    assert {before + 40} == told == afterwards
    assert 1 == builds


def _counted(service: Api) -> float:
    begins = 'gpuscope_api_request_duration_seconds_count{method="GET",route="/docs",status="200"}'
    page = service.get("/metrics").text
    mine = [line for line in page.splitlines() if line.startswith(begins)]
    return float(mine[0].rpartition(" ")[2]) if mine else 0.0


def test_shared_metrics_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder in which workers keep their counts ends with the service."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with answering() as (_, url), api(tmp_path, url, _two()) as service:
        kept = list(tmp_path.glob("gpuscope-api-*"))
        os.kill(min(_workers(service)), signal.SIGTERM)
        wait_for(lambda: "Worker exiting" in _log(service), seconds=60, what="a worker's end")
        still = list(tmp_path.glob("gpuscope-api-*"))
        service.process.signal(signal.SIGTERM)
        service.process._running().wait(timeout=60)

    assert 1 == len(kept)
    assert kept == still
    assert [] == list(tmp_path.glob("gpuscope-api-*"))
