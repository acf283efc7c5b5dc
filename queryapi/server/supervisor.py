"""The parent of the HTTP service and of the stream gateway: it serves nothing itself.

It waits for signals, and looks every few seconds whether the gateway lives: no handler ever runs.
"""

import logging
import os
import signal
import time
from collections.abc import Callable

from queryapi.server.children import Child
from queryapi.server.watch import Watch

_LOG = logging.getLogger(__name__)
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
# What the HTTP service ignores with a line in the log.
_PASSED_ON = frozenset(
    {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU}
)
_AWAITED = frozenset({signal.SIGCHLD, *_ENDING, *_PASSED_ON})
_SIGNALLED = 128
_LONGEST_WAIT = 3600.0
# As gunicorn has it for its workers.
_SILENCE = 30.0
# What has been told to end: the longest, and without a sign of life.
_ENDING_SECONDS, _ENDING_SILENCE = 10.0, 4.0
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
        silence: Seconds without a sign of life after which a gateway is killed.
    """

    def __init__(
        self, service: int, start: Callable[[], Child], *, silence: float = _SILENCE
    ) -> None:
        self._service = service
        self._start = start
        self._silence = silence
        self._gateway: Child | None = None
        self._watch: Watch | None = None
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
        if self._gateway is not None:
            self._look_at(self._gateway, now)
        if self._gateway is None and not self._ending and now >= self._due:
            try:
                self._gateway, self._started = self._start(), now
                self._watch_for(self._silence)
            except OSError as error:
                # No memory or no process to be had: no reason to end the service that runs.
                pause = self._put_off(now)
                _LOG.error(
                    "the stream gateway cannot be started: %s; tried anew in %g s",
                    error.strerror,
                    pause,
                )

    def _look_at(self, gateway: Child, now: float) -> None:
        if gateway.process.poll() is not None:
            self._lost(gateway, now)
        elif self._watch is not None and self._watch.hangs(now):
            if not self._ending:
                _LOG.error("the stream gateway has been silent for %g s: killed", self._silence)
            gateway.process.kill()
            # It may take a while, and is no reason to be told of it at every look.
            self._watch_for(self._silence)

    def _watch_for(self, silence: float) -> None:
        if self._gateway is not None:
            self._watch = Watch(self._gateway.sign, silence, time.monotonic())

    def _lost(self, gateway: Child, now: float) -> None:
        gateway.forget()
        self._gateway = self._watch = None
        if now - self._started > _SETTLED_SECONDS:
            self._pause = _FIRST_PAUSE
        pause = self._put_off(now)
        if not self._ending:
            status = gateway.process.returncode
            _LOG.error("the stream gateway %s; starts anew in %g s", _told(status), pause)

    def _put_off(self, now: float) -> float:
        """Start none for a while, longer each time; returns how long."""
        pause = self._pause
        self._due = now + pause
        self._pause = min(2 * pause, _LONGEST_PAUSE)
        return pause

    def _wait(self) -> float:
        now = time.monotonic()
        if self._watch is not None:
            return self._watch.wait(now)
        return _LONGEST_WAIT if self._ending else max(0.0, self._due - now)

    def _take(self, number: int | None) -> None:
        if number is None or number == signal.SIGCHLD:
            return
        os.kill(self._service, number)
        if number in _ENDING and not self._ending:
            self._tell_gateway()

    def _tell_gateway(self) -> None:
        """Have the gateway end; one that hangs, or is stopped, cannot, and is not waited for."""
        self._ending = True
        if self._gateway is not None:
            self._gateway.process.terminate()
            self._watch_for(_ENDING_SILENCE)

    def _end_gateway(self) -> None:
        if not self._ending:
            self._tell_gateway()
        until = time.monotonic() + _ENDING_SECONDS
        while self._gateway is not None and (left := until - time.monotonic()) > 0:
            _next_signal(min(self._wait(), left))
            self._look_after_gateway()
        if self._gateway is not None:
            self._gateway.process.kill()
            self._gateway.process.wait()


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
