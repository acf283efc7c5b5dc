"""A real Prometheus that a NativeLink tells of itself, under either of its names."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.processes import wait_for
from queryapi.errors import NoData
from queryapi.outbound.transport import HttpTransport
from queryapi.promql import nativelinkqueries
from queryapi.promql.client import PrometheusClient
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher
from queryapi.services.scheduling.nativelink import Instruments, read_instruments
from queryapi.settings import Cluster
from queryapi.telemetry.metrics import Metrics
from tests.support import nativelink
from tests.support.prometheus import Target, prometheus

OURS = Selection((Matcher("cluster", "=", "builds"),))


@contextmanager
def reading(folder: Path, text: str) -> Iterator[PrometheusClient]:
    """Yield a client of a Prometheus that has scraped *text* as the cluster `builds`."""
    with (
        Target(text) as target,
        prometheus(folder, target, rules="groups: []", cluster="builds") as running,
    ):
        transport = HttpTransport(connect=5.0)
        client = PrometheusClient(
            Cluster("c", running.url), transport, seconds=30, metrics=Metrics("test").querying
        )
        wait_for(
            lambda: bool(client.instant("up == 1", at=time.time()).value),
            seconds=60,
            what="the first scrape",
        )
        yield client
        client.close()


def asked(client: PrometheusClient, selection: Selection, *, later: float = 0.0) -> Instruments:
    """Return what is read now, or so many seconds later."""
    question = nativelinkqueries.instruments(selection)
    return client.read(question, read_instruments, at=time.time() + later).value


def numbers(found: Instruments) -> tuple[int | None, ...]:
    """Return what is counted, without its time."""
    return (
        found.workers, found.paused, found.draining,
        found.queued, found.executing, found.completed,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        nativelink.exposition("nativelink_"),
        nativelink.exposition(""),
        nativelink.exposition("nativelink_") + nativelink.exposition("", factor=7),
    ],
    ids=["collector", "direct", "both"],
)
def test_both_names_give_the_same_numbers(tmp_path: Path, text: str) -> None:
    """Two instances are added up; two names of one number are not, even with equal labels."""
    with reading(tmp_path, text) as client:
        found = asked(client, OURS)

        assert nativelink.NUMBERS == numbers(found)
        assert time.time() - 60 < found.known_at <= time.time()
        with pytest.raises(NoData):
            asked(client, Selection((Matcher("cluster", "=", "other"),)))


def test_callers_who_are_held_to_namespaces_see_workers_alone(tmp_path: Path) -> None:
    """Nothing of anybody's work is asked for them."""
    selection = Selection(OURS.cluster, frozenset({"ml"}))
    with reading(tmp_path, nativelink.exposition("nativelink_")) as client:
        assert (*nativelink.NUMBERS[:3], None, None, None) == numbers(asked(client, selection))

    assert "execution" not in nativelinkqueries.instruments(selection).replace(
        "execution_stage", ""
    )


def test_an_instance_that_has_ended_is_not_counted_for_long(tmp_path: Path) -> None:
    """What was said more than 150 s ago is no number of now, though Prometheus still shows it."""
    said = time.time() - 120
    text = nativelink.exposition("nativelink_", at=said)
    with reading(tmp_path, text) as client:
        found = asked(client, OURS)

        assert nativelink.NUMBERS == numbers(found)
        assert found.known_at == pytest.approx(said, abs=0.001)
        with pytest.raises(NoData):
            asked(client, OURS, later=60)
