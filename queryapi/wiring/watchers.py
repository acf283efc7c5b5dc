"""Who reads what must not have the requests of callers wait, or ask another replica."""

from collections.abc import Mapping

from queryapi.promql.client import PrometheusClient
from queryapi.promql.connect import watcher_of
from queryapi.wiring.ground import Ground


def watchers_of(ground: Ground) -> Mapping[str, PrometheusClient]:
    """Return a client of each cluster's Prometheus, by name, for one purpose alone.

    Looks, comparisons and histories have their own each: what is slow over five minutes must not
    have looks ask another replica first.
    """
    return {
        cluster.name: watcher_of(
            cluster, ground.settings, ground.metrics.querying, ground.transport(cluster)
        )
        for cluster in ground.settings.clusters
    }
