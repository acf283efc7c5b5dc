"""What is asked of jobs, checked already."""

from collections.abc import Collection
from dataclasses import dataclass

from queryapi.storage.jobrecords import JobStatus, Level


@dataclass(frozen=True, slots=True)
class LogsAsked:
    """Which log lines.

    Args:
        limit: The most on a page.
        offset: How many of the newest to pass over.
        level: Only of this one; None = of all.
        before: Only those numbered below; None = all.
        search: Only those that hold this text; None = all.
    """

    limit: int = 100
    offset: int = 0
    level: Level | None = None
    before: int | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True)
class JobsAsked:
    """Which jobs.

    Args:
        limit: The most on a page.
        before: Only those numbered below; None = all.
        statuses: Only those; None = all.
    """

    limit: int = 100
    before: int | None = None
    statuses: Collection[JobStatus] | None = None
