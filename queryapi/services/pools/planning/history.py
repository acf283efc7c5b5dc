"""What a pool had at some moments, made of what Prometheus remembers of its nodes."""

from collections.abc import Iterable, Mapping

from queryapi.promql import poolhistory as recorded
from queryapi.promql.values import Series
from queryapi.services.pools.answers import History, HistoryPoint
from queryapi.services.pools.model import Measured
from queryapi.services.pools.planning.spans import Span
from queryapi.services.wording import Number, amount, percent, second

Course = Mapping[int, float]
"""A number at those moments at which it was told."""

_NOTHING: Course = {}


def names(*, limited: bool) -> tuple[str, ...]:
    """Return what to ask for; of a *limited* caller nothing that tells of anybody's work."""
    return recorded.HARDWARE if limited else (*recorded.HARDWARE, *recorded.WORK)


def history(
    pool_id: str, span: Span, end: int, told: Iterable[Series], *, limited: bool = False
) -> History:
    """Return a pool's history.

    Args:
        pool_id: The pool.
        span: Which moments.
        end: The last of them.
        told: What Prometheus answered.
        limited: Whether it is for a caller who may not see everybody's work: what that holds and
            keeps busy is nobody's to tell them.
    """
    shown = frozenset((recorded.KNOWN, *names(limited=limited)))
    courses = {series.name: _course(series) for series in told if series.name in shown}
    return History(
        pool_id=pool_id,
        start=second(span.start(end)),
        end=second(end),
        step_seconds=span.step,
        points=tuple(_point(courses, at, limited=limited) for at in span.moments(end)),
    )


def _course(series: Series) -> Course:
    # NaN and infinities are nobody's numbers.
    return {round(at): value for at, value in series.points() if abs(value) < float("inf")}


def _point(courses: Mapping[str, Course], at: int, *, limited: bool) -> HistoryPoint:
    known = at in courses.get(recorded.KNOWN, _NOTHING)

    def value(name: str) -> float | None:
        return courses.get(name, _NOTHING).get(at)

    def counted(name: str) -> Number | None:
        # Where the cluster's nodes are told of and none of them is the pool's, it has none.
        found = value(name)
        return None if not known else amount(found or 0.0)

    def measured(measure: recorded.Measure) -> float | None:
        total, of = value(measure.total), value(measure.of)
        ratio = None if total is None or of is None else Measured(total, of).ratio
        return None if ratio is None else percent(ratio)

    return HistoryPoint(
        timestamp=second(at),
        ready_nodes=counted(recorded.READY),
        gpus=counted(recorded.GPUS),
        allocated_gpus=None if limited else counted(recorded.ALLOCATED),
        cpu_utilization=measured(recorded.CPU),
        memory_utilization=measured(recorded.MEMORY),
        gpu_utilization=measured(recorded.GPU),
        network_utilization=measured(recorded.NETWORK),
    )
