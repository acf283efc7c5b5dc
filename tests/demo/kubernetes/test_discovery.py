"""Discovery, version, health, single objects, and the shape of every refusal."""

from collections.abc import Iterator

import pytest
import urllib3

from demo.kubernetes.discovery import AGGREGATED
from demo.kubernetes.resources import RESOURCES
from demo.kubernetes.settings import Settings
from tests.support.apiclient import get, watch
from tests.support.apiserver import Cluster, running
from tests.support.cluster_objects import node, pod

KUBECTL = f"{AGGREGATED},application/json;g=apidiscovery.k8s.io;v=v2beta1,application/json"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A node and a pod; nothing here changes them."""
    with running(node("n1"), pod("p1", namespace="team-a")) as cluster:
        yield cluster


def test_plain_discovery_leads_to_every_resource(cluster: Cluster) -> None:
    """Versions, groups, then the resources of each; what they name can be listed."""
    found = set()
    assert ["v1"] == get(f"{cluster.url}/api").json["versions"]
    bases = ["/api/v1"] + [
        f"/apis/{group['preferredVersion']['groupVersion']}"
        for group in get(f"{cluster.url}/apis").json["groups"]
    ]
    for base in bases:
        for resource in get(cluster.url + base).json["resources"]:
            status = 200 if "list" in resource["verbs"] else 405
            assert status == get(f"{cluster.url}{base}/{resource['name']}").status
            found.add((base, resource["kind"], tuple(resource["verbs"])))

    expected = {
        (f"/api{'s' if row.group else ''}/{row.api_version}", row.kind, row.verbs)
        for row in RESOURCES
    }
    assert len(RESOURCES) == len(found)
    assert expected == found


def test_aggregated_discovery_tells_all_in_two_answers(cluster: Cluster) -> None:
    """A kubectl since 1.26 asks for it by Accept and checks the Content-Type."""
    answers = [get(cluster.url + path, headers={"Accept": KUBECTL}) for path in ("/api", "/apis")]
    kinds = {
        tuple(resource["responseKind"].values())
        for answer in answers
        for item in answer.json["items"]
        for version in item["versions"]
        for resource in version["resources"]
    }

    assert {AGGREGATED} == {answer.headers["Content-Type"] for answer in answers}
    assert {(row.group, row.version, row.kind) for row in RESOURCES} == kinds


def test_a_group_is_described(cluster: Cluster) -> None:
    """`/apis/apps` for clients that ask one group."""
    answer = get(f"{cluster.url}/apis/apps")

    assert ("APIGroup", "apps/v1") == (
        answer.json["kind"],
        answer.json["preferredVersion"]["groupVersion"],
    )


def test_version_and_health_answer(cluster: Cluster) -> None:
    """What probes and clients ask first."""
    version = get(f"{cluster.url}/version").json

    assert ("1", "34", "v1.34.1") == (version["major"], version["minor"], version["gitVersion"])
    assert b"ok" == get(f"{cluster.url}/readyz").raw


def test_one_object_is_returned_with_its_kind(cluster: Cluster) -> None:
    """Namespaced and cluster-scoped ones, whole or metadata only."""
    found = get(f"{cluster.url}/api/v1/namespaces/team-a/pods/p1")
    partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    metadata = get(f"{cluster.url}/api/v1/nodes/n1", headers={"Accept": partial})

    assert ("Pod", "p1") == (found.json["kind"], found.json["metadata"]["name"])
    assert ("PartialObjectMetadata", False) == (metadata.json["kind"], "spec" in metadata.json)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/team-a/pods/p2",
        "/api/v1/nodes/n2",
        "/apis/apps/v1/namespaces/team-a/replicasets/r1",
        "/api/v1/gadgets",
        "/apis/apps/v2/replicasets",
        "/api/v1/namespaces/team-a/nodes",
        "/api/v1/pods/p1",
        "/apis/gadgets.io",
        "/apis/gadgets.io/v1",
        "/nowhere",
    ],
)
def test_what_is_not_there_is_a_404_status(cluster: Cluster, path: str) -> None:
    """Objects, resources, groups and paths alike."""
    answer = get(cluster.url + path)

    assert (404, "Status", "Failure", "NotFound") == (
        answer.status,
        answer.json["kind"],
        answer.json["status"],
        answer.json["reason"],
    )


def test_a_missing_object_is_named(cluster: Cluster) -> None:
    """The message is the one kubectl users know."""
    pod_answer = get(f"{cluster.url}/api/v1/namespaces/team-a/pods/p2").json
    set_answer = get(f"{cluster.url}/apis/apps/v1/namespaces/team-a/replicasets/r1").json

    assert 'pods "p2" not found' == pod_answer["message"]
    assert {"name": "p2", "kind": "pods"} == pod_answer["details"]
    assert 'replicasets.apps "r1" not found' == set_answer["message"]


def test_two_groups_may_use_the_same_name() -> None:
    """A Job of another group is another resource, in lists, single answers and the store."""
    theirs = {
        "apiVersion": "batch.volcano.sh/v1alpha1",
        "kind": "Job",
        "metadata": {"name": "theirs", "namespace": "ml"},
    }
    ours = {**theirs, "apiVersion": "batch/v1", "metadata": {"name": "ours", "namespace": "ml"}}
    other = "/apis/batch.volcano.sh/v1alpha1"
    with running(theirs, ours) as cluster:
        assert ["ours"] == get(f"{cluster.url}/apis/batch/v1/jobs").names
        assert ["theirs"] == get(f"{cluster.url}{other}/jobs").names
        one = get(f"{cluster.url}{other}/namespaces/ml/jobs/theirs").json
        assert not cluster.delete("Job", "ml", "theirs")
        assert cluster.delete("jobs.batch.volcano.sh", "ml", "theirs")

    assert ("batch.volcano.sh/v1alpha1", "Job") == (one["apiVersion"], one["kind"])


def test_a_custom_resource_s_bookmark_is_nothing_but_metadata() -> None:
    """Custom objects have no Go type whose zero value could show."""
    with running(settings=Settings(bookmark_interval=0.01)) as cluster:
        asked = {"allowWatchBookmarks": "true"}
        with watch(f"{cluster.url}/apis/ray.io/v1/rayclusters", asked) as stream:
            bookmark = stream.next()["object"]

    assert {"kind", "apiVersion", "metadata"} == set(bookmark)


def test_writing_is_not_allowed(cluster: Cluster) -> None:
    """405 with a Status: the cluster changes from within only."""
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request("POST", f"{cluster.url}/api/v1/nodes", body=b"{}")

    assert (405, "MethodNotAllowed") == (answer.status, answer.json()["reason"])
