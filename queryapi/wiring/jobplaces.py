"""Makes who knows what jobs cost, where they are and what was measured there, by the settings."""

from queryapi.cache.bulkhead import Bulkhead
from queryapi.promql.selection import Selection
from queryapi.services.jobs.prices import PriceList
from queryapi.services.jobs.whereabouts.past import Past
from queryapi.services.jobs.whereabouts.places import Whereabouts
from queryapi.services.jobs.whereabouts.watch import Habits, Watch
from queryapi.wiring.composition import Composition
from queryapi.wiring.ground import Ground
from queryapi.wiring.watchers import watchers_of

# Each keeps a thread for as long as two Prometheus take to answer.
_ASKING_AT_ONCE = 4


def prices_of(ground: Ground, places: Whereabouts | None = None) -> PriceList:
    """Return what jobs cost, with what is written on their nodes where *places* knows those."""
    return PriceList(ground.settings.providers, None if places is None else places.price)


def places_of(composition: Composition) -> Whereabouts:
    """Return who knows where jobs are; nobody is asked before there is a job."""
    ground = composition.ground
    clients = watchers_of(ground)
    places = Whereabouts(
        {
            cluster.name: Watch(
                clients[cluster.name],
                Selection.of(cluster.labels),
                clock=ground.clock,
                habits=Habits(query=ground.settings.timeouts.query),
            )
            for cluster in composition.with_nodes
        }
    )
    ground.resources.callback(places.end)
    return places


def past_of(composition: Composition) -> Past:
    """Return who reads what was measured of jobs before the store begins."""
    ground = composition.ground
    settings = ground.settings
    return Past(
        watchers_of(ground),
        settings.default_cluster,
        ground.clock,
        seconds=settings.timeouts.query,
        seats=Bulkhead(_ASKING_AT_ONCE, composition.house),
    )
