"""Makes the parts of the service by the settings; each choice stands here once."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from queryapi import version
from queryapi.access import tokenfile
from queryapi.access.guard import guard_of
from queryapi.api.endpoints import endpoints_of
from queryapi.api.visit import Ready
from queryapi.cache.bulkhead import Bulkhead, Seats
from queryapi.cache.grid import Grid
from queryapi.cache.memo import Answers
from queryapi.cache.shared import elsewhere_of
from queryapi.cache.windows import Windows
from queryapi.front.addresses import Addresses
from queryapi.front.admission import Admission, Turnstile
from queryapi.front.call import Records
from queryapi.front.cors import Cors
from queryapi.front.gate import Gate
from queryapi.front.routes import Routes
from queryapi.limits.choice import limiter_of
from queryapi.outbound.transport import StreamingTransport
from queryapi.promql.client import PrometheusClient
from queryapi.promql.connect import QUERIES_AT_ONCE, client_of
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher
from queryapi.services.fleet import Fleet, Namespaces, Views
from queryapi.services.parts import LEADS
from queryapi.services.reading import Source
from queryapi.services.snapshot import Snapshots, Terms
from queryapi.settings import Cluster, Settings
from queryapi.shared.choice import store_of
from queryapi.telemetry.metrics import Metrics
from queryapi.telemetry.traces import Tracer
from queryapi.telemetry.tracing import endpoint_of, tracer_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# Of a process' 16 threads some stay free for those who need not wait, such as /healthz, even when
# every cluster's Prometheus hangs.
_WAITING_AT_ONCE = 14

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ground:
    """What every part of one application stands on; made in the process that serves.

    Args:
        settings: Checked settings.
        clock: Unix seconds.
        metrics: Where everything is counted.
        tracer: Where spans go.
        resources: Ends what the parts hold open.
    """

    settings: Settings
    clock: Callable[[], float]
    metrics: Metrics
    tracer: Tracer
    resources: ExitStack = field(default_factory=ExitStack)

    def executor(self, threads: int, name: str) -> ThreadPoolExecutor:
        """Return threads that end with the application."""
        executor = _TracedExecutor(threads, thread_name_prefix=name)
        executor.carry = self.tracer.carry
        self.resources.callback(executor.shutdown, wait=False, cancel_futures=True)
        return executor


class _TracedExecutor(ThreadPoolExecutor):
    """Runs work as a part of the trace that asked for it."""

    carry: Callable[[Callable[..., object]], Callable[..., object]]

    def submit(self, work: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> Future[T]:
        """Run *work* in one of the threads."""
        return super().submit(self.carry(work), *args, **options)  # type: ignore[arg-type]


def check(settings: Settings) -> None:
    """Find out what making the parts would: before there are processes, and beginning nothing.

    Raises:
        ConfigurationError: When something that the settings name cannot be used.
    """
    if settings.auth.tokens_file is not None:
        tokenfile.load(Path(settings.auth.tokens_file))
    endpoint_of(settings, os.environ)


def ground(settings: Settings, clock: Callable[[], float]) -> Ground:
    """Return what the parts of an application for *settings* stand on."""
    tracer = tracer_of(settings, os.environ)
    made = Ground(settings, clock, Metrics(version.current()), tracer)
    made.resources.callback(tracer.close)
    return made


def clients(
    ground: Ground, connect: Callable[[Cluster, Settings], StreamingTransport]
) -> Mapping[str, PrometheusClient]:
    """Return the client of each cluster's Prometheus, by name."""
    made = {}
    for cluster in ground.settings.clusters:
        transport = connect(cluster, ground.settings)
        client = client_of(
            cluster,
            ground.settings,
            ground.metrics.querying,
            transport,
            headers=ground.tracer.headers,
        )
        ground.resources.callback(client.close)
        made[cluster.name] = client
    return made


class Composition:
    """The parts that share what processes share.

    Args:
        ground: What they stand on.
        asked: Each cluster's client, by name.
    """

    def __init__(self, ground: Ground, asked: Mapping[str, PrometheusClient]) -> None:
        self._ground = ground
        self._clients = asked
        self._store = store_of(ground.settings, ground.metrics)
        if self._store is not None:
            ground.resources.callback(self._store.close)
        self._elsewhere = elsewhere_of(ground.settings, self._store, ground.metrics)
        self._answers = Answers()
        self.house = Seats(_WAITING_AT_ONCE)
        """Where whoever waits for any Prometheus has a seat."""

    def fleet(self) -> Fleet:
        """Return the snapshots of every cluster."""
        return Fleet(
            {cluster.name: self._views(cluster) for cluster in self._ground.settings.clusters}
        )

    def gate(self, inner: "WSGIApplication", ready: Mapping[str, Ready]) -> Gate:
        """Return the gate in front of *inner*, which answers itself what is *ready*."""
        ground, settings = self._ground, self._ground.settings
        guard = guard_of(settings, ground.metrics.judging, clock=ground.clock)
        ground.resources.callback(guard.close)
        turnstile = Turnstile(limiter_of(settings, self._store), settings.limits)
        return Gate(
            inner,
            routes=Routes(endpoints_of(settings.auth)),
            addresses=Addresses(settings.limits.trusted_proxies),
            cors=Cors(settings.cors_origins),
            admission=Admission(guard, turnstile),
            turnstile=turnstile,
            ready=ready,
            clusters=(cluster.name for cluster in settings.clusters),
            records=Records(ground.metrics.serving),
            tracer=ground.tracer,
        )

    def _views(self, cluster: Cluster) -> Views:
        ground = self._ground
        cache, timeouts = ground.settings.cache, ground.settings.timeouts
        matchers = tuple(Matcher(label, "=", value) for label, value in cluster.labels.items())
        terms = Terms(cache.ttl, cache.stale, cache.lag, timeouts.request)
        grid = Grid.of(cluster.name, cache.ttl)
        bulkhead = Bulkhead(house=self.house)
        # One each: a cluster whose Prometheus hangs must not use up the others' threads.
        executor = ground.executor(QUERIES_AT_ONCE, cluster.name)

        def make(namespaces: Namespaces) -> Snapshots:
            source = Source(
                self._clients[cluster.name],
                Selection(matchers, namespaces),
                urls=cluster.urls,
                elsewhere=self._elsewhere,
                keep=cache.ttl + cache.stale,
                patience=timeouts.query,
                tracer=ground.tracer,
            )
            windows = Windows(
                [lead.key for lead in LEADS],
                grid=grid,
                stale=cache.stale,
                clock=ground.clock,
                executor=executor,
                answers=self._answers,
            )
            return Snapshots(
                source, windows, bulkhead, terms, metrics=ground.metrics.caching, clock=ground.clock
            )

        return Views(make)
