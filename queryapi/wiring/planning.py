"""Makes what tells of pools in the past, by the settings."""

from queryapi.promql.selection import Selection
from queryapi.services.fleet import Fleet
from queryapi.services.pools.planning.histories import Histories, Past, Terms
from queryapi.services.pools.planning.planner import Planner
from queryapi.services.pools.registering.places import Places
from queryapi.services.pools.registering.registry import Registry
from queryapi.wiring.composition import Composition
from queryapi.wiring.watchers import watchers_of


def histories_of(composition: Composition) -> Histories:
    """Return the histories of the pools of every cluster that tells of nodes.

    Its clients are its own: a range that takes too long must not have others leave a Prometheus
    alone.
    """
    ground = composition.ground
    cache = ground.settings.cache
    clients = watchers_of(ground)
    return Histories(
        {
            cluster.name: Past(clients[cluster.name], Selection.of(cluster.labels))
            for cluster in composition.with_nodes
        },
        Terms(ground.settings.timeouts.request, cache.stale, cache.lag),
        house=composition.house,
        clock=ground.clock,
        tracer=ground.tracer,
    )


def planner_of(
    composition: Composition, fleet: Fleet, registry: Registry, places: Places
) -> Planner:
    """Return what answers planners.

    Args:
        composition: What it shares with others.
        fleet: The snapshots of the clusters that tell of nodes.
        registry: The pools that are registered.
        places: Where pools can be.
    """
    return Planner(fleet, histories_of(composition), registry.states.now, places)
