"""The parent of the HTTP service and of the stream gateway: it serves nothing itself.

It waits for signals, and for nothing else: no handler ever runs.
"""

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable

_LOG = logging.getLogger(__name__)
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
# What the HTTP service ignores with a line in the log.
_PASSED_ON = frozenset(
    {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU}
)
_AWAITED = frozenset({signal.SIGCHLD, *_ENDING, *_PASSED_ON})
_SIGNALLED = 128
_LONGEST_WAIT = 3600.0
_ENDING_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
# A gateway that has lived so long begins its pauses anew.
_SETTLED_SECONDS = 60.0


def hold_signals() -> None:
    """Keep signals until they are waited for, from before there are children on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)


class Supervisor:
    """Looks after two children.

    Args:
        service: Process id of the HTTP service: everything ends with it.
        start: Starts a gateway: it is started anew whenever it ends.
    """

    def __init__(self, service: int, start: Callable[[], "subprocess.Popen[bytes]"]) -> None:
        self._service = service
        self._start = start
        self._gateway: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._started = 0.0
        self._due = 0.0
        self._pause = _FIRST_PAUSE

    def run(self) -> int:
        """Return the exit status of the HTTP service when both have ended."""
        while (status := _ended(self._service)) is None:
            self._look_after_gateway()
            self._take(_next_signal(self._wait()))
        self._end_gateway()
        return status

    def _look_after_gateway(self) -> None:
        now = time.monotonic()
        if self._gateway is not None and self._gateway.poll() is not None:
            self._lost(self._gateway.returncode, now)
        if self._gateway is None and not self._ending and now >= self._due:
            try:
                self._gateway, self._started = self._start(), now
            except OSError as error:
                # No memory or no process to be had: no reason to end the service that runs.
                pause = self._put_off(now)
                _LOG.error(
                    "the stream gateway cannot be started: %s; tried anew in %g s",
                    error.strerror,
                    pause,
                )

    def _lost(self, status: int, now: float) -> None:
        self._gateway = None
        if now - self._started > _SETTLED_SECONDS:
            self._pause = _FIRST_PAUSE
        pause = self._put_off(now)
        if not self._ending:
            _LOG.error("the stream gateway %s; starts anew in %g s", _told(status), pause)

    def _put_off(self, now: float) -> float:
        """Start none for a while, longer each time; returns how long."""
        pause = self._pause
        self._due = now + pause
        self._pause = min(2 * pause, _LONGEST_PAUSE)
        return pause

    def _wait(self) -> float:
        if self._gateway is not None or self._ending:
            return _LONGEST_WAIT
        return max(0.0, self._due - time.monotonic())

    def _take(self, number: int | None) -> None:
        if number is None or number == signal.SIGCHLD:
            return
        os.kill(self._service, number)
        if number in _ENDING:
            self._ending = True
            if self._gateway is not None:
                self._gateway.terminate()

    def _end_gateway(self) -> None:
        if self._gateway is None:
            return
        self._gateway.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._gateway.wait(_ENDING_SECONDS)
        self._gateway.kill()
        self._gateway.wait()


def _next_signal(seconds: float) -> int | None:
    found = signal.sigtimedwait(_AWAITED, seconds)
    return None if found is None else found.si_signo


def _told(status: int) -> str:
    """Return how a child ended."""
    if status < 0:
        return f"was ended by signal {-status} ({signal.strsignal(-status)})"
    return f"ended with status {status}"


def _ended(process: int) -> int | None:
    """Return the exit status of a child as a shell tells it; None while it lives."""
    found, status = os.waitpid(process, os.WNOHANG)
    if not found:
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _SIGNALLED - code
