"""Clusters whose pools are observed, for tests: what they show, and who looks."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from queryapi.cache.memo import Answers
from queryapi.cache.windows import Flight, Window
from queryapi.errors import UpstreamUnavailable
from queryapi.services.freshness import Freshness
from queryapi.services.part import Reading
from queryapi.services.pools.lifecycle import Terms
from queryapi.services.pools.model import ClassNumbers, NodeClass, PoolNode
from queryapi.services.pools.observing.observer import OBSERVING, Observer
from queryapi.services.pools.observing.watching import Watching
from queryapi.services.pools.parts import NODES, STOCK
from queryapi.services.snapshot import Snapshot
from queryapi.services.tenure import Tenure
from queryapi.settings import Pools
from queryapi.storage import activity, pools
from queryapi.storage.engine import Session, Store
from queryapi.storage.records import NodeType, Pool
from queryapi.telemetry.observing import Observing

TERMS = Terms(settle=60, join_within=600, activate_after=None, gap=90)
SETTINGS = Pools()
_KIND = NodeClass("west", "A100", "p4d.24xlarge", "", "", "")


@dataclass
class Cluster:
    """What Prometheus shows of a cluster."""

    nodes: int = 8
    ready: int = 8
    at: float = 1000.0
    stale: bool = False
    counted: bool = True
    down: bool = False
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def read(self) -> Snapshot:
        """Return what is there 15 s later."""
        self.gate.wait(timeout=60)
        if self.down:
            raise UpstreamUnavailable("Prometheus is gone", reason="refused")
        self.at += 15
        nodes = tuple(
            PoolNode(f"n{n}", _KIND, ready=n < self.ready, cordoned=False)
            for n in range(self.nodes)
        )
        stock = (ClassNumbers(_KIND, nodes=8),) if self.counted else ()
        window = Window(self.at, self.at, Answers().shelf())
        for part, value in ((NODES, nodes), (STOCK, stock)):
            flight = window.flights[part.name] = Flight()
            flight.land(Reading(value, 0))
        return Snapshot("c", window, Freshness(self.at, 0, 15, self.stale))


@dataclass
class Process:
    """A process that may observe."""

    store: Store
    watches: list[Watching]
    observer: Observer
    metrics: CollectorRegistry

    def look(self) -> None:
        """Look at every cluster once."""
        wait(self.observer.round().values())

    def counted(self, outcome: str, cluster: str = "c") -> float:
        """Return how many looks came to that."""
        labels = {"outcome": outcome, "cluster": cluster}
        return self.metrics.get_sample_value("gpuscope_api_pool_looks_total", labels) or 0


@contextmanager
def process_of(
    store: Store, clock: Callable[[], float] = lambda: 5e6, **clusters: Cluster
) -> Iterator[Process]:
    """Give a process that may observe some clusters; no look of it hangs in the end."""
    registry = CollectorRegistry()
    metrics = Observing(registry)
    tenure = Tenure(store, OBSERVING, SETTINGS.observe, clock=lambda _: clock(), monotonic=clock)
    watches = [
        Watching(
            name,
            cluster.read,
            store,
            tenure,
            TERMS,
            default_cluster="c",
            metrics=metrics,
            clock=clock,
        )
        for name, cluster in clusters.items()
    ]
    with ThreadPoolExecutor(len(watches)) as executor:
        observer = Observer(
            store, watches, tenure, SETTINGS, executor, metrics=metrics, clock=clock
        )
        try:
            yield Process(store, watches, observer, registry)
        finally:
            for cluster in clusters.values():
                cluster.gate.set()
            observer.end()


def entries(store: Store) -> list[tuple[str, str]]:
    """Return what is told of pools, oldest first: actions and their sentences."""
    with store.reading() as session:
        return [(one.action, one.details) for one in activity.page(session, limit=1000)][::-1]


def register(session: Session, id_: str = "", cluster: str = "c") -> Pool:
    """Register a pool of eight nodes whose label is `west`."""
    pool = Pool(
        id_ or f"pool-{pools.next_number(session)[0]}", cluster, "Training", "", "", "",
        (NodeType("p4d.24xlarge", 8),), (), {"pool": ("west",)},
        maintenance=False, created_at=0, updated_at=0, resized_at=0,
    )  # fmt: skip
    pools.insert(session, pool)
    pools.touch(session)
    return pool


@dataclass
class Time:
    """A clock that somebody moves."""

    now: float = 5e6

    def __call__(self) -> float:
        """Return the time."""
        return self.now
