"""What every part of one application stands on."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from queryapi import version
from queryapi.bus.bus import Bus, Silence
from queryapi.bus.choice import bus_of
from queryapi.outbound.transport import StreamingTransport
from queryapi.settings import Cluster, Settings
from queryapi.telemetry.metrics import Metrics
from queryapi.telemetry.traces import Tracer
from queryapi.telemetry.tracing import tracer_of

P = ParamSpec("P")
T = TypeVar("T")

Connect = Callable[[Cluster, Settings], StreamingTransport]
"""Returns what carries queries to a cluster's Prometheus."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every part of one application stands on; made in the process that serves.

    Args:
        settings: Checked settings.
        clock: Unix seconds.
        connect: Carries queries.
        started: When the service was, in Unix seconds: the same in all of its processes.
        metrics: Where everything is counted.
        tracer: Where spans go.
        bus: Where it is announced which jobs have changed.
        resources: Ends what the parts hold open.
    """

    settings: Settings
    clock: Callable[[], float]
    connect: Connect
    started: float
    metrics: Metrics
    tracer: Tracer
    bus: Bus = field(default_factory=Silence)
    resources: ExitStack = field(default_factory=ExitStack)

    def transport(self, cluster: Cluster) -> StreamingTransport:
        """Return connections to a cluster's Prometheus that end with the application."""
        made = self.connect(cluster, self.settings)
        self.resources.callback(made.close)
        return made

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


def ground_of(
    settings: Settings,
    clock: Callable[[], float],
    connect: Connect,
    started: float | None = None,
    bus: Bus | None = None,
) -> Ground:
    """Return what the parts of an application stand on.

    Args:
        settings: Checked settings.
        clock: Unix seconds.
        connect: Carries queries.
        started: When the service was, in Unix seconds; None = now.
        bus: Where it is announced which jobs have changed; None = as the settings say.
    """
    since = clock() if started is None else started
    tracer = tracer_of(settings, os.environ)
    announcing = bus or bus_of(settings)
    made = Ground(settings, clock, connect, since, Metrics(version.current()), tracer, announcing)
    made.resources.callback(tracer.close)
    made.resources.callback(announcing.close)
    return made
