"""A NativeLink as a source of scheduler monitoring: numbers, and neither workers nor operations.

Its metrics name no worker and no operation, so that lists are empty. They have no namespace
either: a caller who is held to some gets the numbers of workers, which are nobody's, and null for
those of operations, which nobody tells by namespace.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from queryapi.errors import NoData
from queryapi.promql import nativelinkqueries
from queryapi.promql.series import ACTIONS, CONNECTED, STATES, variants
from queryapi.promql.values import Sample
from queryapi.services.model import Stamps
from queryapi.services.part import Moment, Part
from queryapi.services.scheduling.answers import Operation, Worker
from queryapi.services.scheduling.model import Counts
from queryapi.services.scheduling.scheduler import Topic
from queryapi.services.snapshot import Snapshot
from queryapi.services.timeline import Timeline

_NOTHING = (
    "Prometheus has neither worker_connected_count nor execution_active_count of this cluster, with"
    " or without nativelink_ in front: does NativeLink send its metrics there, has it had a worker"
    " or an action since it was started, and do its series carry this cluster's label?"
)

# Of one instrument, by worker_state or execution_stage.
Values = Mapping[str, float]


class Instruments(Stamps, frozen=True, gc=False):
    """What a NativeLink counts, and until when that is known; None = it does not tell."""

    workers: int | None
    paused: int | None
    draining: int | None
    queued: int | None
    executing: int | None
    completed: int | None


def read_instruments(samples: Iterable[Sample]) -> Instruments:
    """Return what is counted, each number from the one name that counts.

    What an instrument does not tell of it has never counted: that is zero. A worker is either
    paused or draining; where these overlap so much that it shows, draining.

    Raises:
        NoData: When there are neither workers nor actions.
    """
    told = _by_name(samples)
    workers, states, actions = (_chosen(told, one) for one in (CONNECTED, STATES, ACTIONS))
    if workers is None and actions is None:
        raise NoData(_NOTHING)
    total = None if workers is None else _number(*workers.values.values())
    draining = paused = None
    if total is not None:
        draining = min(total, _of(states, "draining"))
        paused = min(total - draining, _of(states, "paused"))
    known_at = min(one.known_at for one in (workers, states, actions) if one is not None)
    return Instruments(
        scraped_at=known_at,
        known_at=known_at,
        workers=total,
        paused=paused,
        draining=draining,
        queued=None if actions is None else _of(actions, "queued", "cache_check"),
        executing=None if actions is None else _of(actions, "executing"),
        completed=None if actions is None else _of(actions, "completed"),
    )


INSTRUMENTS: Part[Instruments] = Part(
    "instruments", Instruments, nativelinkqueries.instruments, read_instruments, Moment.NOW
)


class NativeLink:
    """A NativeLink, read as it is when a window opens, in one question."""

    # It tells its moment with the numbers: they are Stamps, and more.
    timeline = Timeline(cast("Part[Stamps]", INSTRUMENTS))
    leads: tuple[Part[Any], ...] = (INSTRUMENTS,)

    def parts(self, topic: Topic, *, limited: bool) -> tuple[Part[Any], ...]:  # noqa: ARG002 - as Scheduler has it
        """Return the one part: a list is empty only where there is a NativeLink."""
        return self.leads

    def counts(self, snapshot: Snapshot) -> Counts:
        """Return the numbers, None where it does not tell."""
        told = snapshot.part(INSTRUMENTS)
        active = None
        if told.workers is not None:
            active = told.workers - (told.paused or 0) - (told.draining or 0)
        return Counts(
            active, told.paused, told.draining, told.queued, told.executing, told.completed
        )

    def workers(self, snapshot: Snapshot, *, limited: bool) -> tuple[Worker, ...]:  # noqa: ARG002 - as Scheduler has it
        """Return none: its metrics name none."""
        return ()

    def operations(self, snapshot: Snapshot) -> tuple[Operation, ...]:  # noqa: ARG002 - as Scheduler has it
        """Return none: its metrics name none."""
        return ()


@dataclass(frozen=True, slots=True)
class _Instrument:
    """An instrument: what it tells under one of its names, and until when that is known."""

    values: Values
    known_at: float


def _by_name(samples: Iterable[Sample]) -> Mapping[str, _Instrument]:
    """Return what is told by name; nothing that is no number."""
    values: dict[str, dict[str, float]] = defaultdict(dict)
    known_at: dict[str, float] = {}
    for sample in samples:
        if not math.isfinite(sample.value):
            continue
        if name := sample.label("known_at"):
            known_at[name] = sample.value
        else:
            state = sample.label("worker_state") or sample.label("execution_stage")
            values[sample.label("told")][state] = sample.value
    return {name: _Instrument(values[name], at) for name, at in known_at.items() if name in values}


def _chosen(told: Mapping[str, _Instrument], instrument: str) -> _Instrument | None:
    """Return what is told under the name that counts: two names of one number are not added up."""
    return next((told[name] for name in variants(instrument) if name in told), None)


def _of(told: _Instrument | None, *states: str) -> int:
    """Return how many are in one of *states*; what was never counted is zero."""
    return 0 if told is None else _number(*(told.values.get(state, 0.0) for state in states))


def _number(*values: float) -> int:
    # A counter that goes up and down may have missed a beginning: there is no less than nothing.
    return max(0, round(sum(values)))
