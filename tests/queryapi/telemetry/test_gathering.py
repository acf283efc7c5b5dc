"""Lines that are written together are the lines that were logged."""

import io
import logging
import threading
from functools import partial

import pytest

from demo.processes import wait_for
from queryapi.telemetry import gathering
from queryapi.telemetry.gathering import GatheringHandler


class Sink(io.StringIO):
    """Remembers each piece that was written, and by whom."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[str, str]] = []

    def write(self, text: str) -> int:
        """Take in one piece."""
        self.written.append((threading.current_thread().name, text))
        return len(text)


def handler_to(sink: io.StringIO) -> GatheringHandler:
    """Return a handler that writes to *sink*."""
    handler = GatheringHandler()
    handler.setStream(sink)
    return handler


def log(handler: GatheringHandler, text: str) -> None:
    """Log one line of *text*."""
    handler.handle(logging.LogRecord("a", logging.INFO, __file__, 0, text, (), None))


def _ends(sink: Sink, text: str) -> bool:
    return bool(sink.written) and sink.written[-1][1].endswith(text)


def test_lines_are_written_soon_and_in_order() -> None:
    """Nobody has to ask for it, again and again."""
    sink = Sink()
    handler = handler_to(sink)
    for batch in ("one", "two"):
        log(handler, f"{batch} a")
        log(handler, f"{batch} b")
        wait_for(partial(_ends, sink, f"{batch} b\n"), seconds=60, what="the lines")

    assert "one a\none b\ntwo a\ntwo b\n" == "".join(text for _, text in sink.written)
    assert {"log"} == {name for name, _ in sink.written}


def test_only_whole_lines_are_written_and_no_more_than_a_pipe_takes_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Several processes may write to one pipe."""
    monkeypatch.setattr(gathering, "_GATHER_SECONDS", 600)
    sink = Sink()
    handler = handler_to(sink)
    for size in (3000, 1000, 500, 5000, 10):
        log(handler, "x" * size)
    handler.flush()

    assert [4002, 501, 5001, 11] == [len(text) for _, text in sink.written]
    assert all(text.endswith("\n") for _, text in sink.written)


def test_a_log_that_hangs_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever logs too much writes for itself."""
    monkeypatch.setattr(gathering, "_GATHER_SECONDS", 600)
    monkeypatch.setattr(gathering, "_MOST_LINES", 2)
    sink = Sink()
    handler = handler_to(sink)
    for text in "abc":
        log(handler, text)

    assert [(threading.current_thread().name, "a\nb\nc\n")] == sink.written


def test_a_stream_that_is_closed_hurts_nobody() -> None:
    """There is nobody left to be told."""
    sink = io.StringIO()
    handler = handler_to(sink)
    log(handler, "a")
    sink.close()
    handler.flush()
    log(handler, "b")

    assert handler._writer is not None
    assert handler._writer.is_alive()
