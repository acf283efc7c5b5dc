"""Lines of a log that are written together.

Each write lets go of the interpreter, and other requests take it: to write every line by itself
costs several times what it costs to make one.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

_GATHER_SECONDS = 0.05
# Beyond this whoever logs writes for itself: nobody's memory fills up with a log that hangs.
_MOST_LINES = 10_000
# What a pipe takes whole (POSIX: PIPE_BUF): lines of several processes are never mixed up.
_WRITE_BYTES = 4096


class GatheringHandler(logging.StreamHandler):  # type: ignore[type-arg]  # not at runtime
    """Writes lines a moment after they were logged, in order, and all of them before it ends.

    A process that is killed takes its last moment's lines with it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._records: deque[logging.LogRecord] = deque()
        self._writing = threading.Lock()
        self._gathering = threading.Event()
        self._writer: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take in what will be a line."""
        self._records.append(record)
        if not self._gathering.is_set():
            self._begin()
        if len(self._records) > _MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        # Nobody is left to be told that stderr is gone.
        with self._writing, suppress(OSError, ValueError):
            for text in self._joined():
                self.stream.write(text)
                self.stream.flush()

    def _begin(self) -> None:
        if self._writer is None or not self._writer.is_alive():
            self._writer = threading.Thread(target=self._write, name="log", daemon=True)
            self._writer.start()
        self._gathering.set()

    def _write(self) -> None:
        while True:
            self._gathering.wait()
            time.sleep(_GATHER_SECONDS)
            self._gathering.clear()
            self.flush()

    def _joined(self) -> Iterator[str]:
        """Yield the lines, as many together as are written whole."""
        text = ""
        while self._records:
            line = self.format(self._records.popleft()) + self.terminator
            if text and len(text) + len(line) > _WRITE_BYTES:
                yield text
                text = ""
            text += line
        if text:
            yield text
