"""Nobody waits for the next window as long as what the last one tells is fresh."""

from collections.abc import Iterator

import pytest

from demo.processes import wait_for
from queryapi.outbound.transport import Reply
from tests.support.query_service import STATUS, Service, body, running

LASTS = 24
"""Of 30 s for which an answer is fresh, so many pass before the next one is read."""
_DOWN = Reply(503, b"down")


@pytest.fixture(name="service")
def _service() -> Iterator[Service]:
    with running() as service:
        yield service


def _is_new(service: Service) -> bool:
    return service.get(STATUS).headers["Age"] == "1"


def test_the_last_answer_is_told_while_the_next_is_read(service: Service) -> None:
    """However long Prometheus takes, nobody waits and nothing is stale; then the next is told."""
    first = service.get(STATUS)
    service.prometheus.gate.clear()
    service.clock.now += LASTS + 1.5
    meanwhile = service.get(STATUS)

    assert (200, first.data) == (meanwhile.status_code, meanwhile.data)
    assert ("25", None) == (meanwhile.headers["Age"], meanwhile.headers.get("Warning"))

    service.prometheus.gate.set()
    wait_for(lambda: _is_new(service), seconds=60, what="the next answer")


def test_it_is_read_once_for_however_many_ask(service: Service) -> None:
    """A crowd sends the queries of one."""
    service.get(STATUS)
    alone = len(service.prometheus.asked)
    service.prometheus.gate.clear()
    service.clock.now += LASTS + 1.5
    for _ in range(20):
        assert 200 == service.get(STATUS).status_code
    service.prometheus.gate.set()
    wait_for(lambda: _is_new(service), seconds=60, what="the next answer")

    assert 2 * alone == len(service.prometheus.asked)


def test_nothing_is_read_that_nobody_asks_for(service: Service) -> None:
    """Without readers Prometheus is left alone."""
    service.get(STATUS)
    asked = len(service.prometheus.asked)
    service.clock.now += 10 * LASTS

    assert asked == len(service.prometheus.asked)


def test_what_fails_behind_the_readers_is_told_when_it_matters(service: Service) -> None:
    """Fresh until its time is over, then marked as stale, then refused with the reason."""
    service.get(STATUS)
    service.prometheus.broken["stamps"] = _DOWN
    answers = []
    for seconds in (25, 4, 2, 40):
        service.clock.now += seconds
        answers.append(service.get(STATUS))

    assert [(200, False), (200, False), (200, True), (503, False)] == [
        (answer.status_code, "Warning" in answer.headers) for answer in answers
    ]
    assert 5003 == body(answers[-1])["meta"]["code"]


def test_it_recovers_behind_the_readers(service: Service) -> None:
    """A window that could not be read is tried again while the last one is still fresh."""
    service.get(STATUS)
    service.prometheus.broken["stamps"] = _DOWN
    service.clock.now += LASTS + 1.5
    service.get(STATUS)
    wait_for(lambda: service.prometheus.count("stamps") > 1, seconds=60, what="a failure")
    service.prometheus.broken.clear()
    service.clock.now += 2

    wait_for(lambda: int(service.get(STATUS).headers["Age"]) < LASTS, seconds=60, what="recovery")
