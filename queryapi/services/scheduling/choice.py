"""What tells of each cluster's scheduler, by the settings."""

from collections.abc import Mapping

from queryapi.services.scheduling.gpucluster import GpuCluster
from queryapi.services.scheduling.nativelink import NativeLink
from queryapi.services.scheduling.scheduler import Scheduler
from queryapi.settings import Settings


def schedulers_of(settings: Settings) -> Mapping[str, Scheduler]:
    """Return the scheduler of every cluster, by name."""
    kinds: dict[str, Scheduler] = {
        "gpuscope": GpuCluster(settings.monitoring.completed_for),
        "nativelink": NativeLink(),
    }
    return {cluster.name: kinds[cluster.source] for cluster in settings.clusters}
