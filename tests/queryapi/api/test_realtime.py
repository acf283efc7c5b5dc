"""`/api/v1/realtime` answers as its document says."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.processes import wait_for
from queryapi.errors import QueryRejected, UpstreamUnavailable
from queryapi.promql.transport import Reply
from tests.support.fake_prometheus import TOTALS, error, series
from tests.support.query_service import STATUS, TASKS, Service, body, running

_DOWN = UpstreamUnavailable("the connection to Prometheus failed", reason="refused")


@pytest.fixture(name="service")
def _service() -> Iterator[Service]:
    with running() as service:
        yield service


def test_status_tells_the_state_of_a_cluster(service: Service) -> None:
    """The bare status holds exactly the documented fields, read a second before now."""
    answer = service.get(STATUS)

    assert 200 == answer.status_code
    assert "application/json" == answer.content_type
    assert {
        "meta": {"code": 2000, "message": "OK"},
        "data": {
            "cluster": "c",
            "timestamp": "1970-01-01T00:16:35Z",
            "current_gpu_usage": {
                "total_gpus": 16,
                "allocated_gpus": 4,
                "utilized_gpus": 3,
                "allocation_rate": 25.0,
                "utilization_rate": 25.0,
            },
            "running_tasks": 1,
            "available_resources": {
                "available_gpus": 12,
                "available_nodes": 2,
                "max_contiguous_gpu": 8,
            },
        },
    } == answer.json


def test_running_tasks_tells_who_is_running(service: Service) -> None:
    """A task holds exactly the documented fields; it has run for as long as the answer is."""
    assert {
        "meta": {"code": 2000, "message": "OK"},
        "data": {
            "cluster": "c",
            "timestamp": "1970-01-01T00:16:35Z",
            "total_tasks": 1,
            "tasks": [
                {
                    "pod_uid": "u",
                    "pod_name": "p",
                    "namespace": "ml",
                    "workload_type": "Pod",
                    "workload_name": "p",
                    "node_name": "n",
                    "allocated_gpus": 4,
                    "running_time_seconds": 595,
                    "started_at": "1970-01-01T00:06:40Z",
                    "owner": "o",
                }
            ],
        },
    } == service.get(TASKS).json


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        ([], ""),
        ([], "&include=pods&include="),
        (["nodes"], "&include=nodes"),
        (["alerts", "nodes"], "&include=nodes&include=alerts"),
        (["alerts", "nodes", "recent_events"], "&include=Nodes,%20ALERTS&include=events,x"),
    ],
)
def test_lists_are_there_when_asked_for(service: Service, expected: list[str], query: str) -> None:
    """An included list is there even when empty; one that was not asked for has no key."""
    data = body(service.get(STATUS + query))["data"]
    lists = {"alerts", "nodes", "recent_events"} & data.keys()

    assert expected == sorted(lists)
    assert all(data[name] == [] for name in lists)


@pytest.mark.parametrize(
    ("expected", "query"),
    [(1, ""), (1, "&namespace="), (1, "&namespace=ml"), (0, "&namespace=none")],
)
def test_tasks_can_be_limited_to_a_namespace(service: Service, expected: int, query: str) -> None:
    """An unknown namespace has no tasks; that is an answer, not an error."""
    answer = service.get(TASKS + query)

    assert 200 == answer.status_code
    assert expected == body(answer)["data"]["total_tasks"] == len(body(answer)["data"]["tasks"])


def test_one_moment_is_read_once_for_everybody(service: Service) -> None:
    """Whoever asks for whatever, each part is asked of Prometheus once per window."""
    queries = [STATUS, STATUS + "&include=nodes", STATUS + "&include=nodes,alerts,events", TASKS]
    with ThreadPoolExecutor(16) as crowd:
        answers = list(crowd.map(service.get, queries * 8))

    assert {200} == {answer.status_code for answer in answers}
    assert ["alerts", "evaluation", "events", "nodes", "tasks", "totals"] == sorted(
        part for part, _ in service.prometheus.asked
    )


def test_raw_series_are_read_at_the_scrape_that_the_totals_come_from(service: Service) -> None:
    """Totals, nodes and alerts belong to one evaluation; tasks and events to its scrape."""
    service.get(STATUS + "&include=nodes,alerts,events")
    service.get(TASKS)
    times = dict(service.prometheus.asked)

    assert "1000.000" == times["evaluation"]
    assert {"995.500"} == {times[part] for part in ("totals", "nodes", "alerts")}
    assert {"990.250"} == {times[part] for part in ("tasks", "events")}


def test_bytes_are_made_once_per_window(service: Service) -> None:
    """The same question within a window gets the same bytes, whatever changes meanwhile."""
    first = service.get(STATUS).data
    service.prometheus.found["totals"] = []
    service.clock.now += 29

    assert first == service.get(STATUS).data
    assert 1 == service.prometheus.count("totals")


def test_an_answer_says_how_long_it_is_good(service: Service) -> None:
    """What is left of the window is max-age minus Age, as HTTP's caches reckon."""
    service.get(STATUS)
    service.clock.now += 12.5
    answer = service.get(STATUS)

    assert "private, max-age=30" == answer.headers["Cache-Control"]
    assert "12" == answer.headers["Age"]
    assert "Warning" not in answer.headers


def test_an_old_answer_stands_in_for_a_minute(service: Service) -> None:
    """While Prometheus is away the last answer is served, marked, until it is too old."""
    fresh = service.get(STATUS)
    service.prometheus.broken["totals"] = _DOWN
    service.clock.now += 40
    stale = service.get(STATUS)

    assert 200 == stale.status_code
    assert fresh.data == stale.data
    assert '110 - "Response is Stale"' == stale.headers["Warning"]
    assert "40" == stale.headers["Age"]

    service.clock.now += 21
    gone = service.get(STATUS)

    assert 503 == gone.status_code


def _known_until(service: Service, at: float) -> None:
    """Let the exporter have lost its API server at *at*."""
    state = series("cluster:gpu_state_timestamp_seconds:min", at, cluster="c")
    service.prometheus.found["totals"] = [*TOTALS, state]


def test_what_prometheus_has_of_old_is_told_as_old(service: Service) -> None:
    """Old data in a Prometheus that answers is marked stale and carries its own time."""
    _known_until(service, 930)
    answer = service.get(STATUS)

    assert 200 == answer.status_code
    assert '110 - "Response is Stale"' == answer.headers["Warning"]
    assert "70" == answer.headers["Age"]
    assert "1970-01-01T00:15:30Z" == body(answer)["data"]["timestamp"]


def test_what_prometheus_has_of_very_old_is_not_served(service: Service) -> None:
    """Beyond the limit the answer is 5003 that says how old and where to look, and it recovers."""
    _known_until(service, 800)
    refused = service.get(STATUS)
    service.prometheus.found["totals"] = TOTALS
    service.clock.now += 1

    assert 503 == refused.status_code
    assert "is 200 s old: are the exporters scraped" in body(refused)["meta"]["message"]
    assert 200 == service.get(STATUS).status_code


def test_rules_that_are_no_longer_evaluated_are_noticed(service: Service) -> None:
    """A Prometheus that came back after an outage is not believed before it has evaluated."""
    service.clock.now += 200

    assert 503 == service.get(STATUS).status_code


def test_an_old_answer_must_hold_everything_that_was_asked_for(service: Service) -> None:
    """An answer is never pieced together from two moments."""
    service.get(STATUS)
    service.prometheus.broken["nodes"] = _DOWN

    assert 503 == service.get(STATUS + "&include=nodes").status_code
    assert 200 == service.get(STATUS).status_code


def test_prometheus_away_is_said_with_a_time_to_try_again(service: Service) -> None:
    """Without anything to serve the answer is 5003, one attempt per second, and it recovers."""
    service.prometheus.broken["totals"] = _DOWN
    answers = [service.get(STATUS) for _ in range(5)]
    asked = service.prometheus.count("totals")

    assert {503} == {answer.status_code for answer in answers}
    assert "1" == answers[0].headers["Retry-After"]
    assert {
        "meta": {"code": 5003, "message": "the connection to Prometheus failed"},
        "data": None,
    } == answers[0].json

    service.prometheus.broken.clear()
    service.clock.now += 1

    assert 200 == service.get(STATUS).status_code
    assert asked + 1 == service.prometheus.count("totals")


def test_no_totals_is_not_zero(service: Service) -> None:
    """A Prometheus without our series gives 5003 that says what to look at, never zeros."""
    service.prometheus.found["totals"] = []
    answer = service.get(STATUS)

    assert 503 == answer.status_code
    assert "recording rules loaded" in body(answer)["meta"]["message"]


def test_utilisation_nobody_measures_is_null(service: Service) -> None:
    """Without utilisation series the two fields are null."""
    service.prometheus.found["totals"] = [
        found for found in TOTALS if "utiliz" not in found["metric"]["__name__"]
    ]
    usage = body(service.get(STATUS))["data"]["current_gpu_usage"]

    assert (None, None) == (usage["utilized_gpus"], usage["utilization_rate"])


def test_a_query_of_ours_that_is_wrong_is_an_internal_error(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """Prometheus' words about our query go to the log, not to the client."""
    service.prometheus.broken["totals"] = Reply(400, error("bad_data", "secret detail"))
    answer = service.get(STATUS)

    assert 500 == answer.status_code
    assert {
        "meta": {"code": 5000, "message": "Internal server error"},
        "data": None,
    } == answer.json
    assert "secret detail" in caplog.text
    assert QueryRejected.__name__ in caplog.text


@pytest.mark.parametrize("path", ["status", "running-tasks"])
@pytest.mark.parametrize("query", ["", "?cluster=", "?Cluster=c"])
def test_a_cluster_must_be_named(service: Service, path: str, query: str) -> None:
    """The error for a missing cluster is the document's, to the letter."""
    answer = service.get(f"/api/v1/realtime/{path}{query}")

    assert 400 == answer.status_code
    assert {
        "meta": {"code": 4000, "message": "Invalid parameter: cluster is required"},
        "data": None,
    } == answer.json


@pytest.mark.parametrize("path", ["status", "running-tasks"])
@pytest.mark.parametrize("name", ["d", 'c"} or up{', "%00", "C"])
def test_an_unknown_cluster_is_not_looked_for(service: Service, path: str, name: str) -> None:
    """A name that is not configured never reaches Prometheus."""
    answer = service.get(f"/api/v1/realtime/{path}?cluster={name}")

    assert 404 == answer.status_code
    assert {"meta": {"code": 4004, "message": "Cluster not found"}, "data": None} == answer.json
    assert [] == service.prometheus.asked


def test_clusters_do_not_mix() -> None:
    """Each cluster has windows of its own."""
    with running(clusters=("c", "d")) as service:
        names = [
            body(service.get(f"/api/v1/realtime/status?cluster={name}"))["data"]["cluster"]
            for name in ("c", "d", "c")
        ]

        assert ["c", "d", "c"] == names
        assert 2 == service.prometheus.count("totals")


def test_a_hung_prometheus_does_not_hold_clients_up() -> None:
    """Whoever waits gets an error in bounded time; the fetch goes on and serves the next one."""
    with running(patience=0.2) as service:
        service.prometheus.gate.clear()

        assert 503 == service.get(STATUS).status_code

        service.prometheus.gate.set()
        wait_for(
            lambda: service.get(STATUS).status_code == 200, seconds=10, what="the fetch's answer"
        )

        assert 1 == service.prometheus.count("totals")


def test_a_name_with_every_kind_of_character_is_answered(service: Service) -> None:
    """Names that Kubernetes would never allow still come through as JSON."""
    service.prometheus.found["nodes"] = [series("node:gpu_ready:min", 1, node='a"\n\u2028ü')]

    [node] = body(service.get(STATUS + "&include=nodes"))["data"]["nodes"]

    assert 'a"\n\u2028ü' == node["node_name"]
