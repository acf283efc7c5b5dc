"""A log line is one line, in the form that was asked for."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

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


def test_text_lines_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Fields follow the message."""
    logs.configure("warning", "text")
    logging.getLogger("a").warning("said", extra=logs.fields(cluster="c"))
    logging.getLogger("a").info("not wanted")

    assert capsys.readouterr().err.endswith("WARNING a: said cluster='c'\n")
