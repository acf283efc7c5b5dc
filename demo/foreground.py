"""A command in the foreground that runs many processes until it is told to stop."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from demo.processes import Process, ProcessError, StopSignal

Run = Callable[[Path, ExitStack, StopSignal], int]


def until_stopped(name: str, run: Run, *, prefix: str) -> int:
    """Run until SIGINT or SIGTERM; return the exit status.

    Args:
        name: How the command's errors begin.
        run: Given a folder of its own, what ends with it, and the signal.
        prefix: How that folder's name begins.
    """
    stop = StopSignal()
    try:
        with ExitStack() as cleanup:
            directory = Path(tempfile.mkdtemp(prefix=prefix))
            cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
            return run(directory, cleanup, stop)
    except ProcessError as error:
        if stop.came():
            return 0  # a part that was told to end as well is no failure
        print(f"{name}: {error}", file=sys.stderr)
        return 1


def refuse_death(running: Sequence[Process]) -> None:
    """Raise ProcessError when one of these has ended by itself."""
    for process in running:
        if not process.alive():
            raise ProcessError(f"{process.name} ended by itself:\n{process.last_words()}")
