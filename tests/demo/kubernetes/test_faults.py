"""Planned misbehaviour, in-process and over the control endpoint."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import urllib3

from demo.kubernetes.faults import Fault, Faults
from tests.support.apiclient import get, watch
from tests.support.apiserver import Cluster, running
from tests.support.cluster_objects import node, pod

PODS = "/api/v1/pods"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A node and a pod."""
    with running(node("n1"), pod("p0")) as cluster:
        yield cluster


def control(cluster: Cluster, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    """Send a control request; return its status and body."""
    with urllib3.PoolManager(retries=False) as pool:
        data = None if body is None else json.dumps(body)
        response = pool.request(method, f"{cluster.url}/_demo/{path}", body=data)
        return response.status, response.data


def test_a_fault_waits_for_its_match_and_is_used_up() -> None:
    """`after` matches pass, `count` matches are hit, the rest pass again."""
    faults = Faults()
    faults.add(Fault("fail", "list", "pods", after=1, count=2))
    asked = [("list", "pods"), ("list", "nodes"), ("list", "pods"), ("list", "pods")]

    assert [False, False, True, True] == [faults.take(*it, "fail") is not None for it in asked]
    assert faults.take("list", "pods", "fail") is None
    assert [] == faults.waiting()


def test_faults_of_other_actions_stay_where_they_are() -> None:
    """A watch that is to be cut is not used up by a request that could fail."""
    faults = Faults()
    faults.add(Fault("cut"))

    assert faults.take("watch", "pods", "fail", "delay") is None
    assert 1 == len(faults.waiting())


def test_the_next_requests_fail_as_planned(cluster: Cluster) -> None:
    """429 carries Retry-After in the header and the Status; afterwards all is well."""
    cluster.plan("fail", verb="list", resource="pods", count=2, status=429, retry_after=3)
    answers = [get(cluster.url + PODS) for _ in range(3)]
    other = get(f"{cluster.url}/api/v1/nodes")

    assert [429, 429, 200, 200] == [answer.status for answer in [*answers, other]]
    assert "3" == answers[0].headers["Retry-After"]
    assert ("TooManyRequests", 3) == (
        answers[0].json["reason"],
        answers[0].json["details"]["retryAfterSeconds"],
    )


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (410, "Expired"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (504, "Timeout"),
        (599, "InternalError"),
    ],
)
def test_every_failure_is_a_status_of_the_right_reason(
    cluster: Cluster, status: int, reason: str
) -> None:
    """A status Kubernetes does not use becomes 500."""
    cluster.plan("fail", status=status)

    assert reason == get(cluster.url + PODS).json["reason"]


def test_the_third_page_can_be_the_one_that_fails(cluster: Cluster) -> None:
    """`after` lets the first pages through."""
    cluster.put(*[pod(f"p{number}") for number in range(4)])
    cluster.plan("fail", verb="list", resource="pods", after=2, status=410)
    first = get(cluster.url + PODS, {"limit": 1})
    second = get(cluster.url + PODS, {"limit": 1, "continue": first.token})
    third = get(cluster.url + PODS, {"limit": 1, "continue": second.token})

    assert [200, 200, 410] == [first.status, second.status, third.status]


def test_a_path_without_resource_can_fail_too(cluster: Cluster) -> None:
    """Faults name it by its path."""
    cluster.plan("fail", resource="/readyz", status=500)

    assert [500, 200] == [get(f"{cluster.url}/readyz").status for _ in range(2)]


def test_a_slow_answer_is_a_whole_answer(cluster: Cluster) -> None:
    """A delay changes nothing but the time."""
    cluster.plan("delay", verb="list", seconds=0.05)

    assert ["p0"] == get(cluster.url + PODS).names
    assert 0 == len(json.loads(control(cluster, "GET", "faults")[1]))


def test_a_watch_can_be_cut_in_the_middle_of_its_json(cluster: Cluster) -> None:
    """The client sees half an event, then a broken connection; the next watch works."""
    query = {"resourceVersion": cluster.resource_version}
    with watch(cluster.url + PODS, query) as stream:
        cluster.plan("cut", resource="pods")
        cluster.put(pod("p1"))
        half = stream.chunk()
        with pytest.raises(urllib3.exceptions.HTTPError):
            stream.chunk()

    assert half.startswith(b'{"type":"ADDED"')
    with pytest.raises(json.JSONDecodeError):
        json.loads(half)
    with watch(cluster.url + PODS, query) as stream:
        assert [("ADDED", "p1")] == stream.take(1)


def test_a_watch_can_go_silent(cluster: Cluster) -> None:
    """The connection stays open, nothing comes; other watches go on."""
    query = {"resourceVersion": cluster.resource_version}
    with (
        watch(cluster.url + PODS, query),
        watch(f"{cluster.url}/api/v1/nodes", query) as lively,
    ):
        cluster.wait_for_watches("pods")
        cluster.plan("silence", resource="pods")
        cluster.put(pod("p1"), node("n2"))

        assert [("ADDED", "n2")] == lively.take(1)
        assert 1 == cluster.watches("pods")
    cluster.wait_for_watches("pods", 0)


def test_a_server_with_a_silent_watch_stops_all_the_same() -> None:
    """Ending the server ends every watch, though its client has not left."""
    with ExitStack() as client:
        with running(pod("p0")) as cluster:
            cluster.plan("silence")
            stream = client.enter_context(watch(cluster.url + PODS))
            cluster.wait_for_watches("pods")

        with pytest.raises(urllib3.exceptions.HTTPError):
            stream.chunk()


def test_an_event_can_come_twice(cluster: Cluster) -> None:
    """Clients must bear it."""
    with watch(cluster.url + PODS, {"resourceVersion": cluster.resource_version}) as stream:
        cluster.plan("duplicate")
        cluster.put(pod("p1"), pod("p2"))

        assert [("ADDED", "p1"), ("ADDED", "p1"), ("ADDED", "p2")] == stream.take(3)


def test_a_watch_can_fail(cluster: Cluster) -> None:
    """Instead of the event comes an ERROR with the planned Status, and then the end."""
    with watch(cluster.url + PODS, {"resourceVersion": cluster.resource_version}) as stream:
        cluster.plan("error", status=504)
        cluster.put(pod("p1"))
        (told,) = stream.rest()

    assert ("ERROR", 504, "Timeout") == (
        told["type"],
        told["object"]["code"],
        told["object"]["reason"],
    )


def test_an_event_can_come_late(cluster: Cluster) -> None:
    """The event after it overtakes it."""
    with watch(cluster.url + PODS, {"resourceVersion": cluster.resource_version}) as stream:
        cluster.plan("swap")
        cluster.put(pod("p1"), pod("p2"), pod("p3"))

        assert [("ADDED", "p2"), ("ADDED", "p1"), ("ADDED", "p3")] == stream.take(3)


def test_planned_faults_can_be_dropped(cluster: Cluster) -> None:
    """A test can end its trouble early."""
    cluster.plan("fail", count=100)
    cluster.forgive()

    assert 200 == get(cluster.url + PODS).status


def test_everything_can_be_done_over_http(cluster: Cluster) -> None:
    """For servers in another process: faults, expiry, tokens, refusals, the requests seen."""
    first = get(cluster.url + PODS, {"limit": 1})
    fault = {"action": "fail", "resource": "pods", "status": 429, "retryAfter": 1}
    cluster.put(pod("p1"))

    assert 204 == control(cluster, "POST", "faults", fault)[0]
    assert 429 == json.loads(control(cluster, "GET", "faults")[1])[0]["status"]
    assert 429 == get(cluster.url + PODS).status
    assert 204 == control(cluster, "POST", "faults", fault)[0]
    assert 204 == control(cluster, "DELETE", "faults")[0]
    assert 204 == control(cluster, "POST", "compact")[0]
    expired = get(cluster.url + PODS, {"watch": "1", "resourceVersion": "1"})
    assert "Expired" == expired.json["object"]["reason"]
    assert 204 == control(cluster, "POST", "forbid", [{"verb": "list", "resource": "pods"}])[0]
    assert 403 == get(cluster.url + PODS).status
    assert 204 == control(cluster, "POST", "forbid", [])[0]
    assert 204 == control(cluster, "POST", "tokens", ["new"])[0]
    assert 401 == get(cluster.url + PODS).status
    assert 204 == control(cluster, "POST", "tokens", [])[0]
    assert 204 == control(cluster, "POST", "expire")[0]
    assert first.token == ""
    seen = json.loads(control(cluster, "GET", "seen")[1])
    assert ("list", "pods", {"limit": "1"}) == (
        seen[0]["verb"],
        seen[0]["resource"],
        seen[0]["query"],
    )


@pytest.mark.parametrize("body", [{"action": "explode"}, {"action": "fail", "colour": "red"}, [1]])
def test_a_control_request_that_makes_no_sense_is_refused(cluster: Cluster, body: object) -> None:
    """400 says what is wrong; nothing is planned."""
    assert 400 == control(cluster, "POST", "faults", body)[0]
    assert b"[]" == control(cluster, "GET", "faults")[1]
