"""Several processes count as one; one process needs nothing for that."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, values

from queryapi.telemetry import processes
from queryapi.telemetry.metrics import Metrics
from queryapi.telemetry.serving import Served

COUNT = 'gpuscope_api_snapshot_part_requests_total{cluster="c",outcome="fresh",part="p"}'


@pytest.fixture(name="shared")
def _shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    processes.share(tmp_path)
    yield
    processes.become(0)


def _counted(metrics: Metrics) -> list[str]:
    page = metrics.exposition("")[0].decode()
    return [line for line in page.splitlines() if line.startswith(COUNT)]


def test_places_add_up(shared: None) -> None:
    """What processes at several places counted is added up by each of them."""
    everyone = []
    for place, times in ((0, 1), (1, 2), (2, 3)):
        processes.become(place)
        everyone.append(Metrics("1.0"))
        for _ in range(times):
            everyone[-1].caching.part("c", "p", "fresh")

    assert [[f"{COUNT} 6.0"]] * 3 == [_counted(metrics) for metrics in everyone]


def test_a_successor_goes_on_counting(shared: None) -> None:
    """A process at the place of one that ended begins where that one stopped."""
    for place in (1, 0, 1):  # another place in between: the files are opened anew
        processes.become(place)
        Metrics("1.0").caching.part("c", "p", "fresh")

    assert [f"{COUNT} 3.0"] == _counted(Metrics("1.0"))


def test_what_lives_with_a_process_ends_with_it(shared: None) -> None:
    """A gauge of a process that ended is gone; its counts stay."""
    processes.become(1)
    metrics = Metrics("1.0")
    metrics.caching.part("c", "p", "fresh")
    processes.forget(1)

    assert "build_info{" not in metrics.exposition("")[0].decode()
    assert [f"{COUNT} 1.0"] == _counted(metrics)


def test_one_process_keeps_its_own() -> None:
    """Without several workers nothing is written anywhere, and nothing is added up."""
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    own = CollectorRegistry()
    processes.forget(0)

    assert own is processes.everywhere(own)


def test_what_all_places_have_answered_is_one_number(shared: None) -> None:
    """Requests and their seconds add up over processes, routes and statuses; so do its own."""
    processes.become(0)
    Metrics("1").serving.request("/a", "GET", 200, 0.25)
    processes.become(1)
    metrics = Metrics("1")
    metrics.serving.request("/b", "GET", 500, 0.5)

    assert Served(2.0, 0.75) == metrics.served()


def test_one_process_has_answered_what_it_has() -> None:
    """Without a folder it is this process' own count."""
    metrics = Metrics("1")
    assert Served(0.0, 0.0) == metrics.served()
    metrics.serving.request("/a", "GET", 200, 0.25)

    assert Served(1.0, 0.25) == metrics.served()
