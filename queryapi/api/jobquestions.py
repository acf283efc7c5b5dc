"""What queries ask of jobs."""

import re
from collections.abc import Callable
from typing import TypeVar, get_args

from queryapi.api.endpoints.jobs import LIMIT, MOST, NUMBER, TIME_RANGE
from queryapi.api.jobtext import kept
from queryapi.api.parameters import count, first, name, period
from queryapi.api.visit import Query
from queryapi.errors import InvalidParameter
from queryapi.services.jobs.bounds import MOST_SECONDS_STEPPED
from queryapi.services.jobs.reading.asked import JobsAsked, LogsAsked
from queryapi.services.jobs.reading.metrics import Window
from queryapi.storage.jobrecords import JobStatus, Level

T = TypeVar("T", bound=str)

_NUMBER = re.compile(NUMBER)
_OFFSET = 999_999_999
_LEVELS: dict[str, Level] = {level: level for level in get_args(Level)}


def window_of(query: Query) -> Window:
    """Return the time that measurements are asked for; raises InvalidParameter."""
    seconds = count(query, "timeRange", TIME_RANGE, most=MOST_SECONDS_STEPPED)
    return Window(seconds, period(query, "step"))


def logs_of(query: Query) -> LogsAsked:
    """Return which lines are asked for; raises InvalidParameter."""
    return LogsAsked(
        limit=count(query, "limit", LIMIT, most=MOST),
        offset=count(query, "offset", 0, least=0, most=_OFFSET),
        level=_one_of(query, "level", str.lower, _LEVELS),
        before=_before(query, "the id of a line"),
        search=kept(name(query, "search")) or None,
    )


def jobs_of(query: Query) -> JobsAsked:
    """Return which jobs are asked for; raises InvalidParameter."""
    words = {status.value: status for status in JobStatus}
    status = _one_of(query, "status", str.upper, words)
    return JobsAsked(
        limit=count(query, "limit", LIMIT, most=MOST),
        before=_before(query, "what `next` said"),
        statuses=None if status is None else (status,),
    )


def is_text(query: Query) -> bool:
    """Tell whether lines are asked for as text; raises InvalidParameter."""
    words = {"json": "json", "text": "text"}
    return _one_of(query, "format", str.lower, words) == "text"


def _one_of(
    query: Query, parameter: str, written: Callable[[str], str], words: dict[str, T]
) -> T | None:
    given = first(query, parameter)
    if not given:
        return None
    found = words.get(written(given))
    if found is None:
        raise InvalidParameter(f"{parameter} must be one of {', '.join(words)}")
    return found


def _before(query: Query, what: str) -> int | None:
    given = first(query, "before")
    if not given:
        return None
    if not _NUMBER.fullmatch(given):
        raise InvalidParameter(f"before must be {what}")
    return int(given)
