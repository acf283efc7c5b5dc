"""`make up`'s program, as a newcomer meets it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from demo.processes import LOOPBACK, Process, wait_for
from demo.stack import ROOT

pytestmark = pytest.mark.e2e

SECONDS = 120.0
QUERY_API, PROMETHEUS = 8080, 9090


@pytest.fixture(name="occupied")
def _occupied() -> Iterator[None]:
    """Ports a user's own services may hold."""
    with ExitStack() as held:
        for port in (QUERY_API, PROMETHEUS):
            service = held.enter_context(socket.socket())
            service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                service.bind((LOOPBACK, port))
                service.listen()
            except OSError:
                continue  # somebody else's service does as well
        yield


@pytest.fixture(name="up")
def _up(occupied: None, tmp_path: Path) -> Iterator[Process]:
    process = Process(
        "make up",
        [sys.executable, "-m", "demo.up"],
        log=tmp_path / "up.log",
        # No real cluster of whoever runs this test may be touched by it.
        environment={"PYTHONPATH": str(ROOT), "KUBECONFIG": os.devnull, "TMPDIR": str(tmp_path)},
    )
    with process:
        wait_for(
            lambda: "Ctrl-C" in process.log.read_text() or not process.alive(),
            seconds=SECONDS,
            what="make up",
        )
        assert process.alive(), process.last_words()
        yield process


def test_one_command_shows_a_living_fleet(up: Process, tmp_path: Path) -> None:
    """It says what stands in, leaves taken ports alone, shows a real answer and ends it all."""
    text = up.log.read_text()
    [url] = re.findall(r"curl '(.+)'", text)
    shown = json.loads(text[text.index("{") : text.rindex("}") + 1])
    answer = requests.get(url, params={"include": "nodes"}, timeout=10).json()

    assert "a demo fleet of 40 nodes and 300 GPUs stands in" in text
    assert f"query API: port {QUERY_API} is in use and left alone" in text
    assert 300 == shown["data"]["current_gpu_usage"]["total_gpus"]
    assert 40 == len(answer["data"]["nodes"])

    up.signal(signal.SIGINT)
    wait_for(lambda: not up.alive(), seconds=SECONDS, what="the end of make up")

    assert "" == _still_running(tmp_path)
    assert [] == list(tmp_path.glob("gpuscope-*"))


def _still_running(directory: Path) -> str:
    # Every part of the stack names its folder on its command line.
    found = subprocess.run(
        ["pgrep", "--full", "--list-full", f"{directory}/gpuscope-"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout
