"""Processes that end with their parent, however it ends."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import BinaryIO

import msgspec

from queryapi.settings import Settings

# sys/prctl.h of Linux.
_PR_SET_PDEATHSIG = 1
_GATEWAY = "queryapi.gateway"


def fork(work: Callable[[], None]) -> int:
    """Do *work* in a child that is a copy of this process; returns its id.

    Only for a process without threads. The child does not return.
    """
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    _begin(parent)
    work()
    sys.exit(0)


class Child:
    """A process that shows that it lives by touching the file that it has as stdin.

    Args:
        process: What was started.
        stdin: The file, held open here too.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", stdin: BinaryIO) -> None:
        self.process = process
        self._stdin = stdin

    def sign(self) -> int:
        """Return what changes with every touch."""
        return os.fstat(self._stdin.fileno()).st_mtime_ns

    def forget(self) -> None:
        """Close the file; the process has ended."""
        self._stdin.close()


def start_gateway(settings: Settings, hearing: socket.socket | None = None) -> Child:
    """Start the stream gateway, which needs nothing of what this process has loaded.

    Args:
        settings: Checked settings.
        hearing: Where it hears which jobs have changed; it stays open here, for the next one.
    """
    parent = os.getpid()
    inherited = () if hearing is None else (hearing.fileno(),)
    with ExitStack() as unless_started:
        # Settings hold passwords: neither a command line nor a variable is a place for them.
        sealed = unless_started.enter_context(os.fdopen(os.memfd_create("settings"), "w+b"))
        sealed.write(msgspec.json.encode(settings))
        sealed.seek(0)
        process = subprocess.Popen(  # noqa: S603 - a command of our own
            [sys.executable, "-P", "-m", _GATEWAY, *map(str, inherited)],
            stdin=sealed,
            pass_fds=inherited,
            # Nothing else can tell the child before it may miss its parent's end.
            preexec_fn=partial(_begin, parent),  # noqa: PLW1509 - there are no threads here
        )
        unless_started.pop_all()
    return Child(process, sealed)


def _begin(parent: int) -> None:
    """Take signals again, and ask for one when *parent* ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if os.getppid() != parent:
        # It has ended meanwhile.
        os.kill(os.getpid(), signal.SIGTERM)
