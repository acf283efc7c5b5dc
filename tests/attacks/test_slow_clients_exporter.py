"""Who is slow costs an exporter a place for a while; whoever scrapes it is served all the same."""

import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import requests

from demo.nvml.build import environment
from demo.nvml.models import H100, device
from demo.nvml.scenario import Scenario, write
from demo.processes import LOOPBACK, Process, free_port, wait_for
from tests.support.proc import held
from tests.support.slow import Crowd, Manner

pytestmark = [pytest.mark.attacks, pytest.mark.e2e]

_COMMAND = str(Path(sys.executable).with_name("gpuscope-exporter"))
_SECONDS = 180
# Of those that have said nothing so many may be there.
_MOST_SILENT = 256
_FEW = 12
_GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
_PAGES = (_GET + b"\r\n") * 200


@pytest.fixture(name="exporter", scope="module")
def _exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Run the node exporter of eight devices; returns its process and its port."""
    folder, port = tmp_path_factory.mktemp("exporter"), free_port()
    devices = tuple(device(H100, f"GPU-{it}", it, busy=0.5) for it in range(8))
    write(folder / "scenario.ini", Scenario(devices))
    command = [_COMMAND, "node", f"--web.listen-address={LOOPBACK}:{port}"]
    url = f"http://{LOOPBACK}:{port}/readyz"
    with Process(
        "gpu-node",
        [*command, "--collection.interval=5"],
        folder / "log",
        environment=environment(folder / "scenario.ini"),
        ready_url=url,
    ) as process:
        process.wait_ready(seconds=_SECONDS)
        # All threads have answered once.
        assert {0} == {_scraped(port) for _ in range(50)}
        yield process.pid, port


def _scraped(port: int) -> int:
    """Return how often a scrape is sent away (503) before it is answered."""
    for refused in count():
        answer = requests.get(f"http://{LOOPBACK}:{port}/metrics", timeout=30)
        if answer.ok:
            return refused
        assert answer.headers["Retry-After"]
        time.sleep(0.2)
    raise AssertionError


_ASKING = (
    Manner(b"GET /met", b"r"),
    Manner(_GET + b"X-A: ", b"a"),
    Manner(_GET + b"Content-Length: 9999\r\n\r\n", b" "),
)
_TAKING = (Manner(_PAGES), Manner(_PAGES, takes=True))
_SILENT = (Manner(),)


@pytest.mark.parametrize(
    ("number", "manners"),
    [(40, _ASKING), (40, _TAKING), (2 * _MOST_SILENT, _SILENT)],
    ids=["asking", "taking", "silent"],
)
def test_a_crowd_of_slow_clients_ends(
    exporter: tuple[int, int], number: int, manners: tuple[Manner, ...]
) -> None:
    """Scrapes are answered all the while; threads are as ever, files and memory come back.

    Where all pages that may be made at once are being taken, it is the next scrape that is
    answered, or one soon after.
    """
    pid, port = exporter
    before = worst = held(pid)
    refused = list[int]()
    with Crowd(port) as crowd:
        for manner in manners:
            crowd.add(number, manner)

        def are_gone() -> bool:
            nonlocal worst
            refused.append(_scraped(port))
            now = held(pid)
            worst = worst.most(now)
            # Who says nothing may stay as long as nobody else needs the place.
            stay = _MOST_SILENT if manners == _SILENT else 0
            return now.files <= before.files + stay + _FEW

        wait_for(are_gone, seconds=_SECONDS, what="the end of the slow", every=0.5)
        after = held(pid)
    assert (50 if manners == _TAKING else 0) >= max(refused)
    assert before.threads + _FEW >= worst.threads
    assert before.files + _MOST_SILENT + _FEW >= worst.files
    assert 1.5 * before.kilobytes > after.kilobytes
