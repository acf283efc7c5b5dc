"""Log lines are kept as they were written, unless that cannot be, and what is left out is told."""

import pytest

from queryapi.services.jobs.ingesting.texts import MARK, plain
from queryapi.services.jobs.model import Line, Report
from tests.support.reporting import CREATED, JOB, after, line


def test_lines_have_the_time_of_their_worker_by_the_services_clock() -> None:
    """Its clock may be an hour off: what it says the time is now tells by how much."""
    lines = (line("a", 50_000.0), line("b"), line("c", 50_003.0))
    report = Report(lines=lines, sent_at=50_004.0, age=2.0)

    stored = after(JOB, report, CREATED + 10).lines
    assert [CREATED + 6, CREATED + 8, CREATED + 9] == [it.at for it in stored]


def test_no_line_is_of_the_future_or_of_long_before_its_job() -> None:
    """Without the worker's clock, times that cannot be are held to those that can."""
    stored = after(JOB, Report(lines=(line("a", 0.0), line("b", 9e9))), CREATED + 10).lines

    assert [CREATED - 300, CREATED + 10] == [it.at for it in stored]


def test_lines_beyond_500_are_left_out_and_that_is_told() -> None:
    """By a line of its own, of level warning; what is kept is counted."""
    decision = after(JOB, Report(lines=tuple(line(str(i)) for i in range(503))))

    assert [*map(str, range(500))] == [it.message for it in decision.lines[:500]]
    assert [("warning", 2500)] == [(it.level, it.number) for it in decision.lines[500:]]
    assert "3 more lines" in decision.lines[-1].message
    assert 501 == decision.job.log_lines


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("nul\0, escape\x1b[31m, bell\a", "nul, escape[31m, bell"),
        ("half \ud83d of it", "half \N{REPLACEMENT CHARACTER} of it"),
        ("\N{SNOWMAN}\N{GRINNING FACE}", "\N{SNOWMAN}\N{GRINNING FACE}"),
        ("x" * 64, "x" * 64),
        ("\N{SNOWMAN}" * 22, "\N{SNOWMAN}" * 18 + MARK),
    ],
)
def test_text_is_kept_without_what_terminals_and_databases_mind(given: str, kept: str) -> None:
    """And of so many bytes at most, with a mark where it was cut, never within a character."""
    assert kept == plain(given, 64)


def test_log_bytes_are_those_that_are_stored() -> None:
    """As UTF-8, which is what they take."""
    message = "\N{SNOWMAN}" * 10_000
    decision = after(JOB, Report(lines=(Line("error", message), line("abc"))))

    assert decision.lines[0].message.endswith(MARK)
    assert 8192 >= decision.job.log_bytes - 3 > 8180
    assert 2 == decision.job.log_lines
