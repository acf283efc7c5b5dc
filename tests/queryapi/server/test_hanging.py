"""A gateway that hangs, or cannot be had, is replaced or awaited, and holds nobody up."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from demo.processes import LOOPBACK, answers, free_port, wait_for
from tests.support.processes import Family

pytestmark = pytest.mark.e2e

_SECONDS = 120
# On a busy machine a gateway takes some seconds to begin.
_SILENCE = 20
# The HTTP service is one that does nothing and ends when it is told to.
_PROGRAM = """
import logging, sys, time
from functools import partial
from queryapi.server import supervisor
from queryapi.server.children import fork, start_gateway
from queryapi.settings import Settings
logging.basicConfig()
supervisor._ENDING_SECONDS = 3600
supervisor.hold_signals()
service = fork(lambda: time.sleep(3600))
start = partial(start_gateway, Settings(stream_listen=sys.argv[1]))
sys.exit(supervisor.Supervisor(service, start, silence=float(sys.argv[2])).run())
"""


@contextmanager
def _supervised(folder: Path, silence: float) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Run a gateway and its parent; returns the parent, and where the gateway listens."""
    stream = f"{LOOPBACK}:{free_port()}"
    command = [sys.executable, "-c", _PROGRAM, stream, str(silence)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as parent,
    ):
        try:
            _wait_for_answers(stream)
            yield parent, stream
        finally:
            parent.kill()


def _connected(stream: str) -> ClientConnection:
    url = f"ws://{stream}/api/v1/real-time-metrics/ws"
    return connect(url, proxy=None, legacy=True, open_timeout=_SECONDS)


def _wait_for_answers(stream: str) -> None:
    wait_for(lambda: answers(f"http://{stream}/healthz"), seconds=_SECONDS, what="a gateway")


def test_a_gateway_that_hangs_is_replaced_and_no_other(tmp_path: Path) -> None:
    """Nobody touches one that lives; of one that is stopped the log tells, and another serves."""
    with _supervised(tmp_path, _SILENCE) as (parent, stream):
        healthy = Family(parent.pid).gateway
        with _connected(stream):
            # Longer than it may be silent.
            time.sleep(_SILENCE + 3)
            assert healthy == Family(parent.pid).gateway

            os.kill(healthy, signal.SIGSTOP)
            wait_for(
                lambda: not Path(f"/proc/{healthy}").exists(), seconds=_SECONDS, what="its end"
            )
        _wait_for_answers(stream)

        assert healthy != Family(parent.pid).gateway
        _connected(stream).close()
        parent.terminate()
        assert 128 + signal.SIGTERM == parent.wait(timeout=_SECONDS)

    log = (tmp_path / "log").read_text()
    assert f"the stream gateway has been silent for {_SILENCE} s: killed" in log
    assert "the stream gateway was ended by signal 9 (Killed); starts anew in 1 s" in log


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGKILL])
def test_a_gateway_that_hangs_delays_no_end(first: int, tmp_path: Path) -> None:
    """Whether the parent is told to end or its service is gone, it ends without its gateway."""
    with _supervised(tmp_path, 3600) as (parent, _):
        gateway = Family(parent.pid).gateway
        os.kill(gateway, signal.SIGSTOP)
        if first == signal.SIGTERM:
            parent.terminate()
        else:
            os.kill(Family(parent.pid).arbiter, first)

        assert 128 + first == parent.wait(timeout=_SECONDS)
        assert not Path(f"/proc/{gateway}").exists()
    assert not re.search("silent|anew|Traceback", (tmp_path / "log").read_text())


def test_a_gateway_that_cannot_be_started_ends_nothing() -> None:
    """A system that has no process to give is asked again later; the HTTP service goes on."""
    program = """
import subprocess, sys, tempfile, time
from queryapi.server.children import Child, fork
from queryapi.server.supervisor import Supervisor, hold_signals
tries = []
def start():
    tries.append(None)
    if len(tries) == 1:
        raise BlockingIOError(11, "Resource temporarily unavailable")
    sleeping = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    return Child(sleeping, tempfile.TemporaryFile())
hold_signals()
service = fork(lambda: time.sleep(3))
print(Supervisor(service, start).run(), len(tries))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )

    assert ("0 2\n", True) == (done.stdout, "cannot be started" in done.stderr)
