"""Who reads single numbers for real-time metrics."""

from collections.abc import Mapping

from queryapi.promql.client import PrometheusClient
from queryapi.promql.connect import watcher_of
from queryapi.wiring.ground import Ground


def watchers_of(ground: Ground) -> Mapping[str, PrometheusClient]:
    """Return a client of each cluster's Prometheus, by name, for one purpose alone.

    Looks and comparisons have their own: what is slow over five minutes must not have looks ask
    another replica first.
    """
    return {
        cluster.name: watcher_of(
            cluster, ground.settings, ground.metrics.querying, ground.transport(cluster)
        )
        for cluster in ground.settings.clusters
    }
