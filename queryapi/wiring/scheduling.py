"""Makes scheduler monitoring, by the settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from queryapi.api.scheduling import SchedulingApi
from queryapi.services.fleet import Fleet
from queryapi.services.freshness import Freshness
from queryapi.services.scheduling.choice import schedulers_of
from queryapi.services.scheduling.scheduler import Scheduler
from queryapi.services.scheduling.service import Scheduling
from queryapi.services.scheduling.systemwatch import SystemWatch
from queryapi.wiring.composition import Composition, Course


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The clusters whose schedulers are told of.

    Args:
        fleet: Their snapshots.
        schedulers: What makes what of these, by name.
    """

    fleet: Fleet
    schedulers: Mapping[str, Scheduler]

    def look(self, name: str) -> Callable[[], Freshness]:
        """Return what reads as little of a cluster as tells its age."""
        return partial(self.fleet.freshness, name, self.schedulers[name].timeline.stamps)

    def holds(self, name: str) -> bool:
        """Tell whether there is something of a cluster that can be served, however old."""
        return self.fleet.holds(name, self.schedulers[name].timeline.stamps)


def scheduled_of(composition: Composition) -> Scheduled:
    """Return the clusters whose schedulers are told of."""
    settings = composition.ground.settings
    schedulers = schedulers_of(settings)
    courses = {
        name: Course(scheduler.timeline, scheduler.leads, settings.monitoring.ttl)
        for name, scheduler in schedulers.items()
    }
    return Scheduled(composition.fleet(courses), schedulers)


def scheduling_api_of(composition: Composition, scheduled: Scheduled) -> SchedulingApi:
    """Return scheduler monitoring.

    Args:
        composition: What it shares with others.
        scheduled: What it tells of.
    """
    ground = composition.ground

    def uptime() -> int:
        return max(0, int(ground.clock() - ground.started))

    watch = SystemWatch(
        {name: scheduled.look(name) for name in scheduled.schedulers},
        ground.executor(len(scheduled.schedulers), "watch"),
        uptime,
        holds=scheduled.holds,
        seats=composition.house,
        clock=ground.clock,
    )
    scheduling = Scheduling(scheduled.fleet, scheduled.schedulers, uptime)
    return SchedulingApi(scheduling, watch, ground.settings.default_cluster)
