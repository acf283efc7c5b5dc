"""A real Prometheus and a real VictoriaMetrics tell of pools' pasts what was recorded of them."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import LOOPBACK, Process, free_port, wait_for
from queryapi.outbound.transport import HttpTransport
from queryapi.promql.client import PrometheusClient
from queryapi.promql.selection import Selection
from queryapi.services.pools.model import NodeClass
from queryapi.services.pools.planning.chosen import Chosen
from queryapi.services.pools.planning.histories import Asked, Histories, Past, Terms
from queryapi.services.pools.planning.spans import Span
from queryapi.settings import Cluster
from queryapi.telemetry.metrics import Metrics
from tests.support import pool_past
from tests.support.pool_past import CPUS, HOUR, NAMELESS, RESEARCH_A, RESEARCH_B

pytestmark = pytest.mark.e2e

LAG = 150
GRID = 300
START = int(time.time()) // GRID * GRID - pool_past.LENGTH - GRID
# Of the last point of the grid, some seconds later.
NOW = START + pool_past.LENGTH + 10.0
WHOLE = Span(pool_past.LENGTH, GRID)
RESEARCH = Chosen("c", (("pool", ("research",)),))


@dataclass(frozen=True)
class Store:
    """Something that remembers the small fleet."""

    url: str


@pytest.fixture(name="series", scope="module")
def _series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("series") / "series.txt"
    with path.open("w") as sink:
        sink.writelines(pool_past.exposition(START))
    return path


@pytest.fixture(name="store", scope="module", params=["prometheus", "victoria"])
def _store(
    request: pytest.FixtureRequest, series: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("store")
    made = _prometheus if request.param == "prometheus" else _victoria
    process = made(folder, series)
    with process:
        process.wait_ready(seconds=120)
        url = str(process.ready_url).removesuffix("/-/ready").removesuffix("/health")
        if request.param == "victoria":
            _import(url, series)
        yield Store(url)


def _prometheus(folder: Path, series: Path) -> Process:
    make = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(series)]
    subprocess.run([*make, str(folder / "data")], check=True, capture_output=True)
    (folder / "prometheus.yml").write_text("{}")
    address = f"{LOOPBACK}:{free_port()}"
    command = [
        *("prometheus", f"--config.file={folder / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"),
        "--log.level=warn",
    ]
    return Process("prometheus", command, folder / "log", ready_url=f"http://{address}/-/ready")


def _victoria(folder: Path, _series: Path) -> Process:
    address = f"{LOOPBACK}:{free_port()}"
    command = [
        *("victoria-metrics", f"-storageDataPath={folder / 'data'}", f"-httpListenAddr={address}"),
        *("-retentionPeriod=1", "-search.latencyOffset=0s", "-loggerLevel=WARN"),
    ]
    return Process("victoria", command, folder / "log", ready_url=f"http://{address}/health")


def _import(url: str, series: Path) -> None:
    """Send all samples; its timestamps are milliseconds, not seconds."""
    rows = [row for row in series.read_text().splitlines() if not row.startswith("#")]
    text = "".join(f"{row}000\n" for row in rows)
    requests.post(f"{url}/api/v1/import/prometheus", text.encode(), timeout=60).raise_for_status()

    def is_there() -> bool:
        form = {"query": 'count({cluster=~"c|d"})', "time": str(NOW - 10)}
        requests.get(f"{url}/internal/force_flush", timeout=60).raise_for_status()
        found = requests.post(f"{url}/api/v1/query", form, timeout=60).json()["data"]["result"]
        return bool(found)

    wait_for(is_there, seconds=60, what="the imported samples")


@pytest.fixture(name="client", scope="module")
def _client(store: Store) -> Iterator[PrometheusClient]:
    made = PrometheusClient(
        Cluster("c", store.url),
        HttpTransport(connect=1),
        seconds=30,
        metrics=Metrics("test").querying,
    )
    yield made
    made.close()


def told(
    client: PrometheusClient, chosen: Chosen, span: Span = WHOLE, *, limited: bool = False
) -> dict[str, Any]:
    """Return a pool's history as it is sent."""
    selection = Selection.of({"cluster": chosen.cluster})
    histories = Histories(
        {chosen.cluster: Past(client, selection)}, Terms(30, 60, LAG), clock=lambda: NOW
    )
    answer = histories.answer(Asked("pool-1", chosen, span, limited))
    found: dict[str, Any] = json.loads(answer.prepared.body)
    return found


def expected(
    kinds: list[NodeClass], span: Span = WHOLE, *, limited: bool = False
) -> list[dict[str, Any]]:
    """Return what was recorded, added up here."""
    end = pool_past.LENGTH // span.step * span.step
    return [
        {
            "timestamp": f"{datetime.fromtimestamp(START + at, UTC):%Y-%m-%dT%H:%M:%SZ}",
            **pool_past.point(kinds, at, lag=LAG, limited=limited),
        }
        for at in range(end - span.seconds // span.step * span.step, end + 1, span.step)
    ]


def test_a_history_is_what_was_recorded(client: PrometheusClient) -> None:
    """Every point of six hours, of one cluster of two and of one replica of two."""
    found = told(client, RESEARCH)

    points = expected([RESEARCH_A, RESEARCH_B])
    assert found == {
        "poolId": "pool-1",
        "start": points[0]["timestamp"],
        "end": points[-1]["timestamp"],
        "stepSeconds": GRID,
        "points": points,
    }


def test_a_gap_is_a_gap(client: PrometheusClient) -> None:
    """Where nothing was evaluated nothing is told, from two and a half minutes on: not five."""
    points = told(client, RESEARCH)["points"]

    first = (2 * HOUR + GRID) // GRID
    assert [None] * 4 == [point["readyNodes"] for point in points[first : first + 4]]
    assert 3 == points[first - 1]["readyNodes"]
    assert 5 == points[first + 4]["readyNodes"]


def test_nodes_of_an_older_pool_are_not_counted(client: PrometheusClient) -> None:
    """What both choose is told of the older one alone."""
    others = (
        (("pool", ("research",)), ("zone", ("b",))),
        (("pool", ("research",)), ("model", ("x",))),
    )

    found = told(client, RESEARCH._replace(others=others))

    assert expected([RESEARCH_A]) == found["points"]


def test_a_pool_whose_nodes_are_gone_has_none(client: PrometheusClient) -> None:
    """The cluster is known, so none is a number; what nobody measures any more is null."""
    found = told(client, Chosen("c", (("model", ("L4",)),)))

    assert expected([NAMELESS]) == found["points"]
    assert (4, 0) == (found["points"][12]["readyNodes"], found["points"][13]["readyNodes"])


def test_what_nobody_names_can_be_chosen(client: PrometheusClient) -> None:
    """An empty value is a fact that nobody tells."""
    found = told(client, Chosen("c", (("pool", ("", "cpus")), ("provider", ("", "aws")))))

    assert expected([NAMELESS, CPUS]) == found["points"]


def test_a_pool_that_chooses_nothing_has_no_nodes(client: PrometheusClient) -> None:
    """No fact means no node, not every node."""
    points = told(client, Chosen("c", ()))["points"]

    assert expected([]) == points
    assert {0, None} == {point["readyNodes"] for point in points}


def test_a_limited_caller_sees_hardware(client: PrometheusClient) -> None:
    """What everybody's work holds and keeps busy is not for them."""
    assert (
        expected([CPUS, RESEARCH_A], limited=True)
        == told(
            client,
            Chosen("c", (("pool", ("cpus", "research")), ("model", ("", "H100")))),
            limited=True,
        )["points"]
    )


def test_a_cluster_that_nobody_knows_is_a_gap(client: PrometheusClient) -> None:
    """Nothing is made up: not a zero."""
    points = told(client, RESEARCH._replace(cluster="elsewhere"))["points"]

    assert {None} == {point["gpus"] for point in points}


def test_a_fine_grid_is_told_evaluation_by_evaluation(client: PrometheusClient) -> None:
    """Half an hour at the shortest step."""
    span = Span(HOUR // 2, 15)

    assert expected([RESEARCH_A, RESEARCH_B], span) == told(client, RESEARCH, span)["points"]
