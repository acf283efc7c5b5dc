"""Whoever asks which clusters there are learns what each is good for."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest

from queryapi.access.principal import Scope
from queryapi.errors import NoData, QueryRejected, UpstreamError
from queryapi.services.clusters import ClusterList, State
from queryapi.services.freshness import Freshness
from tests.support.fake_prometheus import Clock

CURRENT = Freshness(at=987.64, age=2, lifetime=30, stale=False)
OLD = Freshness(at=900, age=2, lifetime=30, stale=True)
CHECKED = "1970-01-01T00:16:40Z"

Read = Callable[[], Freshness]


@pytest.fixture(name="executor")
def _executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def listed(executor: ThreadPoolExecutor, reads: dict[str, Read]) -> ClusterList:
    """Return the list of clusters that *reads* read; `a` is the default."""
    return ClusterList(reads, "a", executor, clock=Clock(), monotonic=Clock())


def failing(error: UpstreamError) -> Read:
    """Return a reading that fails."""

    def read() -> Freshness:
        raise error

    return read


def test_a_cluster_is_as_good_as_what_would_be_told_of_it(executor: ThreadPoolExecutor) -> None:
    """Current data, old data, or the error that a client would get."""
    none = NoData("Prometheus has no totals")
    clusters = listed(executor, {"a": lambda: CURRENT, "b": lambda: OLD, "c": failing(none)})

    found = clusters.visible(Scope()).clusters

    assert [
        ("a", True, State.HEALTHY, "Prometheus answers with current data", 12.4),
        (
            "b",
            False,
            State.STALE,
            "Prometheus fails, or what it has is old: see data_age_seconds",
            100.0,
        ),
        ("c", False, State.UNHEALTHY, "Prometheus has no totals", None),
    ] == [(one.name, one.default, one.health, one.reason, one.data_age_seconds) for one in found]
    assert {CHECKED} == {one.checked_at for one in found}


def test_only_what_a_caller_may_see_is_listed_and_looked_at(executor: ThreadPoolExecutor) -> None:
    """Another cluster's name is not told, and nobody asks its Prometheus."""
    asked = []

    def other() -> Freshness:
        asked.append("a")
        return CURRENT

    clusters = listed(executor, {"a": other, "b": lambda: CURRENT})

    assert ["b"] == [item.name for item in clusters.visible(Scope(frozenset({"b", "x"}))).clusters]
    assert () == clusters.visible(Scope(frozenset())).clusters
    assert [] == asked


def test_our_own_mistake_is_not_shown(
    executor: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    """What Prometheus says of a query of ours goes to the log."""
    caplog.set_level(logging.ERROR)
    clusters = listed(executor, {"a": failing(QueryRejected("secret detail"))})
    [item] = clusters.visible(Scope()).clusters

    assert State.UNHEALTHY is item.health
    assert "secret" not in item.reason
    assert "secret detail" in caplog.text


def test_a_cluster_that_hangs_is_listed_all_the_same() -> None:
    """Nothing is known of it, and that is what is said."""
    clusters = ClusterList({"a": lambda: CURRENT}, "a", _Deaf(), clock=Clock())
    [item] = clusters.visible(Scope()).clusters

    assert (State.UNHEALTHY, "Prometheus was asked and has not answered so far", None, None) == (
        item.health,
        item.reason,
        item.checked_at,
        item.data_age_seconds,
    )


class _Deaf(Executor):
    """Begins nothing."""

    def submit(self, *_: object, **__: object) -> "Future[object]":  # type: ignore[override]
        """Promise an answer that never comes."""
        return Future()
