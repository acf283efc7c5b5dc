"""Real processes on spare loopback ports: start, wait until ready, stop by id."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.05
_RARELY_SECONDS = 1.0
_STOP_SECONDS = 10.0
_SPARE_PORTS = range(21_000, 30_000)
"""Below those that the kernel gives to connections and listeners: nobody gets one by chance."""


class ProcessError(Exception):
    """A process ended early or did not become ready in time; the message holds its last words."""


def free_port() -> int:
    """Return a port of loopback that nobody listens on and that nobody else here is given.

    It stays this process's own until it ends, whether something listens there or not.

    Raises:
        ProcessError: When there is none.
    """
    # Anywhere: a port that was in use a moment ago is best left alone for a while.
    for port in random.sample(_SPARE_PORTS, len(_SPARE_PORTS)):
        if _claimed(port):
            return port
    raise ProcessError(f"no free port in {_SPARE_PORTS}: stop what listens there")


def next_free_port(preferred: int, *, tries: int = 100) -> int:
    """Return the first free port from *preferred* upwards; it stays this process's own.

    Raises:
        ProcessError: When none of *tries* ports is free.
    """
    for port in range(preferred, preferred + tries):
        if _claimed(port):
            return port
    raise ProcessError(
        f"no free port between {preferred} and {preferred + tries - 1}: stop what listens there"
    )


def _claimed(port: int) -> bool:
    """Tell whether nobody had the port, and keep it from all who ask here, in any process."""
    claim = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(OSError):
        # A name that only one socket of the machine can have, gone with its process: between the
        # choice of a port and the start of its service nobody else may choose the same one.
        claim.bind(f"\0gpuscope-port-{port}")
        if _can_bind(port):
            claim.detach()  # open for as long as we live
            return True
    claim.close()
    return False


def _can_bind(port: int) -> bool:
    # A service of the user's may listen on 0.0.0.0 or on loopback alone: both must refuse us.
    for address in (LOOPBACK, "0.0.0.0"):  # noqa: S104 - probes a port, serves nothing
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a parent's order, and a terminal that was closed."""


class StopSignal:
    """Remembers that one of STOP_SIGNALS came, from its construction on."""

    def __init__(self) -> None:
        self._came = False
        for number in STOP_SIGNALS:
            signal.signal(number, self._remember)

    def _remember(self, *_: object) -> None:
        # A flag and nothing else: Ctrl-C and a parent's SIGTERM may come at once, and locks that
        # a handler takes while another handler runs are never given back.
        self._came = True

    def came(self) -> bool:
        """Tell whether a signal came."""
        return self._came

    def wait(self, seconds: float = float("inf")) -> bool:
        """Wait for a signal, at most *seconds*; tell whether one came, now or earlier."""
        deadline = time.monotonic() + seconds
        while not self._came and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return self._came


def answers(url: str, *, timeout: float = 1.0) -> bool:
    """Tell whether *url* answers with a 2xx status."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:  # noqa: S310 - our own URL
            return bool(200 <= response.status < 300)  # noqa: PLR2004 - the 2xx class
    except (urllib.error.URLError, OSError):
        return False


def wait_for(
    condition: Callable[[], bool], *, seconds: float, what: str, every: float | None = None
) -> None:
    """Poll *condition*, *every* so many seconds, until it holds.

    Without *every* a tenth later each time than it has waited already: who waits long does not
    keep what it waits for from coming.

    Raises:
        ProcessError: When it does not hold within *seconds*.
    """
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        if waited > seconds:
            raise ProcessError(f"{what}: not within {seconds:g} s")
        time.sleep(every or min(max(_POLL_SECONDS, waited / 10), _RARELY_SECONDS))


@dataclass(slots=True)
class Process:
    """One child process with its log file; ends with the `with` block that entered it.

    Args:
        name: What to call it in messages.
        command: The argument vector.
        log: File that receives stdout and stderr.
        environment: Variables added to ours.
        ready_url: URL that answers 2xx once the process is ready; None = ready at once.
        stop_seconds: How long it may take to end before it is killed.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    ready_url: str | None = None
    stop_seconds: float = _STOP_SECONDS
    _child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._running().pid

    def start(self) -> None:
        """Start the child; the log is appended to, so that a restart keeps its history.

        Raises:
            ProcessError: When its program is not there.
        """
        with self.log.open("ab") as sink:
            try:
                self._child = subprocess.Popen(
                    list(self.command),
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    env={**os.environ, **(self.environment or {})},
                )
            except OSError as error:
                raise ProcessError(
                    f"{self.name} cannot be started: {error} (`make setup` installs programs)"
                ) from error

    def alive(self) -> bool:
        """Tell whether the child still runs."""
        return self._child is not None and self._child.poll() is None

    def wait_ready(
        self, *, seconds: float = 60.0, unless: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait until `ready_url` answers, or *unless* says that nobody needs to wait any more.

        Raises:
            ProcessError: When the child ends first or the time is up; holds the log's end.
        """
        url = self.ready_url
        if url is None:
            return
        deadline = time.monotonic() + seconds
        while not (unless() or answers(url)):
            if not self.alive():
                raise ProcessError(f"{self.name} ended during start-up:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"{self.name} is not ready after {seconds:g} s:\n{self.last_words()}"
                )
            time.sleep(_POLL_SECONDS)

    def last_words(self, *, lines: int = 15) -> str:
        """Return the last lines of the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def signal(self, number: int) -> None:
        """Send a signal to the child, by its id."""
        self._running().send_signal(number)

    def stop(self) -> None:
        """End the child: SIGTERM, then SIGKILL when it does not listen."""
        if self._child is None:
            return
        if self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()

    def kill(self) -> None:
        """End the child at once, as a crash would."""
        child = self._running()
        child.kill()
        child.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise ProcessError(f"{self.name} was not started")
        return self._child
