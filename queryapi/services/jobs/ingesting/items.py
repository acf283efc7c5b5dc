"""What waits to be stored: something that was said of a job, and who said it."""

from dataclasses import dataclass
from typing import Protocol

from queryapi.errors import Conflict
from queryapi.services.jobs.ingesting import creating
from queryapi.services.jobs.ingesting.admitting import unknown
from queryapi.services.jobs.ingesting.around import Around
from queryapi.services.jobs.ingesting.creating import Rules
from queryapi.services.jobs.ingesting.decision import Decision, acknowledged
from queryapi.services.jobs.ingesting.ending import completed
from queryapi.services.jobs.ingesting.reporting import reported
from queryapi.services.jobs.model import Caller, Completion, Draft, Report
from queryapi.storage.jobrecords import Job


class Item(Protocol):
    """Something that was said of a job."""

    @property
    def job_id(self) -> str:
        """Of which."""
        ...

    @property
    def weight(self) -> int:
        """About how many rows it makes."""
        ...

    def begun(self, rules: Rules, now: float) -> Job:
        """Return the job that it creates where there is none.

        Raises:
            QueryApiError: Why it creates none.
        """
        ...

    def decided(self, job: Job, around: Around, *, new: bool) -> Decision:
        """Decide what it comes to.

        Args:
            job: As it is.
            around: What is known besides.
            new: Whether this item has created it.

        Raises:
            QueryApiError: Why it is refused.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reported:
    """A report."""

    job_id: str
    report: Report
    caller: Caller

    @property
    def weight(self) -> int:
        """About how many rows it makes."""
        return 2 + len(self.report.lines)

    def begun(self, rules: Rules, now: float) -> Job:
        """Return the job that it creates where there is none."""
        return creating.registered(self.job_id, self.report, self.caller, rules, now)

    def decided(self, job: Job, around: Around, *, new: bool) -> Decision:  # noqa: ARG002 - one more report
        """Decide what it comes to."""
        return reported(job, self.report, self.caller, around)


@dataclass(frozen=True, slots=True)
class Completed:
    """The end of a job."""

    job_id: str
    completion: Completion
    caller: Caller

    weight = 2

    def begun(self, rules: Rules, now: float) -> Job:  # noqa: ARG002 - what never was does not end
        """Refuse to create a job."""
        raise unknown()

    def decided(self, job: Job, around: Around, *, new: bool) -> Decision:  # noqa: ARG002 - never
        """Decide what it comes to."""
        return completed(job, self.completion, self.caller, around)


@dataclass(frozen=True, slots=True)
class Created:
    """A new job."""

    job_id: str
    draft: Draft
    caller: Caller

    weight = 1

    def begun(self, rules: Rules, now: float) -> Job:
        """Return the job that it creates where there is none."""
        return creating.drafted(self.draft, self.job_id, self.caller, rules, now)

    def decided(self, job: Job, around: Around, *, new: bool) -> Decision:
        """Tell that it was created; or that it was there."""
        if not new:
            raise Conflict("there is a job of that id already")
        return Decision(job, acknowledged(job, around.now))
