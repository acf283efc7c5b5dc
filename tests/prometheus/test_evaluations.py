"""What one evaluation of the rules records, while exporters are scraped at every moment of it."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

import pytest
import requests

from demo.processes import wait_for
from demo.stack import ROOT
from tests.support.answering import Answer, AnsweringServer
from tests.support.prometheus import Prometheus, prometheus
from tests.support.whole import some

pytestmark = pytest.mark.e2e

_CLUSTERS, _NODES, _GPUS = 24, 60, 8
_TAKES_SECONDS = 0.4
"""What a scrape takes, of the second between two: a page of megabytes."""
_WATCHED = some(6, 60)
"""Evaluations."""
_TOTALS = ("cluster:gpu_running_tasks:count", "cluster:gpu_allocated:sum", "cluster:gpu_free:sum")
_COMPLETE = "cluster:gpu_evaluation_timestamp_seconds:max"
_RULES = ROOT / "prometheus" / "rules" / "totals.yml"
_TEXT = {"Content-Type": "text/plain; version=0.0.4"}


class _Cluster:
    """An exporter of a cluster in which each scrape finds another number of GPUs taken."""

    def __init__(self, name: str) -> None:
        self._name, self._scrapes = name, count()
        self.server = AnsweringServer(self._answer)

    @property
    def address(self) -> str:
        return self.server.url.removeprefix("http://")

    def _answer(self, _path: str, _query: object) -> Answer:
        taken = next(self._scrapes) % (_GPUS + 1)
        time.sleep(_TAKES_SECONDS)
        return 200, _TEXT, self._page(taken).encode()

    def _page(self, taken: int) -> str:
        of = f'cluster="{self._name}"'
        rows = [f'gpu_pods{{{of},phase="Running"}} {_NODES * taken}']
        for number in range(_NODES):
            node = f'{{{of},node="n{number}"}}'
            one = f'{{{of},node="n{number}",resource="nvidia.com/gpu"}}'
            rows += [f"gpu_node_ready{node} 1", f"gpu_node_cordoned{node} 0"]
            rows += [f"gpu_node_capacity{one} {_GPUS}", f"gpu_node_allocatable{one} {_GPUS}"]
            rows += [f"gpu_node_allocated{one} {taken}", f"gpu_node_free{one} {_GPUS - taken}"]
        return "\n".join((*rows, ""))


@pytest.fixture(name="server", scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    clusters = [_Cluster(f"c{number}") for number in range(_CLUSTERS)]
    first, *others = clusters
    with ExitStack() as stack:
        for cluster in clusters:
            stack.enter_context(cluster.server)
        yield stack.enter_context(
            prometheus(
                tmp_path_factory.mktemp("prometheus"),
                first,
                rules=_RULES.read_text(),
                others=[cluster.address for cluster in others],
            )
        )


def _recorded(server: Prometheus) -> dict[tuple[str, float], dict[str, float]]:
    """Return what each evaluation recorded of each cluster, by name."""
    query = {"query": f'{{__name__=~"{"|".join((*_TOTALS, _COMPLETE))}"}}[1h]'}
    rows = requests.get(f"{server.url}/api/v1/query", query, timeout=60).json()["data"]["result"]
    recorded: dict[tuple[str, float], dict[str, float]] = defaultdict(dict)
    for row in rows:
        for at, value in row["values"]:
            recorded[row["metric"]["cluster"], at][row["metric"]["__name__"]] = float(value)
    return recorded


def test_all_values_are_of_one_scrape(server: Prometheus) -> None:
    """However long a scrape takes and whenever it ends, totals of nodes and of pods agree."""

    def complete() -> list[dict[str, float]]:
        return [values for values in _recorded(server).values() if _COMPLETE in values]

    wait_for(lambda: len(complete()) >= _WATCHED * _CLUSTERS, seconds=180, what="evaluations")
    told = Counter(tuple(map(values.get, _TOTALS)) for values in complete())

    possible: set[tuple[float | None, ...]] = {
        (_NODES * taken, _NODES * taken, _NODES * (_GPUS - taken)) for taken in range(_GPUS + 1)
    }
    assert {} == {row: times for row, times in told.items() if row not in possible}
    assert 3 < len(told)
