"""Which services are looked at, and how each is known: from the settings."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from queryapi.outbound.transport import StreamingTransport
from queryapi.promql.client import PrometheusClient
from queryapi.promql.selection import Selection
from queryapi.services.vitals.examining.numbers import Number
from queryapi.services.vitals.examining.observation import Observation
from queryapi.services.vitals.examining.ownparts import DatabasePing, OwnRequests, Ping
from queryapi.services.vitals.examining.probe import HealthProbe
from queryapi.services.vitals.examining.slot import Slot
from queryapi.services.vitals.examining.targets import TargetsQuestion
from queryapi.services.vitals.examining.watched import Watched
from queryapi.services.vitals.examining.ways import (
    ByAnswer,
    ByAnsweringTargets,
    ByApiServer,
    ByNotifications,
    ByNumbers,
    ByTargets,
    TargetsSlot,
    Way,
)
from queryapi.services.vitals.stack import (
    ALERTMANAGER,
    CLUSTER_EXPORTER,
    OWN_NAME,
    PROMETHEUS,
    REDIS_NAME,
    STORE_NAME,
    Part,
    Target,
    is_own,
    parts_of,
    target_of,
)
from queryapi.settings import Cluster, Service, Settings
from queryapi.shared.store import Store
from queryapi.telemetry.serving import Served

if TYPE_CHECKING:
    from queryapi.storage.engine import Store as Database


@dataclass(frozen=True, slots=True)
class Means:
    """What services are looked at with.

    Args:
        clients: Asks each cluster's Prometheus, by name of the cluster.
        probe: Returns what carries the question for a service's health.
        store: What processes share; None = nothing.
        database: Where pools are kept; None = nowhere.
        served: What all processes of this service have answered.
        started: When this service began, in Unix time.
    """

    clients: Mapping[str, PrometheusClient]
    probe: Callable[[Service], StreamingTransport]
    store: Store | None
    database: "Database | None"
    served: Callable[[], Served]
    started: float


class Watchlist:
    """Makes the services of the settings, the stack's own parts first.

    Args:
        settings: Checked settings.
        means: What they are looked at with.
    """

    def __init__(self, settings: Settings, means: Means) -> None:
        self._settings = settings
        self._means = means
        self._default = settings.default_cluster
        self._parts = tuple(parts_of(settings))
        self._targets = {cluster.name: self._question(cluster) for cluster in settings.clusters}

    def services(self) -> tuple[Watched, ...]:
        """Return them; what is configured takes the place of an own part of the same name."""
        return (*self._own(), *map(self._service, self._settings.services))

    def events(self) -> Slot[Observation]:
        """Return the question for the rate of events."""
        expression = self._settings.real_time_metrics.events_per_second
        client = self._means.clients[self._default]
        # The log says where in the settings it is.
        return Slot(Number("events_per_second", expression, client, service="real_time_metrics"))

    def _own(self) -> Iterator[Watched]:
        for part in self._parts:
            ways, source = tuple(self._ways_to(part)), part.data_source
            yield Watched(part.name, ways, cluster=part.cluster, data_source=source)
        if is_own(self._settings, OWN_NAME):
            requests = OwnRequests(self._means.served, started=self._means.started)
            yield Watched(OWN_NAME, [ByAnswer(Slot(requests))])
        if self._means.store is not None and is_own(self._settings, REDIS_NAME):
            ping = ByAnswer(Slot(Ping(self._means.store)))
            yield Watched(REDIS_NAME, [ping], data_source=REDIS_NAME)
        if self._means.database is not None and is_own(self._settings, STORE_NAME):
            kept = ByAnswer(Slot(DatabasePing(self._means.database)))
            yield Watched(STORE_NAME, [kept], data_source=STORE_NAME)

    def _ways_to(self, part: Part) -> Iterator[Way]:
        slot = self._targets[part.cluster]
        if part.job == PROMETHEUS:
            yield ByAnsweringTargets(slot)
        elif part.job == ALERTMANAGER:
            yield ByNotifications(slot)
        else:
            yield ByTargets(slot, (part.job, ""), part.min_up)
        if part.job == CLUSTER_EXPORTER:
            yield ByApiServer(slot)

    def _service(self, service: Service) -> Watched:
        cluster = self._cluster_of(service)
        told_of = cluster if service.cluster or service.job or service.numbers else None
        return Watched(
            service.name,
            tuple(self._ways(service, cluster)),
            cluster=told_of,
            data_source=service.data_source,
        )

    def _ways(self, service: Service, cluster: str) -> Iterator[Way]:
        if service.health_url is not None:
            yield ByAnswer(Slot(HealthProbe(service, self._means.probe(service))))
        target = target_of(service)
        if target is not None:
            yield ByTargets(self._targets[cluster], target, service.min_up)
        if service.numbers:
            alone = service.health_url is None and service.job is None
            yield ByNumbers(self._numbers(service, cluster), decide=alone)

    def _numbers(self, service: Service, cluster: str) -> tuple[Slot[Observation], ...]:
        client = self._means.clients[cluster]
        return tuple(
            Slot(Number(name, expression, client, service=service.name))
            for name, expression in service.numbers.items()
        )

    def _question(self, cluster: Cluster) -> TargetsSlot:
        client = self._means.clients[cluster.name]
        wanted = tuple(self._wanted(cluster))
        return Slot(TargetsQuestion(client, Selection.of(cluster.labels), wanted))

    def _wanted(self, cluster: Cluster) -> Iterator[Target]:
        for part in self._parts:
            if part.cluster == cluster.name and part.job != PROMETHEUS:
                yield part.job, ""
        for service in self._settings.services:
            target = target_of(service)
            if target is not None and self._cluster_of(service) == cluster.name:
                yield target

    def _cluster_of(self, service: Service) -> str:
        return service.cluster or self._default
