"""Makes what the real-time API tells of, by the settings."""

from queryapi.services.fleet import Fleet
from queryapi.services.parts import EVALUATIONS, LEADS
from queryapi.wiring.composition import Composition, Course


def realtime_fleet_of(composition: Composition) -> Fleet:
    """Return the snapshots that the real-time API tells of."""
    course = Course(EVALUATIONS, LEADS, composition.ground.settings.cache.ttl)
    return composition.fleet({cluster.name: course for cluster in composition.with_nodes})
