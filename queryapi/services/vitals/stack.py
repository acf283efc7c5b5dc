"""The stack's own parts that belong to a cluster: what they are called, and who knows them."""

from collections.abc import Iterator
from dataclasses import dataclass

from queryapi.settings import Cluster, Service, Settings, sqlite_file

OWN_NAME = "gpuscope-api"
REDIS_NAME = "redis"
STORE_NAME = "store"
PROMETHEUS = "prometheus"
ALERTMANAGER = "alertmanager"
CLUSTER_EXPORTER = "gpu-cluster"

Target = tuple[str, str]
"""A scrape job, and one instance of it; an empty instance = all of them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of them.

    Args:
        name: What it is called; with several clusters the name says whose it is.
        job: Its scrape job.
        cluster: Whose it is.
        min_up: The share of its targets that must be up. A few nodes of many are always serviced.
        data_source: What it is a source of.
    """

    name: str
    job: str
    cluster: str
    min_up: float = 1.0
    data_source: str | None = None


def parts_of(settings: Settings) -> Iterator[Part]:
    """Yield them by cluster; none unless the stack's own parts are told of.

    What is configured under such a name takes the part's place.
    """
    if settings.real_time_metrics.built_in:
        for cluster in settings.clusters:
            yield from (part for part in _parts(settings, cluster) if is_own(settings, part.name))


def is_own(settings: Settings, name: str) -> bool:
    """Tell whether the stack's own part of that name is told of."""
    configured = any(service.name == name for service in settings.services)
    return settings.real_time_metrics.built_in and not configured


def of_itself(settings: Settings) -> frozenset[str]:
    """Return those that are well whenever this service answers: itself, and its own file."""
    own = {OWN_NAME}
    if settings.database_url is not None and sqlite_file(settings.database_url) is not None:
        own.add(STORE_NAME)
    return frozenset(name for name in own if is_own(settings, name))


def target_of(service: Service) -> Target | None:
    """Return the targets that a configured service is known by; None when it has none."""
    return None if service.job is None else (service.job, service.instance or "")


def _parts(settings: Settings, cluster: Cluster) -> Iterator[Part]:
    def named(name: str) -> str:
        return name if len(settings.clusters) == 1 else f"{name}@{cluster.name}"

    where = cluster.name
    yield Part(named(PROMETHEUS), PROMETHEUS, where, data_source=PROMETHEUS)
    if cluster.source == "gpuscope":
        # A NativeLink tells of itself.
        yield Part(named(CLUSTER_EXPORTER), CLUSTER_EXPORTER, where, data_source="kubernetes")
        yield Part(named("gpu-node"), "gpu-node", where, 0.9, "nvml")
    yield Part(named(ALERTMANAGER), ALERTMANAGER, where)
