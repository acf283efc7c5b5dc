"""Makes compute pools, by the settings."""

from queryapi.api.pools import PoolsApi
from queryapi.services.fleet import Fleet
from queryapi.services.parts import EVALUATION, EVALUATIONS, STAMPS
from queryapi.services.pools.gathering import Gathering
from queryapi.services.pools.lifecycle import Terms
from queryapi.services.pools.parts import STOCK
from queryapi.services.pools.registering.places import Places
from queryapi.services.pools.registering.registry import Registry
from queryapi.services.pools.service import Pools
from queryapi.services.pools.sights import Sights
from queryapi.wiring.composition import Composition, Course
from queryapi.wiring.planning import planner_of

# Callers held to other namespaces read other snapshots, and one that hangs has its thread.
_READ_AT_ONCE = 4


def pool_fleet_of(composition: Composition) -> Fleet:
    """Return the snapshots of all clusters that tell of pools."""
    settings = composition.ground.settings
    course = Course(EVALUATIONS, (EVALUATION, STAMPS, STOCK), settings.pools.ttl)
    return composition.fleet({cluster.name: course for cluster in composition.with_nodes})


def pools_of(composition: Composition, fleet: Fleet) -> Pools:
    """Return the pools of all clusters in *fleet*."""
    ground = composition.ground
    settings = ground.settings
    clusters = [cluster.name for cluster in composition.with_nodes]
    executors = {name: ground.executor(_READ_AT_ONCE, f"pools-{name}") for name in clusters}
    sights = Sights(Gathering(fleet, executors, seats=composition.house), clusters)
    places = Places(tuple(clusters), settings.default_cluster, sights.look)
    registry = Registry(composition.database, places, ground.clock)
    planner = planner_of(composition, fleet, registry, places)
    return Pools(
        registry,
        sights,
        planner,
        places,
        composition.answers,
        terms=Terms.of(settings),
        clock=ground.clock,
    )


def pools_api_of(composition: Composition, fleet: Fleet) -> PoolsApi:
    """Return compute pools over HTTP."""
    return PoolsApi(pools_of(composition, fleet))
