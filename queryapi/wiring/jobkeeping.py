"""Makes what becomes of jobs by itself: they are forgotten in time, and told to Prometheus."""

from typing import TYPE_CHECKING

from queryapi.services.jobs.exporting import shown
from queryapi.services.jobs.exporting.exporter import Exporter
from queryapi.services.jobs.keeping.forgetting import Forgetting
from queryapi.services.jobs.keeping.keeper import KEEPING, TURN_SECONDS, Keeper
from queryapi.services.jobs.keeping.prudence import PrudentClock
from queryapi.services.tenure import Tenure
from queryapi.telemetry.jobpage import JobPage, JobsShown
from queryapi.wiring.composition import Composition
from queryapi.wiring.ground import Ground

if TYPE_CHECKING:
    from queryapi.storage.engine import Store


def keeper_of(composition: Composition) -> Keeper | None:
    """Return who keeps jobs within their bounds; None where none are kept."""
    ground, store = composition.ground, composition.database
    if store is None:
        return None
    ground.metrics.tell_of_jobs(_page(ground, store))
    tenure = Tenure(store, KEEPING, TURN_SECONDS)
    clock = PrudentClock(ground.clock)
    forgetting = Forgetting(store, tenure, ground.settings.jobs, clock)
    keeper = Keeper(forgetting, tenure, metrics=ground.metrics.keeping, clock=ground.clock)
    ground.resources.callback(keeper.end)
    return keeper


def _page(ground: Ground, store: "Store") -> JobPage:
    settings = ground.settings

    def read() -> JobsShown:
        currency, now = settings.providers.currency, ground.clock()
        return shown.read(store, settings.jobs, currency, now)

    return JobPage(Exporter(read, ground.executor(1, "job-metrics")).shown)
