"""`/api/v1/realtime` answers as its document says."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from demo.processes import wait_for
from queryapi.access.principal import Scope
from queryapi.errors import ClusterNotFound, InvalidParameter, QueryRejected, UpstreamUnavailable
from queryapi.outbound.transport import Reply
from queryapi.settings import Limits
from tests.support.fake_prometheus import STAMPS, TOTALS, error, series, vector
from tests.support.query_service import OPENED, STATUS, TASKS, Service, body, running
from tests.support.visits import visit_of

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
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(service.get, queries * 8))

    assert {200} == {answer.status_code for answer in answers}
    assert ["alerts", "evaluation", "events", "nodes", "stamps", "tasks", "totals"] == sorted(
        part for part, _ in service.prometheus.asked
    )


def test_raw_series_are_read_at_the_scrape_that_the_totals_come_from(service: Service) -> None:
    """Totals, nodes and alerts belong to one evaluation; tasks and events to its scrape."""
    service.get(STATUS + "&include=nodes,alerts,events")
    service.get(TASKS)
    times = dict(service.prometheus.asked)

    assert f"{OPENED:.3f}" == times["evaluation"]
    assert {"995.500"} == {times[part] for part in ("stamps", "totals", "nodes", "alerts")}
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
    service.clock.now += 40.5
    stale = service.get(STATUS)

    assert 200 == stale.status_code
    assert fresh.data == stale.data
    assert '110 - "Response is Stale"' == stale.headers["Warning"]
    assert "40" == stale.headers["Age"]

    service.clock.now += 19

    assert 200 == service.get(STATUS).status_code

    service.clock.now += 1
    gone = service.get(STATUS)

    assert (503, 5003) == (gone.status_code, body(gone)["meta"]["code"])


def _known_until(service: Service, at: float) -> None:
    """Let the exporter have lost its API server at *at*."""
    state = series("cluster:gpu_state_timestamp_seconds:min", at, cluster="c")
    service.prometheus.found["stamps"] = [*STAMPS, state]


def test_what_prometheus_has_of_old_is_told_as_old(service: Service) -> None:
    """Old data in a Prometheus that answers is marked stale and carries its own time."""
    _known_until(service, 930)
    answer = service.get(STATUS)

    assert 200 == answer.status_code
    assert '110 - "Response is Stale"' == answer.headers["Warning"]
    assert "84" == answer.headers["Age"]
    assert "1970-01-01T00:15:30Z" == body(answer)["data"]["timestamp"]


def test_what_prometheus_has_of_very_old_is_not_served(service: Service) -> None:
    """Beyond the limit the answer is 5003 that says how old and where to look, and it recovers."""
    _known_until(service, 800)
    refused = service.get(STATUS)
    service.prometheus.found["stamps"] = STAMPS
    service.clock.now += 1

    assert 503 == refused.status_code
    assert "is 215 s old: are the exporters scraped" in body(refused)["meta"]["message"]
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


@pytest.mark.parametrize(
    ("path", "parameter"),
    [("status", "cluster"), ("running-tasks", "cluster"), ("running-tasks", "namespace")],
)
def test_a_name_that_is_too_long_is_refused(service: Service, path: str, parameter: str) -> None:
    """Nothing is called by more than 253 characters; a longer name is not looked for."""
    others = "" if parameter == "cluster" else "&cluster=c"
    answers = [
        service.get(f"/api/v1/realtime/{path}?{parameter}={'x' * length}{others}")
        for length in (253, 254)
    ]

    assert 400 != answers[0].status_code
    assert {
        "meta": {
            "code": 4000,
            "message": f"Invalid parameter: {parameter} is longer than 253 characters",
        },
        "data": None,
    } == answers[1].json


@pytest.mark.parametrize("name", ["%00", "%ed%a0%80", "%ff", "ml%22%7d"])
def test_a_namespace_that_cannot_be_has_no_tasks(service: Service, name: str) -> None:
    """Whatever bytes are sent, the name is compared and goes no further."""
    answer = service.get(f"{TASKS}&namespace={name}")

    assert (200, 0) == (answer.status_code, body(answer)["data"]["total_tasks"])


def test_made_up_namespaces_push_no_answer_out() -> None:
    """More of them than there is room for answers: what others need is ready all the same."""
    with running(limits=Limits(per_minute=0)) as service:
        for path in (STATUS, f"{TASKS}&namespace=ml"):
            service.get(path)
        for number in range(1100):
            service.get(f"{TASKS}&namespace=made-up-{number}")
        for path in (STATUS, f"{TASKS}&namespace=ml"):
            service.get(path)
        counted = service.get("/metrics").text

    for route in ("status", "running-tasks"):
        labels = f'outcome="ready",route="/api/v1/realtime/{route}"'
        assert f"gpuscope_api_ready_answers_total{{{labels}}} 1.0" in counted


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
            lambda: service.get(STATUS).status_code == 200, seconds=60, what="the fetch's answer"
        )

        assert 1 == service.prometheus.count("totals")


def test_a_name_with_every_kind_of_character_is_answered(service: Service) -> None:
    """Names that Kubernetes would never allow still come through as JSON."""
    service.prometheus.found["nodes"] = [series("node:gpu_ready:min", 1, node='a"\n\u2028ü')]

    [node] = body(service.get(STATUS + "&include=nodes"))["data"]["nodes"]

    assert 'a"\n\u2028ü' == node["node_name"]


_OURS = Scope(namespaces=frozenset({"ml"}))


def test_a_hidden_cluster_is_not_found(service: Service) -> None:
    """To a caller who may not see it a cluster does not exist, and Prometheus is not asked."""
    hidden = service.get_as(Scope(clusters=frozenset({"d"})), STATUS)
    unknown = service.get(STATUS + "x")

    assert 404 == hidden.status_code
    assert unknown.data == hidden.data
    assert [] == service.prometheus.asked


def test_a_limited_caller_never_has_everybodys_totals_read(service: Service) -> None:
    """The status of some namespaces is read by questions that name them, or tell of hardware."""
    service.prometheus.found["holdings"] = [
        series("", 2, told="allocated"),
        series("", 1, told="running"),
        series("", 2, told="node", node="a"),
    ]
    service.prometheus.found["machines"] = [series("node:gpu_ready:min", 1, node="a")]
    data = body(service.get_as(_OURS, STATUS + "&include=nodes"))["data"]

    assert {
        "total_gpus": 16,
        "allocated_gpus": 2,
        "utilized_gpus": None,
        "allocation_rate": 12.5,
        "utilization_rate": None,
    } == data["current_gpu_usage"]
    assert (1, 12) == (data["running_tasks"], data["available_resources"]["available_gpus"])
    assert [2] == [node["allocated_gpus"] for node in data["nodes"]]
    assert ["evaluation", "hardware", "holdings", "machines", "stamps"] == sorted(
        part for part, _ in service.prometheus.asked
    )


def test_no_hardware_is_never_told_as_no_work(service: Service) -> None:
    """Without the exporter's totals a limited caller gets 5003, not zeros."""
    service.prometheus.found["hardware"] = []

    assert 503 == service.get_as(_OURS, STATUS).status_code


def test_a_partial_answer_says_so(service: Service) -> None:
    """Prometheus' warning reaches the caller as a header beside the answer."""
    service.prometheus.broken["totals"] = Reply(200, vector(*TOTALS, warnings=["a store is gone"]))
    answer = service.get(STATUS)

    assert 200 == answer.status_code
    assert answer.headers["Warning"].startswith('199 - "')


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("status", {"cluster": ["c"]}),
        ("status", {"cluster": ["c"], "include": ["Nodes", "alerts,x"]}),
        ("running-tasks", {"cluster": ["c"]}),
        ("running-tasks", {"cluster": ["c"], "namespace": ["ml"]}),
    ],
)
@pytest.mark.parametrize("scope", [Scope(), _OURS])
def test_a_ready_answer_is_the_routes_own(
    service: Service, path: str, query: dict[str, list[str]], scope: Scope
) -> None:
    """Once the route has answered, the same bytes are had without it for the rest of the window."""
    full, caller = f"/api/v1/realtime/{path}", visit_of(scope).principal
    ready = service.realtime.ready[full]

    assert None is ready(query, caller)
    assert [] == service.prometheus.asked

    told = service.get_as(scope, f"{full}?{urlencode(query, doseq=True)}")
    answer = ready(query, caller)

    assert answer is not None
    assert told.data == answer.prepared.body
    assert 0 == answer.freshness.age

    service.clock.now += 30

    assert None is ready(query, caller)


@pytest.mark.parametrize("path", ["status", "running-tasks"])
def test_a_ready_answer_is_refused_as_the_routes_is(service: Service, path: str) -> None:
    """Whoever asks wrongly learns it without waiting."""
    ready = service.realtime.ready[f"/api/v1/realtime/{path}"]
    caller = visit_of(Scope(clusters=frozenset())).principal

    with pytest.raises(InvalidParameter, match="cluster is required"):
        ready({}, caller)
    with pytest.raises(ClusterNotFound):
        ready({"cluster": ["c"]}, caller)
