"""Scheduler monitoring answers as its document says."""

from collections.abc import Iterator
from typing import Any

import pytest

from queryapi.access.principal import Scope
from queryapi.errors import UpstreamUnavailable
from queryapi.settings import Monitoring
from tests.support import scheduling_series as told
from tests.support.fake_prometheus import SCRAPED_AT
from tests.support.query_service import Service, body, running
from tests.support.scheduling_series import NODE, UID

WORKERS, OPERATIONS = "/api/v1/workers", "/api/v1/operations"
STATUS, METRICS = "/api/v1/scheduler/status", "/api/v1/scheduler/metrics"
HEALTH = "/api/v1/system/health"
READS = (WORKERS, OPERATIONS, STATUS, METRICS)
_DOWN = UpstreamUnavailable("the connection to Prometheus failed", reason="refused")


@pytest.fixture(name="service")
def _service() -> Iterator[Service]:
    with running() as service:
        yield service


@pytest.fixture(name="busy")
def _busy(service: Service) -> Service:
    """The service of a cluster with something of everything."""
    found = service.prometheus.found
    found["workers"] = [
        told.node("b"),
        told.node("a"),
        told.node("c", ready=False),
        told.node("d"),
        told.told("gpu_node_cordoned", 1, node="d"),
    ]
    found["completions"] = [told.told("", 7, node="a")]
    found["pods"] = [
        *told.pod("queued", "Pending"),
        *told.pod("checking", "Pending", "a"),
        *told.pod("running", "Running", "a"),
        *told.pod("done", "Succeeded", "a"),
    ]
    found["gonepods"] = told.pod("gone", "Failed")
    names = {"queued": "q", "checking": "again", "running": "r", "done": "again"}
    found["podtexts"] = [told.texts(uid, "ml", name) for uid, name in names.items()]
    found["gonetexts"] = [told.texts("gone", "other", "g", node="b")]
    found["podnumbers"] = [
        *(told.created(uid, at) for at, uid in enumerate(("done", "queued", "running"))),
        told.created("checking", 9),
    ]
    found["gonenumbers"] = [told.created("gone", 8), told.told("gpu_pod_priority", -5, uid="gone")]
    return service


def ids(found: Any) -> list[str]:
    """Return the ids of a list."""
    return [one.get("operation_id") or one["id"] for one in found]


def test_a_worker_is_a_node(service: Service) -> None:
    """Exactly the documented fields: properties are texts, times whole seconds."""
    worker = {
        "id": NODE,
        "platform_properties": {
            "cpu_count": "7",
            "memory_kb": "16384",
            "cpu_arch": "x86_64",
            "OSFamily": "Linux",
            "gpu_model": "H100",
        },
        "last_update_timestamp": 990,
        "is_paused": False,
        "is_draining": False,
        "can_accept_work": True,
        "running_operations": [UID],
        "connected_timestamp": 100,
        "actions_completed": 42,
    }
    answer = service.get(WORKERS)

    assert (200, "application/json") == (answer.status_code, answer.content_type)
    assert [worker] == body(answer)
    assert worker == body(service.get(f"{WORKERS}/{NODE}"))


def test_an_operation_is_a_pod(service: Service) -> None:
    """Exactly the documented fields, by either of its ids."""
    operation = {
        "operation_id": UID,
        "client_operation_id": "ml-team:training-job-1",
        "stage": "Executing",
        "worker_id": NODE,
        "action_digest": "sha256:a",
        "command_digest": "sha256:b",
        "input_root_digest": "sha256:c",
        "priority": 0,
        "timeout": 3600,
        "platform_properties": {
            "cpu_count": "4",
            "memory_kb": "8192",
            "gpu_count": "4",
            "gpu_model": "H100",
        },
        "load_timestamp": 400,
        "insert_timestamp": 400,
        "is_finished": False,
    }

    assert [operation] == body(service.get(OPERATIONS))
    for id_ in (UID, "ml-team:training-job-1", "ml-team%3Atraining-job-1"):
        assert operation == body(service.get(f"{OPERATIONS}/{id_}"))


def test_numbers_add_up(busy: Service) -> None:
    """Status and metrics tell the lengths of the lists."""
    assert {
        "total_workers": 4,
        "active_workers": 2,
        "paused_workers": 1,
        "draining_workers": 1,
        "total_operations": 5,
        "queued_operations": 1,
        "executing_operations": 2,
        "completed_operations": 2,
        "uptime_seconds": 0,
    } == body(busy.get(STATUS))
    assert {
        "workers": {"total": 4, "active": 2, "paused": 1, "draining": 1},
        "operations": {"total": 5, "queued": 1, "executing": 2, "completed": 2},
        "uptime_seconds": 0,
    } == body(busy.get(METRICS))
    assert ["a", "b", "c", "d"] == ids(body(busy.get(WORKERS)))
    assert ["checking", "running"] == body(busy.get(f"{WORKERS}/a"))["running_operations"]


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        (["checking", "running", "queued", "gone", "done"], ""),
        (["queued"], "?stage=queued"),
        (["queued"], "?stage=QUEUED&stage=none"),
        (["checking"], "?stage=Cache_Check"),
        (["running"], "?stage=executing"),
        (["gone", "done"], "?stage=completed"),
        (["checking", "running", "done"], "?worker_id=a"),
        (["gone"], "?worker_id=b&stage=completed"),
        ([], "?worker_id=A"),
        ([], "?worker_id="),
        ([], "?worker_id=nobody"),
        ([], "?limit=0"),
        (["checking", "running"], "?limit=2"),
        (["checking", "running"], "?limit=0002&unknown=x"),
        (["checking", "running", "queued", "gone", "done"], f"?limit={'9' * 5000}"),
        (["checking"], "?worker_id=a&limit=1&cluster=c"),
    ],
)
def test_operations_can_be_chosen(busy: Service, expected: list[str], query: str) -> None:
    """By stage in any case, by exact worker, by number; the first value of each counts."""
    for _ in range(2):
        answer = busy.get(OPERATIONS + query)

        assert 200 == answer.status_code
        assert expected == ids(body(answer))


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        ("Invalid stage", "?stage=unknown"),
        ("Invalid stage", "?stage="),
        ("Invalid stage", "?stage=cache-check"),
        ("Invalid limit", "?limit="),
        ("Invalid limit", "?limit=-1"),
        ("Invalid limit", "?limit=1.5"),
        ("Invalid limit", "?limit=%2B1"),
        ("Invalid limit", "?limit=%D9%A3"),
        ("Invalid limit", "?limit=all"),
        ("Invalid parameter: worker_id is longer", f"?worker_id={'x' * 254}"),
        ("Invalid parameter: cluster is longer", f"?cluster={'x' * 254}"),
    ],
)
def test_what_cannot_be_meant_is_refused(service: Service, expected: str, query: str) -> None:
    """Rather than answered as if it had not been said."""
    answer = service.get(OPERATIONS + query)

    assert 400 == answer.status_code
    assert body(answer)["error"].startswith(expected)


@pytest.mark.parametrize("path", [*READS, HEALTH, f"{WORKERS}/a", f"{OPERATIONS}/a"])
def test_an_unknown_cluster_is_not_found(service: Service, path: str) -> None:
    """Nor is one that the caller may not see."""
    assert {"error": "Cluster not found"} == body(service.get(f"{path}?cluster=other"))
    hidden = service.get_as(Scope(clusters=frozenset({"other"})), path)

    assert (404, {"error": "Cluster not found"}) == (hidden.status_code, body(hidden))


def test_of_several_pods_of_one_name_the_newest_is_meant(busy: Service) -> None:
    """The others have their UIDs."""
    assert "checking" == body(busy.get(f"{OPERATIONS}/ml:again"))["operation_id"]
    assert "done" == body(busy.get(f"{OPERATIONS}/done"))["operation_id"]


@pytest.mark.parametrize("path", [*READS, HEALTH, f"{WORKERS}/{NODE}", f"{OPERATIONS}/{UID}"])
def test_head_is_get_without_a_body(service: Service, path: str) -> None:
    """The same headers; other methods are refused with what there is."""
    got, head = service.get(path), service.http.head(path)
    posted = service.http.post(path)

    assert (200, b"") == (head.status_code, head.data)
    assert got.headers["Content-Length"] == head.headers["Content-Length"]
    assert (405, "GET, HEAD, OPTIONS") == (posted.status_code, posted.headers["Allow"])
    assert {"error": "Method not allowed"} == body(posted)


@pytest.mark.parametrize("path", [*READS, f"{WORKERS}/a", f"{OPERATIONS}/a"])
def test_without_prometheus_there_is_an_error(service: Service, path: str) -> None:
    """In the document's form; nothing is taken to be zero."""
    service.prometheus.broken["scrape"] = _DOWN
    answer = service.get(path)

    assert (503, "1") == (answer.status_code, answer.headers["Retry-After"])
    assert {"error": "the connection to Prometheus failed"} == body(answer)


def test_everything_is_read_at_one_scrape_and_once(busy: Service) -> None:
    """Whoever asks for whatever: each part once per window, at the moment of the scrape."""
    for path in (*READS, f"{WORKERS}/a", f"{OPERATIONS}/done", *READS):
        assert 200 == busy.get(path).status_code
    asked = busy.prometheus.asked

    assert sorted({part for part, _ in asked}) == sorted(part for part, _ in asked)
    assert {f"{SCRAPED_AT:.3f}"} == {at for part, at in asked if part != "scrape"}


def test_numbers_need_no_details(busy: Service) -> None:
    """Who polls the status costs Prometheus three questions."""
    busy.get(STATUS)

    assert ["gonepods", "pods", "scrape", "workers"] == sorted(
        part for part, _ in busy.prometheus.asked
    )


def test_an_operation_that_ended_is_listed_as_long_as_configured() -> None:
    """The setting is the range that is asked for; zero asks for nothing."""
    for seconds, gone, expected in ((0, "one", 0), (90.5, "one", 3), (90.5, "", 1)):
        with running(monitoring=Monitoring(completed_for=seconds)) as service:
            service.prometheus.found["gonepods"] = told.pod(gone, "Failed") if gone else []
            service.get(OPERATIONS)
            asked = [query for query in service.prometheus.queries if "last_over_time" in query]

            assert expected == len(asked)
            assert all("[91s]" in query for query in asked)


def test_only_pods_that_are_gone_are_looked_up_in_the_past(busy: Service) -> None:
    """What they were is asked by name: going through everybody's past would cost far more."""
    busy.get(OPERATIONS)
    about = [query for query in busy.prometheus.queries if "last_over_time(gpu_pod_info" in query]

    assert 1 == len(about)
    assert 'uid=~"gone"' in about[0]


def test_a_limited_caller_sees_all_workers_and_their_own_operations(busy: Service) -> None:
    """What ended on a node is counted of their work, and everybody's is not even asked for."""
    scope = Scope(namespaces=frozenset({"ml"}))
    workers = body(busy.get_as(scope, WORKERS))
    for path in (OPERATIONS, STATUS, METRICS, f"{OPERATIONS}/done"):
        assert 200 == busy.get_as(scope, path).status_code
    prometheus = busy.prometheus
    of_pods = [query for query in prometheus.queries if "gpu_pod_" in query]

    assert [1, 1, 0, 0] == [worker["actions_completed"] for worker in workers]
    assert 0 == prometheus.count("completions")
    assert of_pods
    assert all(query.count('namespace=~"ml"') == query.count('cluster="c"') for query in of_pods)
