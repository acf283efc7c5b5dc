"""Puts the service together: settings in, a WSGI application out."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from flask import Flask, abort, request

from queryapi import version
from queryapi.api import errors, observation, operations, realtime
from queryapi.cache.windows import Windows
from queryapi.promql.client import PrometheusClient
from queryapi.promql.text import Matcher
from queryapi.promql.transport import HttpTransport, Transport
from queryapi.services.health import Health, Probe
from queryapi.services.parts import EVALUATION, TOTALS
from queryapi.services.realtime import Realtime
from queryapi.services.snapshot import Snapshots
from queryapi.settings import Cluster, Settings
from queryapi.telemetry.metrics import Metrics

_MAX_BODY_BYTES = 1024 * 1024
# Totals, nodes and alerts are asked for at the same time, and one more may be late.
_FETCHES_AT_ONCE = 4
_PROBES_AT_ONCE = 8


def http_transport(cluster: Cluster, settings: Settings) -> Transport:
    """Return the transport over HTTP to a cluster's Prometheus."""
    return HttpTransport(
        connect=settings.timeouts.connect, ca_file=cluster.ca_file, connections=_FETCHES_AT_ONCE
    )


@dataclass(frozen=True, slots=True)
class Application:
    """The WSGI application and what it holds open."""

    wsgi: Flask
    _resources: ExitStack

    def close(self) -> None:
        """Close connections; fetches under way end by their own deadlines."""
        self._resources.close()


def build(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    connect: Callable[[Cluster, Settings], Transport] = http_transport,
) -> Application:
    """Return the service for *settings*; nothing is asked of Prometheus yet.

    Args:
        settings: Checked settings.
        clock: Unix seconds.
        connect: Returns what carries a cluster's queries.
    """
    resources = ExitStack()
    metrics = Metrics(version.current())
    clients = {}
    for cluster in settings.clusters:
        transport = connect(cluster, settings)
        resources.callback(transport.close)
        clients[cluster.name] = PrometheusClient(
            cluster, transport, seconds=settings.timeouts.query, metrics=metrics
        )
    snapshots = {
        cluster.name: _snapshots(
            cluster, clients[cluster.name], settings, metrics, clock, resources
        )
        for cluster in settings.clusters
    }
    probes = {name: Probe(client, clock=clock) for name, client in clients.items()}
    health = Health(probes, _executor(resources, _PROBES_AT_ONCE, "probe"))
    return Application(_flask(Realtime(snapshots), health, metrics), resources)


def _flask(answers: Realtime, health: Health, metrics: Metrics) -> Flask:
    app = Flask("queryapi", static_folder=None)
    # Without a length in advance (chunked) reading stops here; with one it never begins.
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    observation.install(app, metrics)
    app.before_request(_refuse_large_bodies)
    errors.install(app)
    app.register_blueprint(realtime.blueprint(answers))
    app.register_blueprint(operations.blueprint(health, metrics))
    return app


def _refuse_large_bodies() -> None:
    # Said before routing has its say: a body that large is not worth reading for any route.
    if (request.content_length or 0) > _MAX_BODY_BYTES:
        abort(413)


def _snapshots(
    cluster: Cluster,
    client: PrometheusClient,
    settings: Settings,
    metrics: Metrics,
    clock: Callable[[], float],
    resources: ExitStack,
) -> Snapshots:
    windows = Windows(
        (EVALUATION.key, TOTALS.key),
        ttl=settings.cache.ttl,
        stale=settings.cache.stale,
        clock=clock,
        # One each: a cluster whose Prometheus hangs must not use up the others' threads.
        executor=_executor(resources, _FETCHES_AT_ONCE, cluster.name),
    )
    return Snapshots(
        client,
        tuple(Matcher(label, "=", value) for label, value in cluster.labels.items()),
        windows,
        ttl=settings.cache.ttl,
        stale=settings.cache.stale,
        lag=settings.cache.lag,
        patience=settings.timeouts.request,
        metrics=metrics,
        clock=clock,
    )


def _executor(resources: ExitStack, threads: int, name: str) -> ThreadPoolExecutor:
    executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
    resources.callback(executor.shutdown, wait=False, cancel_futures=True)
    return executor
