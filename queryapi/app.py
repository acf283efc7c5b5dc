"""Puts the service together: settings in, a WSGI application out."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from flask import Blueprint, Flask

from queryapi import version
from queryapi.api import clusters, documents, errors, operations
from queryapi.api.bounds import BODY_BYTES
from queryapi.api.direct import Direct
from queryapi.api.endpoints import endpoints_of
from queryapi.api.paths import Rest
from queryapi.api.realtime import RealtimeApi
from queryapi.api.visit import Ready
from queryapi.bus.bus import Bus
from queryapi.front.call import UNMATCHED
from queryapi.promql.connect import transport_of
from queryapi.services.health import Health
from queryapi.services.jobs.keeping.keeper import Keeper
from queryapi.services.pools.observing.observer import Observer
from queryapi.services.realtime import Realtime
from queryapi.services.vitals.looks import Examiner
from queryapi.settings import Settings
from queryapi.wiring.clusters import cluster_list_of, health_of
from queryapi.wiring.composition import Composition
from queryapi.wiring.examiner import examiner_of
from queryapi.wiring.gate import gate_of
from queryapi.wiring.ground import Connect, Ground, ground_of
from queryapi.wiring.jobkeeping import keeper_of
from queryapi.wiring.jobs import jobs_api_of
from queryapi.wiring.observer import observer_of
from queryapi.wiring.pools import pool_fleet_of, pools_api_of
from queryapi.wiring.realtime import realtime_fleet_of
from queryapi.wiring.scheduling import scheduled_of, scheduling_api_of
from queryapi.wiring.vitals import vitals_api_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class _Api(Protocol):
    """One documented API."""

    @property
    def ready(self) -> Mapping[str, Ready]:
        """What answers without Flask, by path."""
        ...

    def blueprint(self) -> Blueprint:
        """Return its routes."""
        ...


@dataclass(frozen=True, slots=True)
class Application:
    """The WSGI application and what it holds open.

    Args:
        wsgi: The whole service.
        flask: What stands behind its gate.
        realtime: The real-time API.
    """

    wsgi: "WSGIApplication"
    flask: Flask
    realtime: RealtimeApi
    _health: Health
    _ground: Ground
    _observers: tuple[Observer | Keeper, ...]

    def begin(self) -> None:
        """Begin what nobody asks for; in the process that serves."""
        for observer in self._observers:
            observer.begin()

    def drain(self) -> None:
        """Be ready no more, and go on answering: the process ends soon."""
        self._health.drain()
        for observer in self._observers:
            observer.stop()

    def refused(self, method: str, status: int, seconds: float) -> None:
        """Count a request that the server in front has answered with an error itself."""
        self._ground.metrics.serving.request(UNMATCHED, method, status, seconds)

    def close(self) -> None:
        """Close connections; fetches under way end by their own deadlines."""
        self._ground.resources.close()


def build(
    settings: Settings,
    *,
    started: float | None = None,
    clock: Callable[[], float] = time.time,
    connect: Connect = transport_of,
    examiner: Examiner | None = None,
    bus: Bus | None = None,
) -> Application:
    """Return the service for *settings*; nothing is asked of Prometheus yet.

    Args:
        settings: Checked settings.
        started: When the service was, in Unix seconds; None = now.
        clock: Unix seconds.
        connect: Returns what carries a cluster's queries.
        examiner: Looks at the services; None = as the settings say.
        bus: Where it is announced which jobs have changed; None = as the settings say.
    """
    ground = ground_of(settings, clock, connect, started, bus)
    composition = Composition(ground)
    fleet, scheduled = realtime_fleet_of(composition), scheduled_of(composition)
    pooled, health = pool_fleet_of(composition), health_of(composition)
    realtime = RealtimeApi(Realtime(fleet))
    looking = examiner or examiner_of(ground, composition.shared, composition.database)
    jobs = jobs_api_of(composition)
    apis: tuple[_Api, ...] = (
        realtime,
        vitals_api_of(composition, looking),
        scheduling_api_of(composition, scheduled),
        pools_api_of(composition, pooled),
        jobs,
    )
    flask = _flask(
        (
            *(api.blueprint() for api in apis),
            clusters.blueprint(cluster_list_of(composition, fleet, scheduled)),
            operations.blueprint(health, ground.metrics),
            documents.blueprint(endpoints_of(settings.auth), version.current()),
        )
    )
    ready = {path: answer for api in apis for path, answer in api.ready.items()}
    gate = gate_of(composition, Direct(flask, jobs.direct), ready)
    observers = (observer_of(composition, pooled), keeper_of(composition))
    begun = tuple(each for each in observers if each is not None)
    return Application(gate, flask, realtime, health, ground, begun)


def _flask(blueprints: Iterable[Blueprint]) -> Flask:
    app = Flask("queryapi", static_folder=None)
    # Of a body without a length in advance (chunked): the gate has refused the others.
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    app.url_map.merge_slashes = False
    app.url_map.converters["rest"] = Rest
    errors.install(app)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    return app
