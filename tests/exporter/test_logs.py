"""One record is one line, in either layout, whatever is in it."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter import logs

PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ "]+)(?: |$)')
NASTY = 'a="b"\nlevel=error msg=forged\r\x1b[31m \x85\u2028\x9b2J \ud800'


@pytest.fixture(autouse=True)
def root() -> Iterator[logging.Logger]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def written(layout: str, message: str, *arguments: object, level: str = "info") -> str:
    """Return what one warning writes."""
    stream = io.StringIO()
    logs.configure(level, layout, stream)
    logging.getLogger("exporter.test").warning(message, *arguments)
    return stream.getvalue()


def fields(line: str) -> dict[str, str]:
    """Return the fields of a logfmt line, which must be nothing but fields."""
    found = dict(PAIR.findall(line.rstrip("\n")))
    assert line.rstrip("\n") == PAIR.sub(r"\g<0>", line.rstrip("\n"))
    return {
        name: json.loads(text) if text.startswith('"') else text for name, text in found.items()
    }


def test_logfmt() -> None:
    """Time, level, logger and message; quoted only where needed."""
    line = written("logfmt", "listening on %s", "127.0.0.1:9400")

    assert re.fullmatch(
        r"ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=warning logger=exporter\.test "
        r'msg="listening on 127\.0\.0\.1:9400"\n',
        line,
    )


def test_json() -> None:
    """The same fields, as one JSON object."""
    found = json.loads(written("json", "ready"))

    assert {"ts", "level", "logger", "msg"} == found.keys()
    assert ("warning", "exporter.test", "ready") == (found["level"], found["logger"], found["msg"])


@pytest.mark.parametrize("layout", logs.FORMATS)
@given(message=st.text())
@example(message=NASTY)
@example(message="")
@example(message="\\")
def test_one_record_is_one_line(layout: str, message: str) -> None:
    """No message can begin a line or a field of its own, or speak to a terminal."""
    line = written(layout, "%s", message)
    found = json.loads(line) if layout == "json" else fields(line)

    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert message == found["msg"]


@pytest.mark.parametrize("layout", logs.FORMATS)
def test_a_traceback_is_part_of_its_line(layout: str) -> None:
    """An exception is logged with its traceback, in the same line."""
    stream = io.StringIO()
    logs.configure("info", layout, stream)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("exporter.test").exception("failed")
    line = stream.getvalue()
    found = json.loads(line) if layout == "json" else fields(line)

    assert 1 == line.count("\n")
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert found["exception"].endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("level", "silent"), [("debug", False), ("info", False), ("warn", False), ("error", True)]
)
def test_levels(level: str, *, silent: bool) -> None:
    """What is less important than the level is not written."""
    assert silent == (written("json", "hm", level=level) == "")


def test_configured_twice(root: logging.Logger) -> None:
    """Only the last configuration holds: no record is written twice."""
    first = io.StringIO()
    logs.configure("info", "json", first)
    second = written("json", "once")

    assert "" == first.getvalue()
    assert 1 == second.count("\n")
    assert 1 == len(root.handlers)
