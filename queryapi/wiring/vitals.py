"""Makes real-time metrics, by the settings."""

from queryapi.api.vitals import VitalsApi
from queryapi.cache.bulkhead import Bulkhead
from queryapi.promql.selection import Selection
from queryapi.services.vitals.comparing import Comparisons, Reader
from queryapi.services.vitals.keeper import Keeper, Terms
from queryapi.services.vitals.looks import Common, Examiner, Looks, scope_of
from queryapi.services.vitals.pace import Pace
from queryapi.services.vitals.pasts import decided_of, questions_of
from queryapi.services.vitals.report import Manner
from queryapi.services.vitals.service import Vitals
from queryapi.services.vitals.stack import of_itself
from queryapi.wiring.composition import Composition
from queryapi.wiring.ground import Ground
from queryapi.wiring.watchers import watchers_of

# Those who want a look that may not begin yet; the house's other seats are not for them.
_WAITING_FOR_LOOKS = 4
# Numbers that are compared at the same time, and periods.
_COMPARED_AT_ONCE = 4
_PERIODS_AT_ONCE = 2


def vitals_api_of(composition: Composition, examiner: Examiner) -> VitalsApi:
    """Return what tells how the services are, by the looks of *examiner*; nobody looks yet."""
    settings = composition.ground.settings
    style = settings.real_time_metrics.status_style
    manner = Manner(style, settings.default_cluster, of_itself(settings))
    return VitalsApi(Vitals(_keeper(composition, examiner), _comparisons(composition), manner))


def _keeper(composition: Composition, examiner: Examiner) -> Keeper:
    ground = composition.ground
    metrics = ground.settings.real_time_metrics
    pace = Pace.of(metrics.refresh_interval, metrics.deadline)
    keeper = Keeper(
        Looks(examiner, ground.clock, _common(composition, pace)).look,
        Terms(pace, metrics.deadline, ground.settings.cache.stale),
        composition.answers,
        bulkhead=Bulkhead(_WAITING_FOR_LOOKS, composition.house),
        clock=ground.clock,
    )
    ground.resources.callback(keeper.close)
    return keeper


def _common(composition: Composition, pace: Pace) -> Common | None:
    if composition.elsewhere is None:
        return None
    settings = composition.ground.settings
    return Common(
        composition.elsewhere,
        pace.grid,
        scope_of(settings),
        keep=pace.ttl,
        patience=settings.real_time_metrics.deadline,
    )


def _comparisons(composition: Composition) -> Comparisons:
    ground = composition.ground
    return Comparisons(
        _reader(ground).read,
        ground.executor(_PERIODS_AT_ONCE, "compare"),
        patience=ground.settings.real_time_metrics.deadline,
        seats=composition.house,
    )


def _reader(ground: Ground) -> Reader:
    selections = {
        cluster.name: Selection.of(cluster.labels) for cluster in ground.settings.clusters
    }
    return Reader(
        questions_of(ground.settings, selections),
        watchers_of(ground),
        ground.executor(_COMPARED_AT_ONCE, "compared"),
        ground.clock,
        decided=decided_of(ground.settings),
    )
