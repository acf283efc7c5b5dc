"""Promises of starting and stopping real processes."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from demo.processes import (
    LOOPBACK,
    Process,
    ProcessError,
    answers,
    free_port,
    next_free_port,
    wait_for,
)


def _python(program: str, log: Path, *, ready_url: str | None = None) -> Process:
    return Process("child", [sys.executable, "-c", program], log=log, ready_url=ready_url)


def test_taken_ports_are_passed_over() -> None:
    """A port that somebody listens on, or that was given out already, is not given out."""
    with socket.socket() as service:
        service.bind((LOOPBACK, 0))
        service.listen()
        port = service.getsockname()[1]

        assert next_free_port(port) > port
        with pytest.raises(ProcessError, match="no free port"):
            next_free_port(port, tries=1)

    given = next_free_port(port)
    assert given < next_free_port(given)


def test_a_port_is_one_processs_until_it_ends(tmp_path: Path) -> None:
    """Many processes that ask at once get different ports, before anything listens there."""
    program = (
        "from demo.processes import StopSignal, free_port, next_free_port\n"
        "stop = StopSignal()\n"
        "print(*[next_free_port(20_900) for _ in range(5)], *[free_port() for _ in range(20)],"
        " flush=True)\n"
        "stop.wait()"
    )
    others = [_python(program, tmp_path / f"log-{number}") for number in range(3)]
    with ExitStack() as cleanup:
        for other in others:
            cleanup.enter_context(other)
        for other in others:
            wait_for(partial(_has_written, other.log), seconds=60, what="the ports")
        given = [int(port) for other in others for port in other.log.read_text().split()]

        assert 75 == len(set(given))
        assert next_free_port(given[0]) not in given
    assert given[-1] == next_free_port(given[-1])


def _has_written(log: Path) -> bool:
    return log.read_text().endswith("\n")


def test_spare_ports_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """When all of them are in use, it is said."""
    monkeypatch.setattr("demo.processes._SPARE_PORTS", range(port := free_port(), port + 1))
    with pytest.raises(ProcessError, match="no free port"):
        free_port()


def test_a_child_that_ends_early_says_why(tmp_path: Path) -> None:
    """Waiting for a child that dies raises with its last words."""
    url = f"http://{LOOPBACK}:{free_port()}/"
    with (
        _python("print('no such fleet', flush=True)", tmp_path / "log", ready_url=url) as child,
        pytest.raises(ProcessError, match="no such fleet"),
    ):
        child.wait_ready(seconds=60)


def test_a_child_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    """Waiting ends at the deadline and says what was waited for."""
    url = f"http://{LOOPBACK}:{free_port()}/"
    with (
        _python("import time; time.sleep(60)", tmp_path / "log", ready_url=url) as child,
        pytest.raises(ProcessError, match="not ready after"),
    ):
        child.wait_ready(seconds=0.2)


def test_a_child_ends_with_its_block(tmp_path: Path) -> None:
    """Leaving the block ends the child; asking a process that was never started is an error."""
    child = _python("import time; time.sleep(60)", tmp_path / "log")
    with pytest.raises(ProcessError, match="was not started"):
        _ = child.pid
    child.stop()
    with child:
        child.wait_ready()
        pid = child.pid

        assert child.alive()
    assert not child.alive()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_answers_means_success() -> None:
    """A URL that nobody serves does not answer."""
    assert not answers(f"http://{LOOPBACK}:{free_port()}/")


def test_waiting_has_an_end() -> None:
    """A condition that never holds is given up with a sentence."""
    with pytest.raises(ProcessError, match="rain: not within 0 s"):
        wait_for(lambda: False, seconds=0, what="rain")


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGINT, signal.SIGTERM]])
def test_stop_signals_are_remembered(tmp_path: Path, numbers: list[int]) -> None:
    """One signal or two at once: a process that waits for a signal goes on."""
    program = (
        "from demo.processes import StopSignal\n"
        "stop = StopSignal(); print('waiting', flush=True)\n"
        "stop.wait(); print(stop.came(), flush=True)"
    )
    log = tmp_path / "log"
    with _python(program, log) as child:
        wait_for(lambda: "waiting" in log.read_text(), seconds=60, what="the child")
        for number in numbers:
            child.signal(number)
        wait_for(lambda: not child.alive(), seconds=60, what="its end")

    assert "waiting\nTrue" == child.last_words()


def test_waiting_for_a_signal_can_end_without_one() -> None:
    """With a time limit and no signal, the wait ends and says that none came."""
    program = "from demo.processes import StopSignal; print(StopSignal().wait(0.05))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "False\n" == done.stdout
