"""Processes that end with their parent, however it ends."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial

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


def start_gateway(settings: Settings) -> "subprocess.Popen[bytes]":
    """Start the stream gateway, which needs nothing of what this process has loaded."""
    parent = os.getpid()
    # Settings hold passwords: neither a command line nor a variable is a place for them.
    sealed = os.memfd_create("settings")
    try:
        os.write(sealed, msgspec.json.encode(settings))
        os.lseek(sealed, 0, os.SEEK_SET)
        return subprocess.Popen(  # noqa: S603 - a command of our own
            [sys.executable, "-P", "-m", _GATEWAY],
            stdin=sealed,
            # Nothing else can tell the child before it may miss its parent's end.
            preexec_fn=partial(_begin, parent),  # noqa: PLW1509 - there are no threads here
        )
    finally:
        os.close(sealed)


def _begin(parent: int) -> None:
    """Take signals again, and ask for one when *parent* ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if os.getppid() != parent:
        # It has ended meanwhile.
        os.kill(os.getpid(), signal.SIGTERM)
