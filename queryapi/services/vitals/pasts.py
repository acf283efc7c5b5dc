"""What can be compared with a period before, and how what Prometheus tells of it is read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from queryapi.promql import comparing
from queryapi.promql.selection import Selection
from queryapi.promql.values import Sample
from queryapi.services.vitals.stack import (
    ALERTMANAGER,
    PROMETHEUS,
    Part,
    Target,
    of_itself,
    parts_of,
    target_of,
)
from queryapi.services.vitals.trend import Pair, Side
from queryapi.settings import Settings

Field = tuple[str | None, str]
"""The service that a number is of, None for the whole, and its name there."""

ALWAYS = Pair(Side(1.0, comparing.EXPECTED), Side(1.0, comparing.EXPECTED))
"""How a service was that was well all the time."""


@dataclass(frozen=True, slots=True)
class Past:
    """What one question told.

    Args:
        numbers: By field.
        active: The share of the time in which services were well, by name.
    """

    numbers: Mapping[Field, Pair] = field(default_factory=dict)
    active: Mapping[str, Pair] = field(default_factory=dict)


class Question(Protocol):
    """One question to one Prometheus."""

    @property
    def cluster(self) -> str:
        """Whose Prometheus knows it."""
        ...

    def query(self, period: int) -> str:
        """Return the PromQL for the comparison with *period* seconds ago."""
        ...

    def read(self, samples: Iterable[Sample]) -> Past:
        """Return what was answered."""
        ...


@dataclass(frozen=True, slots=True)
class Tracked:
    """One number that can be compared.

    Args:
        field: What it is.
        cluster: Whose Prometheus knows it.
        expression: PromQL.
    """

    field: Field
    cluster: str
    expression: str

    def query(self, period: int) -> str:
        """Return the number's question."""
        return comparing.compared(self.expression, period)

    def read(self, samples: Iterable[Sample]) -> Past:
        """Return the number; none when there are several."""
        pair = pairs_of(samples).get((("", ""), ""))
        return Past({} if pair is None else {self.field: pair})


@dataclass(frozen=True, slots=True)
class Scraped:
    """A service that is known by its targets alone.

    Args:
        service: Its name.
        target: Its targets.
        min_up: The share of them that must be up.
        notified: Whether Prometheus' sending to it will do where it has no target.
    """

    service: str
    target: Target
    min_up: float
    notified: bool = False


class Scrapes:
    """How the services of one cluster that are known by their targets were.

    Args:
        cluster: The cluster.
        selection: Its series.
        scraped: The services.
        prometheus: What the Prometheus itself is called, where it is told of.
    """

    def __init__(
        self,
        cluster: str,
        selection: Selection,
        scraped: Sequence[Scraped],
        prometheus: str | None = None,
    ) -> None:
        self.cluster = cluster
        self._selection = selection
        self._scraped = tuple(scraped)
        self._prometheus = prometheus
        self._shares = tuple(sorted({one.min_up for one in scraped}))

    def query(self, period: int) -> str:
        """Return the one question for all of them."""
        kin = [self._kin(share) for share in self._shares]
        return comparing.compared_targets(kin, period)(self._selection)

    def read(self, samples: Iterable[Sample]) -> Past:
        """Return how they were; a Prometheus that holds enough of any of them was there."""
        pairs = pairs_of(samples)
        numbers: dict[Field, Pair] = {}
        active: dict[str, Pair] = {}
        for one in self._scraped:
            index = self._shares.index(one.min_up)
            found = {
                name: pairs.get((one.target, f"{name} {index}"), Pair())
                for name in (comparing.UP, comparing.WELL, comparing.MILLISECONDS)
            }
            numbers[one.service, "error_rate"] = found[comparing.UP].mapped(_failed)
            numbers[one.service, "response_time_ms"] = found[comparing.MILLISECONDS]
            active[one.service] = found[comparing.WELL]
            if one.notified and found[comparing.UP] == Pair():
                active[one.service] = pairs.get((("", ""), comparing.ALERTMANAGERS), Pair())
        there = any(pair.comparable(comparing.EXPECTED) for pair in active.values())
        if self._prometheus is not None and there:
            active[self._prometheus] = ALWAYS
        return Past(numbers, active)

    def _kin(self, share: float) -> comparing.Kin:
        targets = [one.target for one in self._scraped if one.min_up == share]
        jobs = [job for job, instance in targets if not instance]
        return comparing.Kin(share, jobs, [target for target in targets if target[1]])


def questions_of(settings: Settings, selections: Mapping[str, Selection]) -> tuple[Question, ...]:
    """Return the questions for everything that the settings name and Prometheus remembers.

    Args:
        settings: The settings, checked.
        selections: What selects each cluster's series, by its name.
    """
    parts = tuple(parts_of(settings))
    found: list[Question] = list(_numbers(settings))
    for cluster, selection in selections.items():
        scraped = tuple(_scraped(settings, parts, cluster))
        own = (one.name for one in parts if (one.cluster, one.job) == (cluster, PROMETHEUS))
        if scraped:
            found.append(Scrapes(cluster, selection, scraped, next(own, None)))
    return tuple(found)


def decided_of(settings: Settings) -> Mapping[str, frozenset[Field]]:
    """Return the services that are well whenever all of so many numbers are there.

    Of this service itself none is needed, nor of its own file: it was well whenever there was an
    answer.
    """
    found = {
        service.name: frozenset((service.name, name) for name in service.numbers)
        for service in settings.services
        if service.health_url is None and service.job is None
    }
    return found | dict.fromkeys(of_itself(settings), frozenset[Field]())


def pairs_of(samples: Iterable[Sample]) -> dict[tuple[Target, str], Pair]:
    """Return both sides of each number, by target and name; those that are several left out."""
    found: dict[tuple[Target, str], dict[tuple[str, str], float]] = {}
    several = set()
    for sample in samples:
        side, what, name = comparing.told(sample)
        key = ((sample.label("job"), sample.label("instance")) if name else ("", "")), name
        numbers = found.setdefault(key, {})
        if (side, what) in numbers:
            several.add(key)
        numbers[side, what] = sample.value
    return {key: _pair(numbers) for key, numbers in found.items() if key not in several}


def _pair(found: Mapping[tuple[str, str], float]) -> Pair:
    now, before = (
        Side(found.get((side, comparing.MEAN), 0.0), found.get((side, comparing.SAMPLES), 0.0))
        for side in (comparing.NOW, comparing.BEFORE)
    )
    return Pair(now, before)


def _failed(share: float) -> float:
    return (1 - share) * 100


def _numbers(settings: Settings) -> Iterator[Tracked]:
    default, rate = settings.default_cluster, settings.real_time_metrics.events_per_second
    yield Tracked((None, "events_per_second"), default, rate)
    for service in settings.services:
        for name, expression in service.numbers.items():
            yield Tracked((service.name, name), service.cluster or default, expression)


def _scraped(settings: Settings, parts: Iterable[Part], cluster: str) -> Iterator[Scraped]:
    for part in parts:
        if part.cluster == cluster and part.job != PROMETHEUS:
            notified = part.job == ALERTMANAGER
            yield Scraped(part.name, (part.job, ""), part.min_up, notified)
    for service in settings.services:
        target = target_of(service)
        here = (service.cluster or settings.default_cluster) == cluster
        # How it answered to its health URL is known to nobody but this service.
        if target is not None and here and service.health_url is None:
            yield Scraped(service.name, target, service.min_up)
