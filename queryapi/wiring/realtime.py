"""Makes what the real-time API tells of, by the settings."""

from queryapi.services.fleet import Fleet
from queryapi.services.parts import EVALUATIONS, LEADS
from queryapi.wiring.composition import Composition, Course


def realtime_fleet_of(composition: Composition) -> Fleet:
    """Return the snapshots that the real-time API tells of: a NativeLink has no GPUs."""
    settings = composition.ground.settings
    course = Course(EVALUATIONS, LEADS, settings.cache.ttl)
    return composition.fleet(
        {cluster.name: course for cluster in settings.clusters if cluster.source == "gpuscope"}
    )
