"""Many items in one transaction: what each comes to is decided in its order, then all is stored."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from queryapi import storage
from queryapi.errors import QueryApiError, StoreUnavailable
from queryapi.services.jobs.ingesting.around import Around
from queryapi.services.jobs.ingesting.creating import Rules
from queryapi.services.jobs.ingesting.decision import Decision
from queryapi.services.jobs.ingesting.items import Item
from queryapi.services.jobs.ingesting.remembered import Remembered
from queryapi.storage.jobrecords import Job

if TYPE_CHECKING:
    from queryapi.storage.engine import Session, Store

Outcome = Decision | Exception
"""What became of an item: what is stored of it, or why nothing is."""

_TRIES = 3


def stored(
    store: "Store", items: Sequence[Item], rules: Rules, around: Around, remembered: Remembered
) -> tuple[Outcome, ...]:
    """Store items together; one that is refused costs the others nothing.

    Args:
        store: Where.
        items: What was said.
        rules: Who may begin a job.
        around: What is known besides.
        remembered: Jobs that need not be read.

    Raises:
        StoreUnavailable: When none of them could be stored.
    """
    ids = {item.job_id for item in items}
    for _ in range(_TRIES):
        try:
            with store.reporting() as session:
                held = remembered.taken()
                locked = storage.jobs.locked(session, ids, held)
                known = {name: one.job for name, one in locked.held.items()}
                outcomes = _within(session, items, known, rules, around)
        except _MetError:
            continue
        remembered.keep(held, locked, known)
        return outcomes
    raise StoreUnavailable("the database is busy")


class _MetError(Exception):
    """Another process has created a job in the same moment: all is to be locked anew, in order."""


def _within(
    session: "Session", items: Sequence[Item], known: dict[str, Job], rules: Rules, around: Around
) -> tuple[Outcome, ...]:
    """Decide and store items; *known* tells then how their jobs are."""
    creators, refused = _begin(session, items, known, rules, around.now)
    before, outcomes = dict(known), list[Outcome]()
    for item in items:
        outcome = _outcome(item, known, creators, refused, around)
        if isinstance(outcome, Decision):
            known[item.job_id] = outcome.job
        outcomes.append(outcome)
    decisions = [outcome for outcome in outcomes if isinstance(outcome, Decision)]
    changed = [job for name, job in known.items() if job is not before[name]]
    storage.jobs.change(session, changed, before)
    storage.jobevents.add(session, [event for it in decisions for event in it.events])
    storage.joblogs.add(session, [line for it in decisions for line in it.lines])
    return tuple(outcomes)


def _begin(
    session: "Session", items: Iterable[Item], known: dict[str, Job], rules: Rules, now: float
) -> tuple[set[int], dict[int, QueryApiError]]:
    """Store the jobs that there are not yet; returns which items have created one, and why not."""
    refused: dict[int, QueryApiError] = {}
    new: dict[str, tuple[Item, Job]] = {}
    for item in items:
        if item.job_id in known or item.job_id in new:
            continue
        try:
            new[item.job_id] = item, item.begun(rules, now)
        except QueryApiError as error:
            refused[id(item)] = error
    # In one order in all processes: nobody waits for one who waits for them.
    for name in sorted(new):
        item, job = new[name]
        number = storage.jobs.begin(session, job)
        if number is None:
            raise _MetError
        known[name] = replace(job, number=number)
    return {id(item) for item, _ in new.values()}, refused


def _outcome(
    item: Item,
    known: dict[str, Job],
    creators: set[int],
    refused: dict[int, QueryApiError],
    around: Around,
) -> Outcome:
    try:
        job = known.get(item.job_id)
        if job is None:
            return refused[id(item)]
        return item.decided(job, around, new=id(item) in creators)
    # A defect that one item shows does not take the others with it.
    except Exception as error:  # noqa: BLE001 - given to whoever waits for it
        return error
