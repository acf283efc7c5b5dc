"""Only so many readers wait, and each only so long."""

import threading
import time
from concurrent.futures import Future

import pytest

from queryapi.cache.bulkhead import Bulkhead, Patience, Seats
from queryapi.errors import UpstreamUnavailable


def done() -> Future[str]:
    """Return a future that needs no waiting."""
    future: Future[str] = Future()
    future.set_result("value")
    return future


def test_who_needs_not_wait_needs_no_seat() -> None:
    """What is there already is had even when nobody may wait."""
    with Patience(Bulkhead(0), 0) as patience:
        assert "value" == patience.await_(done())


def test_who_comes_after_the_last_seat_does_not_wait() -> None:
    """They are told so at once; a seat is free again when its reader has left."""
    bulkhead = Bulkhead(1)
    with Patience(bulkhead, 0) as first:
        for _ in range(2):
            with pytest.raises(UpstreamUnavailable) as late:
                first.await_(Future[str]())
            assert "timeout" == late.value.reason
        with Patience(bulkhead, 60) as second, pytest.raises(UpstreamUnavailable) as busy:
            second.await_(Future[str]())
        assert "busy" == busy.value.reason
    with Patience(bulkhead, 0) as third, pytest.raises(UpstreamUnavailable) as late:
        third.await_(Future[str]())

    assert "timeout" == late.value.reason


def test_who_stands_gets_the_seat_that_is_left() -> None:
    """A short wait for the first answer is better than an error."""
    bulkhead, answer = Bulkhead(1), Future[str]()
    bulkhead.take()
    threading.Timer(0.02, bulkhead.give_back).start()
    threading.Timer(0.04, answer.set_result, ("value",)).start()

    with Patience(bulkhead, 60, standing=30) as patience:
        assert "value" == patience.await_(answer)


def test_a_crowd_stands_for_so_long_together() -> None:
    """Whoever comes later stands only for the rest: no line of standers holds up everybody else."""
    seats = Seats(1)

    assert seats.take()
    assert not seats.take(standing=0.05)
    begun = time.monotonic()
    for _ in range(1000):
        assert not seats.take(standing=0.05)

    # One after another they would have stood for 50 s.
    assert time.monotonic() - begun < 10


def test_clusters_that_hang_together_leave_room() -> None:
    """Readers of all clusters share a number of seats, and leave both when they leave."""
    house = Seats(2)
    clusters = [Bulkhead(2, house) for _ in range(3)]
    clusters[0].take()
    clusters[1].take()

    for cluster in clusters:
        with pytest.raises(UpstreamUnavailable, match="wait for a Prometheus already") as busy:
            cluster.take()
        assert "busy" == busy.value.reason

    clusters[0].give_back()
    clusters[2].take()
    assert house.full
    assert not clusters[0].full
