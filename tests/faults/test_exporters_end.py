"""An exporter ends while somebody takes its page: what they have is whole, or visibly is not."""

import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path

import pytest

from demo.processes import LOOPBACK, Process, free_port, wait_for
from tests.support.apiserver import running
from tests.support.objects import node, pod
from tests.support.scrape import Scrape

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

SECONDS = 60.0
_COMMAND = str(Path(sys.executable).with_name("gpuscope-exporter"))
# More than the kernel keeps for somebody who reads nothing.
_LARGE = 5_000_000
_PODS = 1600
_LONG, _SPACE = "x" * 240, "n" * 63


@contextmanager
def _exporter(folder: Path) -> Iterator[tuple[Process, int]]:
    """Run a cluster exporter whose page is large; returns its port too."""
    objects = [
        node("n"),
        *(pod(f"{_LONG}-{number}", node="n", namespace=_SPACE) for number in range(_PODS)),
    ]
    with running(*objects) as cluster:
        port = free_port()
        command = [_COMMAND, "cluster", f"--kubeconfig={cluster.kubeconfig(folder / 'config')}"]
        command.append(f"--web.listen-address={LOOPBACK}:{port}")
        ready = f"http://{LOOPBACK}:{port}/readyz"
        with Process("exporter", command, folder / "log", ready_url=ready) as process:
            process.wait_ready(seconds=SECONDS)
            yield process, port


@contextmanager
def _scraping(port: int, *, slowly: bool = False) -> Iterator[HTTPResponse]:
    """Ask for the page and take the head of the answer only."""
    with socket.socket() as client:
        if slowly:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(SECONDS)
        client.connect((LOOPBACK, port))
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = HTTPResponse(client)
        answer.begin()
        yield answer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_page_is_never_short(number: int, tmp_path: Path) -> None:
    """Told to end, it serves who reads on; who does not, or one that is killed, is cut visibly."""
    with (
        _exporter(tmp_path) as (exporter, port),
        _scraping(port, slowly=True) as slow,
        _scraping(port) as quick,
    ):
        announced = int(quick.headers["Content-Length"])
        exporter.signal(number)
        try:
            page = quick.read()
        except IncompleteRead:
            page = b""
        wait_for(lambda: not exporter.alive(), seconds=SECONDS, what="its end")
        with pytest.raises((IncompleteRead, ConnectionResetError)):
            slow.read()

    assert _LARGE < announced
    assert len(page) in ({announced} if number == signal.SIGTERM else {0, announced})
    if page:
        assert _PODS == len(Scrape(page).of("gpu_pod_info"))
