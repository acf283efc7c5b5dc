"""What a job has cost: exact in between, rounded only where it is told as a binary number.

The cost is the sum over the intervals of its price. Where for any of the time nobody knows the
price, nobody knows the cost: a price that is missing is no price of 0.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

from queryapi.services.jobs.moments import moment
from queryapi.storage.jobrecords import Job, Tariff

_HOUR = Decimal(3600)
_MICRO, _PICO = Decimal("0.000001"), Decimal("0.000000000001")
# Enough for any price times any number of microseconds. Its methods are asked: to make it the
# thread's own for a block takes longer than to count.
_EXACTLY = Context(prec=60, rounding=ROUND_HALF_EVEN)
# Of one job the same moments and prices come with every report.
_REMEMBERED = 4096


def cost(tariffs: Sequence[Tariff], started_at: float | None, until: float) -> Decimal | None:
    """Return what the time from *started_at* to *until* costs; None when nobody can tell.

    Args:
        tariffs: What an hour costs from when on, oldest first.
        started_at: Unix seconds; None = it has not begun.
        until: The same; what is before the start counts as the start.
    """
    if started_at is None:
        return None
    start, end = _seconds(started_at), max(_seconds(started_at), _seconds(until))
    parts = [_part(price, *span) for price, span in _spans(tariffs, start, end)]
    if not parts:
        return None
    total = Decimal()
    for part in parts:
        if part is None:
            return None
        total = _EXACTLY.add(total, part)
    return _EXACTLY.divide(total, _HOUR)


def cost_of(job: Job, at: float) -> Decimal | None:
    """Return what *job* has cost until a moment, or its end; None when nobody can tell."""
    until = moment(job, at) if job.ended_at is None else job.ended_at
    return cost(job.tariffs, job.started_at, until)


def written(amount: Decimal) -> float:
    """Return *amount* with 6 decimals, for clients that want a number of JSON."""
    return float(amount.quantize(_MICRO, context=_EXACTLY))


def exact(amount: Decimal) -> str:
    """Return *amount* as decimal text, to 12 decimals, without zeros that say nothing."""
    return f"{amount.quantize(_PICO, context=_EXACTLY):f}".rstrip("0").rstrip(".")


def _spans(
    tariffs: Sequence[Tariff], start: Decimal, end: Decimal
) -> Iterable[tuple[str | None, tuple[Decimal, Decimal]]]:
    """Yield each price that holds between *start* and *end*, and from when to when."""
    known_from = [_seconds(tariff.since) for tariff in tariffs]
    if not tariffs or known_from[0] > start:
        yield None, (start, end)
        return
    for index, (tariff, since) in enumerate(zip(tariffs, known_from, strict=True)):
        until = known_from[index + 1] if index + 1 < len(tariffs) else None
        begins, ends = max(since, start), end if until is None else min(until, end)
        # The price at the start counts even when no time has passed: of a known one that is 0.
        if begins < ends or (begins == ends == start and (until is None or until > start)):
            yield tariff.price, (begins, ends)


def _part(price: str | None, begins: Decimal, ends: Decimal) -> Decimal | None:
    if price is None:
        return None
    return _EXACTLY.multiply(_price(price), _EXACTLY.subtract(ends, begins))


@lru_cache(_REMEMBERED)
def _price(text: str) -> Decimal:
    return Decimal(text)


@lru_cache(_REMEMBERED)
def _seconds(at: float) -> Decimal:
    return Decimal(repr(float(at)))
