"""What Prometheus warns of is logged, and not again and again."""

import logging

import pytest

from queryapi.promql.decoding import Notices
from queryapi.promql.notices import NoticeLog
from tests.support.fake_prometheus import Clock


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return level and text of what was logged."""
    return [(record.levelname, vars(record)["fields"]["notice"]) for record in caplog.records]


def test_a_text_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """A warning that comes with every answer does not fill the log; a new one is not held back."""
    clock = Clock()
    log = NoticeLog("c", clock)

    log.note("up", Notices(("gone",), ()))
    log.note("down", Notices(("gone", "slow"), ()))
    clock.now += 60
    log.note("up", Notices(("gone",), ()))

    assert [("WARNING", "gone"), ("WARNING", "slow"), ("WARNING", "gone")] == said(caplog)


def test_a_query_is_logged_as_far_as_it_says_what_it_asks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One that names thousands of pods is not repeated in full."""
    query = "count(up) or " + "x" * 50_000

    NoticeLog("c", Clock()).note(query, Notices(("gone",), ()))

    assert query[:1000] == vars(caplog.records[0])["fields"]["query"]


def test_remarks_are_no_warnings(caplog: pytest.LogCaptureFixture) -> None:
    """What Prometheus calls an info is logged as one."""
    caplog.set_level(logging.INFO)
    log = NoticeLog("c", Clock())

    for _ in range(2):
        log.note("up", Notices((), ("not a counter",)))

    assert [("INFO", "not a counter")] == said(caplog)


def test_ever_new_texts_neither_fill_the_log_nor_the_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A text with a number in it is new each time: a hundred a minute are enough."""
    clock = Clock()
    log = NoticeLog("c", clock)

    for number in range(1000):
        log.note("up", Notices((f"took {number} ms",), ()))

    assert 100 == len(said(caplog))

    clock.now += 60
    log.note("up", Notices(("another",), ()))

    assert ("WARNING", "another") == said(caplog)[-1]
    assert 1 == len(log._said)
