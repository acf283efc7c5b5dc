"""Makes what tells whether clusters can be asked, and what is known of them is current."""

from collections.abc import Callable
from functools import partial

from queryapi.services.clusters import ClusterList
from queryapi.services.fleet import Fleet
from queryapi.services.freshness import Freshness
from queryapi.services.health import Health, Probe
from queryapi.services.parts import TOTALS
from queryapi.settings import Cluster
from queryapi.wiring.composition import Composition
from queryapi.wiring.scheduling import Scheduled


def health_of(composition: Composition) -> Health:
    """Return what tells whether any cluster's Prometheus answers."""
    ground, clients = composition.ground, composition.clients
    # One each, made when needed: however many hang, the others are asked.
    prober = ground.executor(len(clients), "probe")
    return Health(
        {
            name: Probe(client, prober, seats=composition.house, clock=ground.clock)
            for name, client in clients.items()
        },
        composition.database,
    )


def cluster_list_of(composition: Composition, fleet: Fleet, scheduled: Scheduled) -> ClusterList:
    """Return what tells of each cluster whether its data is current.

    Args:
        composition: What it shares with others.
        fleet: What the real-time API tells of.
        scheduled: What scheduler monitoring tells of.
    """
    ground = composition.ground
    settings = ground.settings

    def look(cluster: Cluster) -> Callable[[], Freshness]:
        if cluster.source == "nativelink":
            return scheduled.look(cluster.name)
        return partial(fleet.freshness, cluster.name, TOTALS)

    return ClusterList(
        {cluster.name: look(cluster) for cluster in settings.clusters},
        settings.default_cluster,
        ground.executor(len(settings.clusters), "look"),
        seats=composition.house,
        clock=ground.clock,
    )
