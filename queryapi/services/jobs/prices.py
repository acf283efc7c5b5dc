"""What jobs cost by the hour: by the settings, and by what stands on their pods' nodes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

import msgspec

from queryapi.services.jobs.money import exact
from queryapi.settings import Providers, Rate
from queryapi.settings.jobs import Price
from queryapi.settings.pricing import moment_of, price_of
from queryapi.storage.jobrecords import FINAL, Job, Tariff

LABEL = "label"
"""The source of a price that is written on the node."""

_ALWAYS = float("-inf")


@dataclass(frozen=True, slots=True)
class Live:
    """What is written on the nodes of a job's pods.

    Args:
        price: What its GPUs cost an hour, all together; None = nothing is written there.
    """

    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """What an hour costs, and costs later.

    Args:
        prices: From when on what holds, oldest first; the first holds always. None = nobody knows.
        source: What says so.
        per_gpu: Whether they are prices of each GPU.
    """

    prices: tuple[tuple[float, Decimal | None], ...]
    source: str
    per_gpu: bool = False

    def of(self, gpus: int | None) -> "Schedule":
        """Return what *gpus* cost together."""
        if not self.per_gpu:
            return self
        prices = tuple(
            (since, None if gpus is None or price is None else price * gpus)
            for since, price in self.prices
        )
        return Schedule(prices, self.source)

    def at(self, moment: float) -> Decimal | None:
        """Return what holds at a moment."""
        return [price for since, price in self.prices if since <= moment][-1]

    def between(self, start: float, end: float) -> tuple[Tariff, ...]:
        """Return what holds from *start* on, as far as it is known at *end*."""
        first = Tariff(start, _text(self.at(start)), self.source)
        later = (
            Tariff(since, _text(price), self.source)
            for since, price in self.prices
            if start < since <= end
        )
        return _merged((first, *later))


_UNKNOWN = Schedule(((_ALWAYS, None),), "")

Lives = Callable[[Job], Live | None]
"""Returns what is written on a job's nodes; None when it is not known now. Asks nobody."""


class PriceList:
    """The prices of jobs; see Prices.

    The first of these that says something of a job counts: its worker, the nodes of its pods, its
    pool, instance type, GPU model, and the default. A price of each GPU needs their number.

    Args:
        providers: The settings, checked.
        live: What is written on nodes; None = nobody reads it.
    """

    def __init__(self, providers: Providers, live: Lives | None = None) -> None:
        self._live = live
        self._workers = _table("worker", providers.workers)
        self._pools = _table("pool", providers.pools)
        self._instance_types = _table("instance_type", providers.instance_types)
        self._gpu_models = _table("gpu_model", providers.gpu_models)
        default = providers.default
        self._default = _UNKNOWN if default is None else _schedule("default", default)

    def now(self, job: Job, at: float) -> tuple[Tariff, ...]:
        """Return what *job* costs from its `started_at` on, nothing before that.

        What was true stays as it was, and changes that the settings name take effect at their
        moment. A price becomes another one *at* Unix seconds when settings or nodes say another
        one than before. Where nobody knew the price, the first that somebody knows counts.
        """
        if job.started_at is None:
            return ()
        until = at if job.status not in FINAL or job.ended_at is None else min(at, job.ended_at)
        schedule = self._of(job)
        if schedule is None:
            return job.tariffs
        return continued(job.tariffs, schedule, job.started_at, max(until, job.started_at))

    def rate(self, job: Job, at: float) -> Decimal | None:
        """Return what an hour of *job* costs now, whether it has started or not."""
        schedule = self._of(job)
        if schedule is not None:
            return schedule.at(at)
        price = job.tariffs[-1].price
        return None if price is None else Decimal(price)

    def _of(self, job: Job) -> Schedule | None:
        """Return what says the price; None when that is what has said it last, and is silent."""
        worker = self._workers.get(job.worker or "")
        if worker is not None:
            return worker.of(job.gpus)
        live = self._live(job) if self._live is not None else None
        if live is not None and live.price is not None:
            return Schedule(((_ALWAYS, live.price),), LABEL)
        if live is None and job.tariffs and job.tariffs[-1].source == LABEL:
            # Prometheus is away, or the pod is: that makes nothing cheaper.
            return None
        found = (
            self._pools.get(job.pool or ""),
            self._instance_types.get(job.instance_type or ""),
            self._gpu_models.get(job.gpu_model or ""),
        )
        return next(filter(None, found), self._default).of(job.gpus)


def continued(
    before: tuple[Tariff, ...], schedule: Schedule, start: float, at: float
) -> tuple[Tariff, ...]:
    """Return what was true *before*, and what *schedule* makes of the time since; pure.

    Args:
        before: What is stored of the job, oldest first.
        schedule: What is said now.
        start: When the job began, in Unix seconds.
        at: Now.
    """
    if not before:
        return schedule.between(start, at)
    before = _from_the_start(before, schedule, start)
    last = before[-1]
    if last.price is None:
        return _merged((*before[:-1], *schedule.between(last.since, max(at, last.since))))
    turns = [since for since, _ in schedule.prices if last.since < since <= at]
    if _text(schedule.at(last.since)) == last.price:
        return _merged((*before, *schedule.between(turns[0], at))) if turns else before
    begins = turns[-1] if turns else max(at, last.since)
    return _merged((*before, *schedule.between(begins, at)))


def _from_the_start(
    before: tuple[Tariff, ...], schedule: Schedule, start: float
) -> tuple[Tariff, ...]:
    """Return the same, when the job turns out to have begun earlier than that."""
    first = before[0]
    if first.since <= start:
        return before
    if _text(schedule.at(first.since)) == first.price:
        return _merged((*schedule.between(start, first.since), *before))
    return (msgspec.structs.replace(first, since=start), *before[1:])


def _merged(tariffs: tuple[Tariff, ...]) -> tuple[Tariff, ...]:
    """Return the same without those that last no time, or change nothing."""
    lasting = [one for one, after in pairwise(tariffs) if one.since < after.since] + [tariffs[-1]]
    kept = lasting[:1]
    for tariff in lasting[1:]:
        if tariff.price != kept[-1].price:
            kept.append(tariff)
    return tuple(kept)


def _table(source: str, rates: Mapping[str, Price | Rate]) -> dict[str, Schedule]:
    return {name: _schedule(source, rate) for name, rate in rates.items()}


def _schedule(source: str, rate: Price | Rate) -> Schedule:
    where = f"providers, by {source}"
    if not isinstance(rate, Rate):
        return Schedule(((_ALWAYS, price_of(rate, where)),), source)
    first = (_ALWAYS, price_of(rate.price_per_hour, where))
    later = (
        (moment_of(change.since, where), price_of(change.price_per_hour, where))
        for change in rate.changes
    )
    return Schedule((first, *later), source, rate.per_gpu)


@lru_cache(1024)
def _text(price: Decimal | None) -> str | None:
    return None if price is None else exact(price)
