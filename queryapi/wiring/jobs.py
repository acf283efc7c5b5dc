"""Makes jobs, by the settings."""

from typing import TYPE_CHECKING

from queryapi.api.jobs import JobsApi
from queryapi.limits.choice import newcomers_of
from queryapi.services.jobs.ingesting.creating import Rules
from queryapi.services.jobs.ingesting.intake import Intake
from queryapi.services.jobs.reading.items import Terms
from queryapi.services.jobs.reading.metrics import Metrics
from queryapi.services.jobs.service import Jobs
from queryapi.wiring.composition import Composition
from queryapi.wiring.jobplaces import past_of, places_of, prices_of

if TYPE_CHECKING:
    from queryapi.storage.engine import Store

_DAY = 86_400.0


def jobs_api_of(composition: Composition) -> JobsApi:
    """Return jobs over HTTP."""
    return JobsApi(jobs_of(composition), composition.house)


def jobs_of(composition: Composition) -> Jobs | None:
    """Return the jobs of all clusters; None where nothing is kept."""
    ground, store = composition.ground, composition.database
    if store is None:
        return None
    settings = ground.settings
    return Jobs(
        store,
        _intake_of(composition, store),
        Metrics(past_of(composition), settings.jobs.samples_days * _DAY),
        Terms(settings.jobs.stalled_after, settings.providers.currency),
        ground.clock,
    )


def _intake_of(composition: Composition, store: "Store") -> Intake:
    ground = composition.ground
    settings, places = ground.settings, places_of(composition)
    intake = Intake(
        store,
        Rules(settings.jobs.auto_register, settings.default_cluster, newcomers_of(settings)),
        prices=prices_of(ground, places),
        places=places,
        announce=ground.bus.announce,
        ingested=ground.metrics.ingesting,
        clock=ground.clock,
    )
    # Made later than the store and its bus, so closed before: what waits is stored first.
    ground.resources.callback(intake.close)
    return intake
