"""Jobs that are GPU pods, as a real Prometheus tells of them."""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from demo.processes import wait_for
from queryapi.cache.bulkhead import Bulkhead
from queryapi.errors import UpstreamUnavailable
from queryapi.promql.client import PrometheusClient
from queryapi.promql.connect import transport_of, watcher_of
from queryapi.promql.selection import Selection
from queryapi.services.jobs.prices import Live
from queryapi.services.jobs.whereabouts.past import Past
from queryapi.services.jobs.whereabouts.places import Whereabouts
from queryapi.services.jobs.whereabouts.watch import Habits, Watch
from queryapi.settings import Cluster, Settings
from queryapi.storage.jobrecords import Job, JobStatus, Sample
from queryapi.telemetry.metrics import Metrics
from tests.support.job_series import EXPOSITION, STARTED
from tests.support.prometheus import Prometheus, Target, prometheus
from tests.support.raw_server import RawServer, read_request

LATER = STARTED + 3600.0


@dataclass(frozen=True)
class Asked:
    """A cluster, as jobs are looked for there."""

    client: PrometheusClient
    watch: Watch
    places: Whereabouts

    def close(self) -> None:
        """Look no more."""
        self.places.end()

    def settled(self, job: Job) -> Job:
        """Return where a job is, once somebody has looked."""
        self.places.placed(job)
        self.watch.look()
        return self.places.placed(job)

    def sampled(self, job: Job) -> Sample | None:
        """Return what is measured of a job, once somebody has looked."""
        self.places.measured(job)
        self.watch.look()
        self.watch.look()
        return self.places.measured(job)


def _client(url: str, cluster: str = "prod-cluster") -> PrometheusClient:
    one = Cluster(cluster, url)
    settings = Settings(clusters=(one,))
    return watcher_of(one, settings, Metrics("test").querying, transport_of(one, settings))


def _asked(client: PrometheusClient, cluster: str = "prod-cluster") -> Asked:
    selection = Selection.of({"cluster": cluster})
    watch = Watch(client, selection, clock=time.time, habits=Habits(pause=0.05, query=20.0))
    return Asked(client, watch, Whereabouts({"prod-cluster": watch}))


def _scraped(client: PrometheusClient) -> bool:
    return bool(client.instant("gpu_pod_info", at=time.time(), seconds=20.0).value)


@pytest.fixture(name="server", scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("jobs")
    with Target(EXPOSITION) as target, prometheus(folder, target, rules="") as running:
        with closing(_client(running.url)) as client:
            wait_for(lambda: _scraped(client), seconds=60, what="the first scrape")
        yield running


@pytest.fixture(name="asked")
def _asked_fixture(server: Prometheus) -> Iterator[Asked]:
    with closing(_client(server.url)) as client, closing(_asked(client)) as asked:
        yield asked


def job(name: str, **known: Any) -> Job:
    """Return a running job whose creator sees all."""
    usual = {"status": JobStatus.RUNNING, "started_at": LATER, "anywhere": True}
    return Job(
        **{
            "number": 1,
            "id": name,
            "cluster": "prod-cluster",
            "owner": "o",
            "created_at": LATER,
            **usual,
            **known,
        }
    )


@pytest.mark.parametrize("name", ["train-0", "uid-0"])
def test_a_job_that_is_called_like_a_pod(asked: Asked, name: str) -> None:
    """It is where the pod is, has its GPUs, and began when it did."""
    found = asked.settled(job(name))

    assert ("ml", "train-0", 4) == (found.namespace, found.pod, found.gpus)
    assert ("H100", "m.large", "training") == (found.gpu_model, found.instance_type, found.pool)
    assert STARTED + 60 == found.started_at
    assert Live(Decimal(20)) == asked.places.price(job(name))


def test_a_job_that_is_a_workload(asked: Asked) -> None:
    """It is all pods of it that hold GPUs; one that has ended is none."""
    found = asked.settled(job("train"))

    assert ("train-1", 6, STARTED) == (found.pod, found.gpus, found.started_at)
    assert Live(Decimal(30)) == asked.places.price(job("train"))


def test_what_a_job_says_itself_stays(asked: Asked) -> None:
    """Only what nobody has said is added; a job that waits has not begun with its pod."""
    said = job("train-0", gpu_model="mine", gpus=1, status=JobStatus.PENDING, started_at=None)
    found = asked.settled(said)

    assert ("mine", 1, "training", None) == (
        found.gpu_model, found.gpus, found.pool, found.started_at,
    )  # fmt: skip


def test_a_node_without_a_price(asked: Asked) -> None:
    """That none is written there is known, and other than 0."""
    asked.settled(job("solo"))
    asked.settled(job("twin", namespace="ml"))

    assert Live(None) == asked.places.price(job("solo"))
    assert Live(Decimal(0)) == asked.places.price(job("twin", namespace="ml"))


@pytest.mark.parametrize(
    ("namespace", "anywhere", "found"),
    [
        ("ml", False, True),
        ("ml", True, True),
        ("other", False, False),
        ("other", True, False),
        (None, False, False),
        (None, True, True),
    ],
)
def test_nobody_claims_a_pod_of_another_namespace(
    asked: Asked, *, namespace: str | None, anywhere: bool, found: bool
) -> None:
    """Without one only a job whose creator sees all may be a pod; nothing else is told of it."""
    one = job("solo", namespace=namespace, anywhere=anywhere)
    told = asked.settled(one)

    assert found == (told != one)
    assert found == (asked.sampled(one) is not None)
    assert found == (asked.places.price(one) is not None)


def test_a_name_of_two_namespaces_is_nobody_s(asked: Asked) -> None:
    """Which of them it is, nobody knows; with its namespace it is known."""
    assert job("twin") == asked.settled(job("twin"))
    assert "ml" == asked.settled(job("twin", namespace="ml")).namespace


@pytest.mark.parametrize("name", [".*", "train-.", 'x"} or up{', "TRAIN-0", "", "job_1", "ü"])
def test_a_name_that_is_no_pod_s_finds_none(asked: Asked, name: str) -> None:
    """It is no pattern, and no way out of one."""
    assert job(name) == asked.settled(job(name))


def test_what_dcgm_exporter_measures(asked: Asked) -> None:
    """Means, sums and the hottest of a pod's devices; whichever labels name the pod."""
    assert Sample(15.0, 4000.0, 16000.0, 53.0, 1202.0) == asked.sampled(job("train-0"))
    assert Sample(90.0, 2000.0, 8000.0, 55.0, 601.0) == asked.sampled(job("train-1"))
    assert Sample(40.0, 6000.0, 24000.0, 55.0, 1803.0) == asked.sampled(job("train"))


def test_what_our_exporter_measures(asked: Asked) -> None:
    """Of a pod that has all of a node's GPUs, and of one of which it knows which it has."""
    assert Sample(37.5, 4096.0, 16384.0, 63.0, 400.0) == asked.sampled(job("solo"))
    assert Sample(12.5, 2048.0, 8192.0, 61.0, 200.0) == asked.sampled(job("half"))
    assert asked.sampled(job("twin", namespace="ml")) is None


def test_another_cluster_s_pods_are_none(server: Prometheus) -> None:
    """One Prometheus may hold several clusters."""
    client = _client(server.url, "another")
    with closing(client), closing(_asked(client, "another")) as asked:
        assert job("solo") == asked.settled(job("solo"))
        assert job("solo", cluster="x") == asked.settled(job("solo", cluster="x"))


def test_somebody_looks_behind_the_backs_of_those_who_ask(server: Prometheus) -> None:
    """The first question has no answer yet; soon one has."""
    with closing(_client(server.url)) as client, closing(_asked(client)) as asked:
        first = asked.places.placed(job("solo"))
        wait_for(
            lambda: asked.places.placed(job("solo")).pod is not None, seconds=60, what="its place"
        )
        wait_for(
            lambda: asked.places.measured(job("solo")) is not None, seconds=60, what="its readings"
        )

    assert job("solo") == first


def test_a_prometheus_that_hangs_keeps_nobody() -> None:
    """Whoever asks where a job is gets no answer, at once; and so when it is gone."""

    def hang(connection: socket.socket) -> None:
        while read_request(connection):
            pass

    with RawServer(hang) as server:
        for url in (server.url, "http://127.0.0.1:9"):
            with closing(_client(url)) as client, closing(_asked(client)) as asked:
                began = time.monotonic()
                for _ in range(100):
                    assert job("solo") == asked.places.placed(job("solo"))
                    assert asked.places.measured(job("solo")) is None
                    assert asked.places.price(job("solo")) is None
                assert time.monotonic() - began < 10


def _past(clients: Mapping[str, PrometheusClient], home: str) -> Past:
    return Past(clients, home, time.time, seconds=20.0, seats=Bulkhead())


def test_what_prometheus_keeps_of_a_job(server: Prometheus) -> None:
    """In the units of workers, of that job alone; what nobody measured is no zero."""
    with closing(_client(server.url)) as client:
        past = _past({"prod-cluster": client}, "prod-cluster")
        now = time.time()
        told = past.earlier(job("solo", created_at=now - 60), now - 600, now + 600, 1.0)
        nothing = past.earlier(job("unheard-of", created_at=now - 60), now - 60, now, 1.0)
        before = past.earlier(job("solo", created_at=now), now - 600, now - 300, 1.0)

    assert {Sample(50.0, 1024.0, None, 70.0, None)} == {sample for _, sample in told}
    assert sorted(at for at, _ in told) == [at for at, _ in told]
    assert all(now - 60 <= at <= now + 1 for at, _ in told)
    assert () == nothing == before


def test_the_past_is_asked_at_home_too(server: Prometheus) -> None:
    """A job's own cluster may have a Prometheus that does not scrape this service."""
    now = time.time()
    with closing(_client(server.url)) as home, closing(_client("http://127.0.0.1:9")) as gone:
        past = _past({"home": home, "gone": gone}, "home")
        away = job("solo", cluster="gone", created_at=now - 60)
        silent = job("unheard-of", cluster="gone", created_at=now - 60)

        assert past.earlier(away, now - 60, now, 1.0)
        with pytest.raises(UpstreamUnavailable):
            past.earlier(silent, now - 60, now, 1.0)
