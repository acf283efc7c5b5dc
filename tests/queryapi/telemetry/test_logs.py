"""A log line is one line, in the form that was asked for."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from queryapi.telemetry import logs
from tests.support.logged import logging_restored


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    with logging_restored():
        yield


def test_json_lines_carry_fields_and_traces(capsys: pytest.CaptureFixture[str]) -> None:
    """Each event is one JSON object, whatever its values hold."""
    logs.configure("info", "json")
    log = logging.getLogger("a.b")
    log.debug("not wanted")
    log.info("said %s", 'a"\nb', extra=logs.fields(cluster="c", size=3))
    log.error("failed", exc_info=ValueError("broken"))
    first, second = map(json.loads, capsys.readouterr().err.splitlines())

    assert ("info", "a.b", 'said a"\nb', "c", 3) == tuple(
        first[key] for key in ("level", "logger", "message", "cluster", "size")
    )
    assert first["time"].endswith("+00:00")
    assert "ValueError: broken" in second["trace"]


def test_a_json_line_is_never_at_a_loss(capsys: pytest.CaptureFixture[str]) -> None:
    """Half a character, or a value of any type, still makes a line."""
    logs.configure("info", "json")
    logging.getLogger("a").info("said", extra=logs.fields(half="\ud800", path=Path("/x")))
    logging.getLogger("a").info("said", extra=logs.fields(path=Path("/x")))
    first, second = map(json.loads, capsys.readouterr().err.splitlines())

    assert ("\ud800", "/x", "/x") == (first["half"], first["path"], second["path"])


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_terminal_obeys_a_line(
    form: Literal["json", "text"], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever was sent: no line ends early, is coloured, hidden or read from right to left."""
    sent = "a\nb\r\x1b[31m\x7f\x85\x9b2J\u2028\u202e\u200b"
    logs.configure("info", form)
    log = logging.getLogger("a")
    log.info("said %s", sent, extra=logs.fields(path=sent, **{"in": {sent: [sent]}}))
    log.error("failed", exc_info=ValueError(sent))
    lines = capsys.readouterr().err.split("\n")

    assert all(line.isprintable() for line in lines)
    if form == "json":
        said, failed = map(json.loads, filter(None, lines))
        assert (f"said {sent}", sent, {sent: [sent]}) == (said["message"], said["path"], said["in"])
        assert sent in failed["trace"]


def test_text_lines_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Fields follow the message."""
    logs.configure("warning", "text")
    logging.getLogger("a").warning("said", extra=logs.fields(cluster="c"))
    logging.getLogger("a").info("not wanted")

    assert capsys.readouterr().err.endswith("WARNING a: said cluster='c'\n")
