"""Puts the service together: settings in, a WSGI application out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask

from queryapi import version, wiring
from queryapi.access.principal import Scope
from queryapi.api import clusters, documents, errors, operations
from queryapi.api.bounds import BODY_BYTES
from queryapi.api.endpoints import endpoints_of
from queryapi.api.realtime import RealtimeApi
from queryapi.cache.bulkhead import Bulkhead, Seats
from queryapi.front.call import UNMATCHED
from queryapi.outbound.transport import StreamingTransport
from queryapi.promql.connect import transport_of
from queryapi.services.clusters import ClusterList
from queryapi.services.fleet import Fleet
from queryapi.services.freshness import Freshness
from queryapi.services.health import Health, Probe
from queryapi.services.parts import TOTALS
from queryapi.services.realtime import Realtime
from queryapi.settings import Cluster, Settings
from queryapi.wiring import Composition, Ground

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_EVERYTHING = Scope()


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

    def drain(self) -> None:
        """Be ready no more, and go on answering: the process ends soon."""
        self._health.drain()

    def refused(self, method: str, status: int, seconds: float) -> None:
        """Count a request that the server in front has answered with an error itself."""
        self._ground.metrics.serving.request(UNMATCHED, method, status, seconds)

    def close(self) -> None:
        """Close connections; fetches under way end by their own deadlines."""
        self._ground.resources.close()


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    connect: Callable[[Cluster, Settings], StreamingTransport] = transport_of,
) -> Application:
    """Return the service for *settings*; nothing is asked of Prometheus yet.

    Args:
        settings: Checked settings.
        clock: Unix seconds.
        connect: Returns what carries a cluster's queries.
    """
    ground = wiring.ground(settings, clock)
    clients = wiring.clients(ground, connect)
    composition = Composition(ground, clients)
    fleet = composition.fleet()
    realtime = RealtimeApi(Realtime(fleet))
    # One each, made when needed: however many hang, the others are asked.
    prober = ground.executor(len(clients), "probe")
    health = Health(
        {
            name: Probe(client, prober, seats=composition.house, clock=clock)
            for name, client in clients.items()
        }
    )
    flask = _flask(realtime, _cluster_list(ground, fleet, composition.house), health, ground)
    return Application(composition.gate(flask, realtime.ready), flask, realtime, health, ground)


def _flask(
    realtime: RealtimeApi, cluster_list: ClusterList, health: Health, ground: Ground
) -> Flask:
    app = Flask("queryapi", static_folder=None)
    # Of a body without a length in advance (chunked): the gate has refused the others.
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    app.url_map.merge_slashes = False
    errors.install(app)
    app.register_blueprint(realtime.blueprint())
    app.register_blueprint(clusters.blueprint(cluster_list))
    app.register_blueprint(operations.blueprint(health, ground.metrics))
    endpoints = endpoints_of(ground.settings.auth)
    app.register_blueprint(documents.blueprint(endpoints, version.current()))
    return app


def _cluster_list(ground: Ground, fleet: Fleet, house: Seats) -> ClusterList:
    settings = ground.settings
    names = [cluster.name for cluster in settings.clusters]

    def freshness(name: str) -> Freshness:
        # Not where clients wait: the seats there stand for the threads that answer them.
        alone = Bulkhead(seats=1)
        return fleet.snapshots(name, _EVERYTHING).read(TOTALS, bulkhead=alone).freshness

    return ClusterList(
        {name: partial(freshness, name) for name in names},
        settings.default_cluster or names[0],
        ground.executor(len(names), "look"),
        seats=house,
        clock=ground.clock,
    )
