"""Makes who observes the pools, by the settings."""

from functools import partial

from queryapi.access.principal import EVERYTHING
from queryapi.services.fleet import Fleet
from queryapi.services.pools.lifecycle import Terms
from queryapi.services.pools.observing.observer import OBSERVING, Observer
from queryapi.services.pools.observing.watching import Watching
from queryapi.services.pools.parts import NODES, STOCK
from queryapi.services.tenure import Tenure
from queryapi.wiring.composition import Composition


def observer_of(composition: Composition, fleet: Fleet) -> Observer | None:
    """Return who observes the pools, None where none are kept; it waits to be told to begin.

    Args:
        composition: What it shares with others.
        fleet: The snapshots of the clusters that have pools.
    """
    ground, store = composition.ground, composition.database
    if store is None:
        return None
    settings, metrics = ground.settings, ground.metrics.observing
    tenure = Tenure(store, OBSERVING, settings.pools.observe)
    watches = [
        Watching(
            cluster.name,
            partial(fleet.aside, cluster.name, EVERYTHING, NODES, STOCK),
            store,
            tenure,
            Terms.of(settings),
            default_cluster=settings.default_cluster,
            metrics=metrics,
            clock=ground.clock,
        )
        for cluster in composition.with_nodes
    ]
    executor = ground.executor(max(1, len(watches)), "observe")
    observer = Observer(
        store, watches, tenure, settings.pools, executor, metrics=metrics, clock=ground.clock
    )
    ground.resources.callback(observer.end)
    return observer
