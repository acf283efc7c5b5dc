"""How long pods waited: each once, and only what ended while we looked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.catalogue import QUEUE_WAIT, STARTUP
from exporter.cluster.events.waits import BOUNDS, Waits
from tests.support.life import PodLife

NEW = PodLife("p", created=100.0)
BOUND = replace(NEW, node="n1", scheduled=107.0)
TAKEN = replace(BOUND, started=108.0)
RUNNING = replace(BOUND, phase="Running", started=137.0)
SUCCEEDED = replace(RUNNING, phase="Succeeded", finished=200.0)
REFUSED = replace(TAKEN, phase="Failed", finished=109.0)


def seen(came: PodLife, *later: PodLife, news: bool = True) -> tuple[list[str], list[str]]:
    """Return what was measured of a pod: sums and counts of its wait for a node and its start."""
    waits = Waits()
    waits.pod_came(came, news=news)
    for version in later:
        waits.pod_changed(version)
    return (
        waits.queue.lines(QUEUE_WAIT).splitlines()[-2:],
        waits.startup.lines(STARTUP).splitlines()[-2:],
    )


def waited(node: float | None = None, start: float | None = None) -> tuple[list[str], list[str]]:
    """Return what is measured when a pod waited so long, in seconds; None: not measured."""
    return (
        [
            f"gpu_pod_queue_wait_seconds_count {int(node is not None)}",
            f"gpu_pod_queue_wait_seconds_sum {node or 0:g}",
        ],
        [
            f"gpu_pod_startup_seconds_count {int(start is not None)}",
            f"gpu_pod_startup_seconds_sum {start or 0:g}",
        ],
    )


def test_a_pod_from_its_beginning() -> None:
    """It waits from its creation until a node is chosen, and from then until it runs."""
    assert waited() == seen(NEW)
    assert waited(7) == seen(NEW, BOUND)
    assert waited(7) == seen(NEW, BOUND, TAKEN)
    assert waited(7, 30) == seen(NEW, BOUND, TAKEN, RUNNING)


def test_each_pod_once() -> None:
    """Restarts, and versions told again, measure nothing anew."""
    again = replace(RUNNING, started=500.0)

    assert waited(7, 30) == seen(NEW, BOUND, BOUND, RUNNING, again, TAKEN, RUNNING, SUCCEEDED)


@pytest.mark.parametrize("first", [RUNNING, SUCCEEDED])
def test_a_pod_that_came_while_we_were_cut_off(first: PodLife) -> None:
    """Its whole way is measured as soon as it is heard of."""
    assert waited(7, 30) == seen(first)


@pytest.mark.parametrize("first", [RUNNING, SUCCEEDED, REFUSED])
def test_what_had_ended_before_we_looked(first: PodLife) -> None:
    """The first list measures nothing, nor does what becomes later of a pod that ran."""
    assert waited() == seen(first, SUCCEEDED, news=False)


def test_what_the_first_list_finds_waiting() -> None:
    """A wait that ends under our eyes counts, however long ago it began."""
    assert waited(7, 30) == seen(NEW, BOUND, RUNNING, news=False)
    assert waited(None, 30) == seen(BOUND, RUNNING, news=False)


def test_a_pod_that_never_ran() -> None:
    """One that was turned away did not start."""
    assert waited(7) == seen(NEW, BOUND, REFUSED, SUCCEEDED)


def test_clocks_that_differ() -> None:
    """A machine whose clock is behind makes no negative wait."""
    late = replace(BOUND, scheduled=99.0)

    assert waited(0, 0) == seen(NEW, late, replace(late, phase="Running", started=98.0))


def test_times_that_nobody_tells() -> None:
    """A static pod, which no scheduler places, waits for nothing."""
    static = replace(RUNNING, scheduled=None)

    assert waited() == seen(replace(NEW, node="n1"), static)
    assert waited() == seen(static)
    assert waited(None, 30) == seen(replace(RUNNING, created=None))


def test_nothing_is_kept_of_pods_that_are_gone() -> None:
    """However many pods come and go, memory stays."""
    waits = Waits()
    for number in range(100):
        waits.pod_came(replace(NEW, uid=f"u{number}"), news=True)
        waits.pod_went(f"u{number}")
    waits.pod_came(RUNNING, news=True)

    assert {} == waits._awaited


def test_the_buckets_reach_from_a_second_to_a_day() -> None:
    """Both an idle cluster and a queue of many hours can be told apart."""
    assert (1.0, 86400.0) == (BOUNDS[0], BOUNDS[-1])


@given(st.lists(st.sampled_from([NEW, BOUND, TAKEN, RUNNING, SUCCEEDED, REFUSED])), st.booleans())
def test_never_more_than_once(versions: list[PodLife], news: bool) -> None:  # noqa: FBT001 - drawn
    """In whatever order versions come, each wait is measured once at most."""
    node, start = seen(NEW, *versions, news=news)

    assert node in (waited()[0], waited(7)[0])
    assert start in (waited()[1], waited(None, 30)[1])
