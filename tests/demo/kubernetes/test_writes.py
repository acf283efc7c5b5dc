"""Leases can be made and replaced, under the API server's optimistic locking."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from demo.kubernetes.access import Grant
from tests.support.apiclient import get, watch
from tests.support.apiserver import Cluster, running
from tests.support.cluster_objects import pod

LEASES = "/apis/coordination.k8s.io/v1/namespaces/gpu/leases"
Object = dict[str, Any]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """An API server without leases."""
    with running(pod("p1", namespace="gpu")) as cluster:
        yield cluster


def lease(holder: str = "a", **metadata: str) -> Object:
    """Return a lease."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "leader", **metadata},
        "spec": {"holderIdentity": holder},
    }


def write(cluster: Cluster, method: str, path: str, content: object) -> tuple[int, Object]:
    """Send an object; return the status and the object that is answered."""
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(method, cluster.url + path, body=json.dumps(content))
        return answer.status, answer.json()


def patch(
    cluster: Cluster, path: str, content: object, kind: str = "application/merge-patch+json"
) -> tuple[int, Object]:
    """Send a patch; return the status and the object that is answered."""
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(
            "PATCH",
            cluster.url + path,
            body=json.dumps(content),
            headers={"Content-Type": kind},
        )
        return answer.status, answer.json()


def refused(cluster: Cluster, method: str, path: str, content: object) -> tuple[int, str]:
    """Send an object; return the status and the reason of the refusal."""
    status, answer = write(cluster, method, path, content)
    return status, answer["reason"]


def test_a_lease_is_made_replaced_and_read(cluster: Cluster) -> None:
    """Each answer is the object as it is now, with its new version; a watch tells of both."""
    created, made = write(cluster, "POST", LEASES, lease())
    made["spec"]["holderIdentity"] = "b"
    updated, replaced = write(cluster, "PUT", f"{LEASES}/leader", made)
    read = get(f"{cluster.url}{LEASES}/leader").json
    with watch(cluster.url + LEASES, {"resourceVersion": "2"}) as stream:
        told = stream.take(2)

    assert (201, 200) == (created, updated)
    assert "gpu" == made["metadata"]["namespace"]
    assert made["metadata"]["uid"] == replaced["metadata"]["uid"]
    assert made["metadata"]["resourceVersion"] != replaced["metadata"]["resourceVersion"]
    assert replaced == read
    assert "b" == read["spec"]["holderIdentity"]
    assert [("ADDED", "leader"), ("MODIFIED", "leader")] == told


def test_of_two_writers_the_second_is_refused(cluster: Cluster) -> None:
    """Whoever wrote from an old version must read again; a name is given once."""
    _, made = write(cluster, "POST", LEASES, lease())
    write(cluster, "PUT", f"{LEASES}/leader", made)

    assert (409, "AlreadyExists") == refused(cluster, "POST", LEASES, lease())
    assert (409, "Conflict") == refused(cluster, "PUT", f"{LEASES}/leader", made)


def test_another_object_of_the_same_name_is_not_replaced(cluster: Cluster) -> None:
    """A uid in the object must be that of the object that is there."""
    _, made = write(cluster, "POST", LEASES, lease())
    made["metadata"]["uid"] = "another"

    assert (409, "Conflict") == refused(cluster, "PUT", f"{LEASES}/leader", made)


@pytest.mark.parametrize(
    ("status", "reason", "method", "path", "content"),
    [
        (404, "NotFound", "PUT", f"{LEASES}/leader", lease(resourceVersion="1")),
        (400, "BadRequest", "PUT", f"{LEASES}/other", lease(resourceVersion="1")),
        (400, "BadRequest", "POST", LEASES, lease(resourceVersion="1")),
        (400, "BadRequest", "POST", LEASES, lease(namespace="elsewhere")),
        (400, "BadRequest", "POST", LEASES, pod("p1")),
        (400, "BadRequest", "POST", LEASES, {**lease(), "metadata": 3}),
        (400, "BadRequest", "POST", LEASES, "no object"),
        (422, "Invalid", "POST", LEASES, lease(name="")),
        (405, "MethodNotAllowed", "POST", "/api/v1/namespaces/gpu/pods", pod("p2")),
        (405, "MethodNotAllowed", "PUT", "/api/v1/namespaces/gpu/pods/p1", pod("p1")),
        (404, "NotFound", "POST", "/api/v1/namespaces/gpu/gadgets", {}),
    ],
)
def test_what_cannot_be_written(
    cluster: Cluster, status: int, reason: str, method: str, path: str, content: object
) -> None:
    """The refusal is a Status that says why."""
    assert (status, reason) == refused(cluster, method, path, content)


def test_a_replacement_must_name_its_version(cluster: Cluster) -> None:
    """Leases cannot be replaced unconditionally."""
    write(cluster, "POST", LEASES, lease())

    assert (422, "Invalid") == refused(cluster, "PUT", f"{LEASES}/leader", lease())


def test_writing_needs_the_verbs_create_and_update(cluster: Cluster) -> None:
    """Creation has no name, so a rule with names permits only the replacement."""
    group = ("coordination.k8s.io",)
    _, made = write(cluster, "POST", LEASES, lease())
    cluster.permit(Grant(group, ("leases",), ("create", "update"), ("leader",), "gpu"))

    assert (403, "Forbidden") == refused(cluster, "POST", LEASES, lease(name="other"))
    assert 200 == write(cluster, "PUT", f"{LEASES}/leader", made)[0]
    assert [("create", ""), ("update", "leader")] == [
        (seen.verb, seen.path.removeprefix(LEASES).strip("/"))
        for seen in cluster.seen(resource="leases")[1:]
    ]


def test_a_node_is_patched_by_merging(cluster: Cluster) -> None:
    """Members are merged and null removes one; its name and uid stay what they are."""
    cluster.put({"kind": "Node", "metadata": {"name": "n1"}, "spec": {"a": {"b": 1, "c": 2}}})
    uid = get(f"{cluster.url}/api/v1/nodes/n1").json["metadata"]["uid"]
    wanted = {"metadata": {"uid": "other", "name": "n2"}, "spec": {"a": {"b": None}, "d": {"e": 3}}}
    status, patched = patch(cluster, "/api/v1/nodes/n1", wanted)

    assert 200 == status
    assert {"a": {"c": 2}, "d": {"e": 3}} == patched["spec"]
    assert ("n1", uid) == (patched["metadata"]["name"], patched["metadata"]["uid"])
    assert patched == get(f"{cluster.url}/api/v1/nodes/n1").json


def test_what_cannot_be_patched_is_refused(cluster: Cluster) -> None:
    """Other resources, nodes that are not there, other kinds of patches, and what is no object."""
    cluster.put({"kind": "Node", "metadata": {"name": "n1"}})
    node = "/api/v1/nodes/n1"

    assert 405 == patch(cluster, "/api/v1/namespaces/gpu", {})[0]
    assert 404 == patch(cluster, "/api/v1/nodes/none", {})[0]
    assert 400 == patch(cluster, node, {}, "application/json-patch+json")[0]
    assert 400 == patch(cluster, node, [])[0]
