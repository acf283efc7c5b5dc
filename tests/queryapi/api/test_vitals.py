"""`/api/v1/real-time-metrics` answers as its document says, from the newest look."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from demo.processes import wait_for
from queryapi.access.principal import Scope
from queryapi.services.vitals.model import Finding, Status
from queryapi.settings import Auth, RealTimeMetrics, Role
from tests.support.access import issue
from tests.support.api_process import api
from tests.support.fake_prometheus import series
from tests.support.prometheus import Prometheus
from tests.support.query_service import OPENED, VITALS, Service, body, running
from tests.support.redis import redis_server
from tests.support.vitals import ZEROS

DOWN = Finding(service="b", status=Status.TIMEOUT, error="did not answer in time")


@pytest.fixture(name="service")
def _service() -> Iterator[Service]:
    with running() as service:
        yield service


def failed(answer: TestResponse) -> Any:
    """Return the words of an answer of zeros, after holding it to be one."""
    told = body(answer)
    words = told.pop("error")
    assert told.pop("timestamp").endswith("Z")
    assert ZEROS == told
    assert 200 == answer.status_code
    return words


def test_the_answer_has_what_the_documents_client_reads(service: Service) -> None:
    """The document's own test of a success, and its headers."""
    answer = service.get(VITALS)
    data = body(answer)

    assert 200 == answer.status_code
    assert "application/json" == answer.content_type
    assert "events_per_second" in data
    assert "api_calls_active" in data
    assert "health_summary" in data
    assert data["timestamp"] is not None
    assert ("private, max-age=5", "0") == (
        answer.headers["Cache-Control"],
        answer.headers["Age"],
    )


def test_one_service_down_is_told_and_the_others_stay(service: Service) -> None:
    """The document's own test of a partial failure."""
    service.examiner.findings = (DOWN, *service.examiner.findings)
    data = body(service.get(VITALS))

    assert data["error_apis"] > 0 or data["inactive_apis"] > 0
    assert ["a", "b"] == [one["service"] for one in data["api_metrics"]]
    assert "did not answer in time" == data["api_metrics"][1]["error_message"]


def test_all_services_down_are_zeros_and_still_200(service: Service) -> None:
    """With an error that says so, and each of them listed."""
    service.examiner.findings = (DOWN,)
    service.examiner.events = None
    data = body(service.get(VITALS))

    assert "None of the services could be asked" == data["error"]
    assert (0, 0, 1) == (data["events_per_second"], data["api_calls_active"], data["total_apis"])
    assert ["b"] == [one["service"] for one in data["api_metrics"]]


def test_an_answer_that_is_there_needs_no_look_and_no_flask(service: Service) -> None:
    """By the gate alone; who has it already is not sent it again."""
    first = service.get(VITALS)
    service.clock.now = OPENED + 2.5
    again = service.get(VITALS)
    known = service.http.get(VITALS, headers={"If-None-Match": first.headers["ETag"]})

    assert first.data == again.data
    assert "2" == again.headers["Age"]
    assert (304, b"") == (known.status_code, known.data)
    assert 1 == len(service.examiner.looks)
    told = service.get("/metrics").text
    assert f'gpuscope_api_ready_answers_total{{outcome="ready",route="{VITALS}"}} 2.0' in told
    assert f'gpuscope_api_ready_answers_total{{outcome="miss",route="{VITALS}"}} 1.0' in told


def test_head_a_slash_and_other_methods_are_as_everywhere(service: Service) -> None:
    """HEAD has no body, a slash does not matter, 405 says what is allowed, in this API's words."""
    whole = service.get(VITALS)
    head = service.http.head(VITALS)
    refused = service.http.post(VITALS)

    assert whole.data == service.get(f"{VITALS}/").data
    assert (200, b"", whole.headers["Content-Length"]) == (
        head.status_code,
        head.data,
        head.headers["Content-Length"],
    )
    assert (405, {"error": "Method not allowed"}) == (refused.status_code, body(refused))
    assert "GET, HEAD, OPTIONS" == refused.headers["Allow"]
    assert (404, {"error": "Not found"}) == (
        service.get(f"{VITALS}/x").status_code,
        body(service.get(f"{VITALS}/x")),
    )


def test_a_failure_of_ours_is_zeros_and_says_no_more_than_it_must() -> None:
    """A look that is a defect of ours; the status is the document's, 200."""
    with running(real_time_metrics=RealTimeMetrics(deadline=0.05)) as service:
        service.examiner.broken = ZeroDivisionError("the inside of things")
        answer = service.get(VITALS)

    assert "The services could not be looked at in time" == failed(answer)
    assert ("0", "no-store") == (answer.headers["Age"], answer.headers["Cache-Control"])


def test_a_look_that_hangs_is_zeros_in_time_and_then_at_once() -> None:
    """Nobody waits for it twice; once there was one, it is served marked as old."""
    with running(real_time_metrics=RealTimeMetrics(deadline=0.05)) as service:
        service.examiner.gate.clear()
        first = service.get(VITALS)
        time.sleep(0.35)
        others = [service.get(VITALS) for _ in range(20)]
        service.examiner.gate.set()
        wait_for(lambda: "error" not in body(service.get(VITALS)), seconds=60, what="a look")
        service.clock.now += 7
        service.examiner.gate.clear()
        old = service.get(VITALS)

    assert {"The services could not be looked at in time"} == {
        failed(one) for one in (first, *others)
    }
    assert ("7", '110 - "Response is Stale"') == (old.headers["Age"], old.headers["Warning"])
    assert "1970-01-01T00:16:52.608Z" != body(old)["timestamp"]


def test_max_age_asks_for_a_fresher_look(service: Service) -> None:
    """One that is fresh enough is given; else a new one is waited for."""
    first = body(service.get(VITALS))
    service.clock.now += 1.5

    assert first == body(service.get(f"{VITALS}?max_age=2"))
    assert first != body(service.get(f"{VITALS}?max_age=1"))
    assert 2 == len(service.examiner.looks)


@pytest.mark.parametrize("value", ["-1", "x", "nan", "1e3", "10000", "1.2345", " 1", "\u0661"])
def test_a_max_age_that_is_no_number_of_seconds_is_refused(service: Service, value: str) -> None:
    """With a sentence, and nobody looks for it."""
    answer = service.http.get(VITALS, query_string={"max_age": value})

    assert 400 == answer.status_code
    assert {
        "error": "Invalid parameter: max_age must be a number of seconds from 0 to 9999.999"
    } == body(answer)
    assert [] == service.examiner.looks


def test_compare_adds_the_numbers_of_a_period_before(service: Service) -> None:
    """And where they went; without it there is nothing of the kind."""
    told = {"now mean": 12, "now samples": 20, "before mean": 10, "before samples": 20}
    service.prometheus.found["compared"] = [
        series("", value, gpuscope_told=what) for what, value in told.items()
    ]
    metrics = body(service.get(f"{VITALS}?compare=1h"))

    assert ("1h", {"events_per_second": 10}, {"events_per_second": "↑"}) == (
        metrics["compare"],
        metrics["previous"],
        metrics["trend"],
    )
    assert {"compare", "previous", "trend"} == metrics.keys() - body(service.get(VITALS)).keys()


def test_the_websockets_path_says_where_websockets_are(service: Service) -> None:
    """In this API's words and with the header that HTTP wants, naming no address."""
    answer = service.get(f"{VITALS}/ws?interval=5")

    assert (426, "websocket") == (answer.status_code, answer.headers["Upgrade"])
    assert {
        "error": "This is a WebSocket: they are served at the address of the setting stream_listen"
    } == body(answer)
    assert 404 == service.get(f"{VITALS}/wss").status_code


def test_fifty_first_callers_share_one_look(service: Service) -> None:
    """All of them are answered by it."""
    service.examiner.gate.clear()
    with ThreadPoolExecutor(50) as callers:
        asked = [callers.submit(service.get, VITALS) for _ in range(50)]
        wait_for(lambda: len(service.examiner.looks) == 1, seconds=60, what="the look")
        service.examiner.gate.set()
        answers = {one.result(timeout=30).data for one in asked}

    assert 1 == len(answers)
    assert 1 == len(service.examiner.looks)


def test_a_caller_of_one_cluster_is_told_of_that_one(service: Service) -> None:
    """Ready or not; what is kept of others is not theirs."""
    hidden = Finding(service="hidden", status=Status.HEALTHY, cluster="other")
    service.examiner.findings = (*service.examiner.findings, hidden)
    ours = Scope(frozenset({"c"}))
    everybody = body(service.get(VITALS))
    told = [body(service.get_as(ours, VITALS)) for _ in range(2)]

    assert 2 == everybody["total_apis"]
    assert [["a"], ["a"]] == [[one["service"] for one in t["api_metrics"]] for t in told]


def test_a_token_of_one_cluster_passes_the_gate_to_that_one(tmp_path: Path) -> None:
    """A wrong one is refused with its real status, in this API's words."""
    path = tmp_path / "tokens.json"
    token = issue(path, Role.VIEWER, clusters=("d",))
    with running(clusters=("c", "d"), auth=Auth(tokens_file=str(path))) as service:
        service.examiner.findings = (
            Finding(service="of-c", status=Status.HEALTHY, cluster="c"),
            Finding(service="of-d", status=Status.HEALTHY, cluster="d"),
        )
        headers = {"Authorization": f"Bearer {token}"}
        told = [body(service.http.get(VITALS, headers=headers)) for _ in range(2)]
        refused = service.get(VITALS)

    assert [["of-d"], ["of-d"]] == [[one["service"] for one in t["api_metrics"]] for t in told]
    assert [0, 0] == [t["events_per_second"] for t in told]
    assert 401 == refused.status_code
    assert {"error"} == body(refused).keys()


@pytest.mark.e2e
def test_a_real_service_answers_as_the_documents_clients_ask(
    fleet: Prometheus, tmp_path: Path
) -> None:
    """Over HTTP, from a real Prometheus: one object, in it what is not there, named."""
    services = [
        {"name": "exporter", "job": "fleet", "numbers": {"events_per_minute": "sum(up) * 60"}},
        {"name": "gone", "job": "gone"},
    ]
    with api(tmp_path, fleet.url, {"services": services}) as service:
        answer = service.get(VITALS)
        compared = service.get(VITALS, compare="1h")
        data = answer.json()

    assert (200, 200) == (answer.status_code, compared.status_code)
    assert "1h" == compared.json()["compare"]
    assert data["total_apis"] == len(data["api_metrics"])
    assert data["error_apis"] > 0 or data["inactive_apis"] > 0
    [gone] = [one for one in data["api_metrics"] if one["service"] == "gone"]
    assert ("not_configured", True) == (gone["status"], gone["is_fallback"])
    assert data["timestamp"].endswith("Z")


def test_processes_that_share_a_redis_look_once(tmp_path: Path) -> None:
    """Each answers the same, whichever of them looked."""
    with (
        redis_server(tmp_path) as redis,
        running(redis_url=redis.url) as ours,
        running(redis_url=redis.url) as theirs,
    ):
        told = {service.get(VITALS).data for service in (ours, theirs)}

        assert 1 == len(told)
        assert 1 == len(ours.examiner.looks) + len(theirs.examiner.looks)
