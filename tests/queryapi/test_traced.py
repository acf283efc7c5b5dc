"""A request to the whole service and the questions it asks are one trace."""

import logging
from collections.abc import Iterator

import pytest

from queryapi.settings import Traces
from tests.support.collector import Collector
from tests.support.query_service import STATUS, running

_CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def _levels_as_they_were() -> Iterator[None]:
    yield
    logging.getLogger("opentelemetry").setLevel(logging.NOTSET)


def test_a_request_and_the_questions_it_asks_are_one_trace() -> None:
    """The caller's trace goes on through the gate and the fetching threads to Prometheus."""
    with Collector() as collector:
        traces = Traces(endpoint=f"{collector.url}/v1/traces")
        with running(traces=traces) as service:
            service.http.get(STATUS, headers={"traceparent": _CALLER})
            service.http.get(STATUS, headers={"traceparent": _CALLER})
            sent = {headers["traceparent"][:35] for headers in service.prometheus.headers}

    first, second = (s for s in collector.spans if s.name == "GET /api/v1/realtime/status")
    questions = [s for s in collector.spans if s.parent == first.span_id]
    assert {_CALLER[3:35]} == {s.trace_id for s in collector.spans}
    assert (_CALLER[36:52], _CALLER[36:52]) == (first.parent, second.parent)
    assert 3 == len(questions)
    assert {_CALLER[:35]} == sent
    assert [] == [s for s in collector.spans if s.parent == second.span_id]
