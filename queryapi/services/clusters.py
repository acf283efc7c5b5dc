"""Which clusters a caller may see, and whether what would be told of each is good."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from queryapi.access.principal import Scope
from queryapi.cache.bulkhead import Seats
from queryapi.errors import UpstreamError
from queryapi.services.freshness import Freshness
from queryapi.services.health import reason_of
from queryapi.services.lookout import Lookout
from queryapi.services.wording import TIME_SCHEMA, second


class State(StrEnum):
    """What a client asking about a cluster gets: current data, old data, or an error."""

    HEALTHY = "healthy"
    STALE = "stale"
    UNHEALTHY = "unhealthy"


class ClusterItem(msgspec.Struct, frozen=True):
    """One cluster."""

    name: Annotated[str, Meta(description="What the parameter `cluster` takes.")]
    default: Annotated[
        bool, Meta(description="Whether it is meant where a request names no cluster.")
    ]
    health: Annotated[
        State,
        Meta(description="Current data, old data that is marked as such, or an error is served."),
    ]
    reason: Annotated[str, Meta(description="Why, in a sentence; what to look at where it fails.")]
    checked_at: Annotated[
        str | None,
        Meta(
            description="When this was found out; null before the first time.",
            extra_json_schema=TIME_SCHEMA,
        ),
    ]
    data_age_seconds: Annotated[
        float | None,
        Meta(description="Age of what is served; null where nothing is."),
    ]


class Clusters(msgspec.Struct, frozen=True):
    """The clusters that the caller may see, in the settings' order."""

    clusters: tuple[ClusterItem, ...]


@dataclass(frozen=True, slots=True)
class _Finding:
    """What reading a cluster came to, at Unix time `at`."""

    at: float
    freshness: Freshness | None
    failure: str = ""


class ClusterList:
    """Looks after every cluster in the background.

    Args:
        reads: Reads a cluster's state as an answer would, by name: its freshness or UpstreamError.
        default: The cluster meant where none is named.
        executor: Runs them.
        seats: Where callers wait, see Lookout.
        clock: Unix seconds.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        reads: Mapping[str, Callable[[], Freshness]],
        default: str,
        executor: Executor,
        *,
        seats: Seats | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._default = default
        self._clock = clock
        self._lookouts = {
            name: Lookout(self._examination(read), executor, seats=seats, monotonic=monotonic)
            for name, read in reads.items()
        }

    def visible(self, scope: Scope) -> Clusters:
        """Return the clusters that *scope* shows, after at most a second."""
        shown = {name: found for name, found in self._lookouts.items() if scope.shows(name)}
        for lookout in shown.values():
            lookout.look()
        return Clusters(tuple(self._item(name, found.tell()) for name, found in shown.items()))

    def _examination(self, read: Callable[[], Freshness]) -> Callable[[], _Finding]:
        def examine() -> _Finding:
            try:
                freshness = read()
            except UpstreamError as error:
                return _Finding(self._clock(), None, reason_of(error))
            return _Finding(self._clock(), freshness)

        return examine

    def _item(self, name: str, finding: _Finding | None) -> ClusterItem:
        state, reason = _judgement(finding)
        freshness = finding.freshness if finding else None
        age = None if freshness is None else round(max(0.0, self._clock() - freshness.at), 1)
        return ClusterItem(
            name=name,
            default=name == self._default,
            health=state,
            reason=reason,
            checked_at=None if finding is None else second(finding.at),
            data_age_seconds=age,
        )


def _judgement(finding: _Finding | None) -> tuple[State, str]:
    if finding is None:
        return State.UNHEALTHY, "Prometheus was asked and has not answered so far"
    if finding.freshness is None:
        return State.UNHEALTHY, finding.failure
    if finding.freshness.stale:
        return State.STALE, "Prometheus fails, or what it has is old: see data_age_seconds"
    return State.HEALTHY, "Prometheus answers with current data"
