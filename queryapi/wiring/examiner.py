"""Makes who looks at the services, by the settings."""

from typing import TYPE_CHECKING

from queryapi.outbound.transport import HttpTransport, StreamingTransport
from queryapi.services.vitals.examining.examiner import Examiner, questions
from queryapi.services.vitals.examining.probe import BODY_BYTES
from queryapi.services.vitals.examining.watchlist import Means, Watchlist
from queryapi.settings import Service
from queryapi.shared.store import Store
from queryapi.wiring.ground import Ground
from queryapi.wiring.watchers import watchers_of

if TYPE_CHECKING:
    from queryapi.storage.engine import Store as Database


def examiner_of(
    ground: Ground, store: Store | None, database: "Database | None" = None
) -> Examiner:
    """Return who looks at the services; nothing is asked yet.

    Args:
        ground: What it stands on.
        store: What processes share; None = nothing.
        database: Where pools are kept; None = nowhere.
    """
    settings = ground.settings

    def prober(service: Service) -> StreamingTransport:
        transport = HttpTransport(
            connect=service.timeout,
            ca_file=service.ca_file,
            connections=1,
            max_bytes=2 * BODY_BYTES,
        )
        ground.resources.callback(transport.close)
        return transport

    means = Means(
        clients=watchers_of(ground),
        probe=prober,
        store=store,
        database=database,
        served=ground.metrics.served,
        started=ground.started,
    )
    watchlist = Watchlist(settings, means)
    services, events = watchlist.services(), watchlist.events()
    threads = len(questions(services, events))
    return Examiner(
        services,
        events,
        ground.executor(threads, "vitals"),
        seconds=settings.real_time_metrics.deadline,
        metrics=ground.metrics.looking,
        clock=ground.clock,
    )
