"""Takes in what is said of jobs: it waits with others, and is answered when it is stored."""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from queryapi.bus.bus import Changes
from queryapi.errors import QueryApiError, StoreUnavailable
from queryapi.services.jobs.ingesting.around import Around, Places, Prices
from queryapi.services.jobs.ingesting.batch import Outcome, stored
from queryapi.services.jobs.ingesting.committer import Committer
from queryapi.services.jobs.ingesting.creating import Rules
from queryapi.services.jobs.ingesting.decision import Decision
from queryapi.services.jobs.ingesting.items import Completed, Created, Item, Reported
from queryapi.services.jobs.ingesting.remembered import Remembered
from queryapi.services.jobs.model import Acknowledged, Caller, Completion, Draft, Report
from queryapi.storage.jobrecords import Job
from queryapi.telemetry.ingesting import Became, Ingested

if TYPE_CHECKING:
    from queryapi.storage.engine import Store

_LOG = logging.getLogger(__name__)

Announce = Callable[[Changes], None]
"""Told which jobs have changed, when that is stored."""


class Intake:
    """Takes in what is said of jobs, and returns when it is stored; one per process.

    Args:
        store: Where jobs are kept.
        rules: Who may begin one, and where.
        prices: What jobs cost.
        places: What is known of jobs that are GPU pods.
        announce: Told what has changed, once that is stored.
        ingested: Counts what is taken in.
        clock: Unix seconds.
    """

    def __init__(
        self,
        store: "Store",
        rules: Rules,
        *,
        prices: Prices,
        places: Places,
        announce: Announce,
        ingested: Ingested | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._rules = store, rules
        self._remembered = Remembered(store)
        self._prices, self._places = prices, places
        self._announce, self._ingested, self._clock = announce, ingested, clock
        self._committer = Committer[Item, Decision](self._settle, self._settled, _weight)

    def report(self, job_id: str, report: Report, caller: Caller) -> Acknowledged:
        """Take in what a worker reports.

        Raises:
            ResourceNotFound: When there is no such job and none is created, or not for this caller.
            NotPermitted: When the job is bound to another worker.
            StoreUnavailable: When it could not be stored.
            Overloaded: When too many wait already.
        """
        return self._committer.submit(Reported(job_id, report, caller)).acknowledged

    def complete(self, job_id: str, completion: Completion, caller: Caller) -> Job:
        """Take in the end of a job; said again it adds what was not said before.

        Raises:
            ResourceNotFound: When there is no such job for this caller.
            NotPermitted: When the job is bound to another worker.
            Conflict: When it has ended in another way.
            StoreUnavailable: When it could not be stored.
            Overloaded: When too many wait already.
        """
        return self._committer.submit(Completed(job_id, completion, caller)).job

    def create(self, draft: Draft, caller: Caller) -> Job:
        """Take in a new job.

        Raises:
            Conflict: When there is one of that id.
            NotPermitted: When the caller may not see where it shall be.
            StoreUnavailable: When it could not be stored.
            Overloaded: When too many wait already.
        """
        job_id = f"job-{secrets.token_hex(8)}" if draft.id is None else draft.id
        return self._committer.submit(Created(job_id, draft, caller)).job

    def close(self) -> None:
        """Take nothing more, and return when all that waits is stored."""
        self._committer.close()

    def _settle(self, items: Sequence[Item]) -> Sequence[Outcome]:
        began = time.perf_counter()
        try:
            outcomes = self._stored(items)
        except StoreUnavailable as error:
            # One each: threads that raise the same one would write into it.
            return [StoreUnavailable(str(error), retry_after=error.retry_after) for _ in items]
        except Exception as error:  # noqa: BLE001 - given to whoever waits for it
            if len(items) == 1:
                _LOG.exception("what was said of a job cannot be stored")
                return [error]
            # Something in one of them is more than the database takes: the others do not pay.
            middle = len(items) // 2
            return [*self._settle(items[:middle]), *self._settle(items[middle:])]
        if self._ingested is not None:
            self._ingested.committed(len(items), time.perf_counter() - began)
        return outcomes

    def _stored(self, items: Sequence[Item]) -> Sequence[Outcome]:
        around = Around(self._clock(), self._prices, self._places)
        return stored(self._store, items, self._rules, around, self._remembered)

    def _settled(self, outcomes: Sequence[Outcome]) -> None:
        if self._ingested is not None:
            _count(self._ingested, outcomes)
        changed: dict[str, int] = {}
        for outcome in outcomes:
            if isinstance(outcome, Decision) and outcome.events:
                changed[outcome.job.id] = outcome.job.seq
        if changed:
            self._announce(changed)


def _count(ingested: Ingested, outcomes: Sequence[Outcome]) -> None:
    became = Counter(map(_kind, outcomes))
    lines = sum(len(it.lines) for it in outcomes if isinstance(it, Decision))
    for kind, count in became.items():
        ingested.taken(kind, count)
    ingested.lines(lines)


def _kind(outcome: Outcome) -> Became:
    if isinstance(outcome, Decision):
        return "duplicate" if outcome.acknowledged.duplicate else "stored"
    known = isinstance(outcome, QueryApiError) and not isinstance(outcome, StoreUnavailable)
    return "refused" if known else "failed"


def _weight(item: Item) -> int:
    return item.weight
