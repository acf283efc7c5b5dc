"""Who knows of jobs is made by the settings, and asks nobody before there is a job."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from queryapi.errors import UpstreamUnavailable
from queryapi.promql.connect import transport_of
from queryapi.services.jobs.ingesting.around import Places, Prices
from queryapi.settings import Cluster, Providers, Settings
from queryapi.storage.jobrecords import Job, JobStatus, Tariff
from queryapi.wiring.composition import Composition
from queryapi.wiring.ground import ground_of
from queryapi.wiring.jobplaces import past_of, places_of, prices_of
from tests.support.raw_server import RawServer

NOW = time.time()
JOB = Job(1, "p", "c", "o", NOW - 60, namespace="ml", status=JobStatus.RUNNING, started_at=NOW)


def known(prices: Prices, places: Places) -> tuple[tuple[Tariff, ...], Job]:
    """Return what a job costs and where it is, as whoever takes in reports asks."""
    return prices.now(JOB, NOW), places.placed(JOB)


def test_a_prometheus_that_hangs_keeps_a_few_who_ask_for_the_past() -> None:
    """The others are told at once that it does not answer: there are threads for reports."""
    asked, over = threading.Semaphore(0), threading.Event()

    def hang(_connection: socket.socket) -> None:
        asked.release()
        over.wait(20)

    with RawServer(hang) as server, ThreadPoolExecutor(12) as crowd:
        settings = Settings(clusters=(Cluster("c", server.url),), default_cluster="c")
        ground = ground_of(settings, time.time, transport_of)
        with ground.resources:
            composition = Composition(ground)
            past = past_of(composition)
            waiting = [crowd.submit(past.earlier, JOB, NOW - 60, NOW, 1.0) for _ in range(4)]
            assert all(asked.acquire(timeout=20) for _ in waiting)
            began = time.monotonic()
            with pytest.raises(UpstreamUnavailable, match="Too many"):
                past.earlier(JOB, NOW - 60, NOW, 1.0)
            assert time.monotonic() - began < 5
            over.set()
            assert all(isinstance(each.exception(), UpstreamUnavailable) for each in waiting)


def test_they_are_made_by_the_settings() -> None:
    """With a Prometheus that is away jobs are priced all the same, and only their past fails."""
    cluster = Cluster("c", "http://127.0.0.1:9")
    settings = Settings(
        clusters=(cluster,), default_cluster="c", providers=Providers(default="2.5")
    )
    ground = ground_of(settings, time.time, transport_of)
    with ground.resources:
        composition = Composition(ground)
        places, past = places_of(composition), past_of(composition)
        before = set(threading.enumerate())

        assert ((Tariff(NOW, "2.5", "default"),), JOB) == known(prices_of(ground, places), places)
        # Threads of other tests may begin and end meanwhile.
        [looking] = [it for it in set(threading.enumerate()) - before if it.name == "jobs-c"]
        with pytest.raises(UpstreamUnavailable):
            past.earlier(JOB, NOW - 60, NOW, 1.0)

    assert not looking.is_alive()
