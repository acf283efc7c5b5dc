"""Lists over HTTP: pages, versions, selectors, forms, compression."""

import gzip
import json
from collections.abc import Iterator

import pytest

from demo.kubernetes.settings import Settings
from tests.support.apiclient import get
from tests.support.apiserver import Cluster, running
from tests.support.cluster_objects import node, pod

PODS = "/api/v1/pods"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Five pods in two namespaces, and a node."""
    pods = [pod(f"p{n}", namespace="ab"[n % 2], labels={"odd": str(n % 2)}) for n in range(5)]
    with running(node("n1"), *pods) as cluster:
        yield cluster


def test_a_list_names_its_kind_its_version_and_its_items(cluster: Cluster) -> None:
    """Items carry no kind of their own; the list's version is the newest."""
    answer = get(cluster.url + PODS)

    assert 200 == answer.status
    assert ("PodList", "v1") == (answer.json["kind"], answer.json["apiVersion"])
    assert {"resourceVersion": str(cluster.resource_version)} == answer.json["metadata"]
    assert ["p0", "p2", "p4", "p1", "p3"] == answer.names
    assert "kind" not in answer.json["items"][0]


def test_one_namespace_is_listed_alone(cluster: Cluster) -> None:
    """Neighbours in the order of names do not leak in."""
    assert ["p1", "p3"] == get(f"{cluster.url}/api/v1/namespaces/b/pods").names
    assert [] == get(f"{cluster.url}/api/v1/namespaces/aa/pods").names


def test_pages_show_one_moment_while_objects_change(cluster: Cluster) -> None:
    """Later pages show what was there at the first page: nothing new, nothing missing."""
    first = get(cluster.url + PODS, {"limit": 2})
    cluster.delete("Pod", "b", "p3")
    cluster.put(pod("p2x", namespace="a"), pod("p4", namespace="a", phase="Failed"))
    second = get(cluster.url + PODS, {"limit": 2, "continue": first.token})
    last = get(cluster.url + PODS, {"limit": 2, "continue": second.token})

    assert [3, 1, None] == [
        page.json["metadata"].get("remainingItemCount") for page in (first, second, last)
    ]
    assert ["p0", "p2", "p4", "p1", "p3"] == first.names + second.names + last.names
    assert "Running" == second.json["items"][0]["status"]["phase"]
    assert 1 == len({page.json["metadata"]["resourceVersion"] for page in (first, second, last)})
    assert "" == last.token


def test_a_page_with_selectors_does_not_guess_what_remains(cluster: Cluster) -> None:
    """The remainingItemCount is left out, and no empty last page is promised."""
    first = get(cluster.url + PODS, {"limit": 1, "labelSelector": "odd=1"})
    query = {"limit": 1, "labelSelector": "odd=1", "continue": first.token}
    second = get(cluster.url + PODS, query)

    assert "remainingItemCount" not in first.json["metadata"]
    assert (["p1"], ["p3"], "") == (first.names, second.names, second.token)


def test_pages_of_a_namespace_count_that_namespace_only(cluster: Cluster) -> None:
    """The remainingItemCount and the last page respect the namespace."""
    first = get(f"{cluster.url}/api/v1/namespaces/a/pods", {"limit": 2})

    assert 1 == first.json["metadata"]["remainingItemCount"]
    query = {"continue": first.token}
    assert ["p4"] == get(f"{cluster.url}/api/v1/namespaces/a/pods", query).names


def test_an_expired_token_is_410_with_a_token_to_go_on_inconsistently(cluster: Cluster) -> None:
    """The new token continues after the same object, in the present."""
    first = get(cluster.url + PODS, {"limit": 2})
    cluster.expire_tokens()
    cluster.put(pod("p3", namespace="a"))
    refused = get(cluster.url + PODS, {"limit": 2, "continue": first.token})
    rest = get(cluster.url + PODS, {"continue": refused.token})

    assert (410, "Expired") == (refused.status, refused.json["reason"])
    assert ["p3", "p4", "p1", "p3"] == rest.names


@pytest.mark.parametrize("token", ["%%%", "bm90IGpzb24", "e30"])
def test_a_token_that_is_none_is_a_bad_request(cluster: Cluster, token: str) -> None:
    """Not base64, not JSON, or not ours: 400."""
    assert 400 == get(cluster.url + PODS, {"continue": token}).status


def test_a_list_at_version_zero_ignores_the_limit(cluster: Cluster) -> None:
    """The watch cache that answers it knows no pages."""
    assert 5 == len(get(cluster.url + PODS, {"limit": 2, "resourceVersion": "0"}).names)


def test_a_list_no_older_than_a_version_shows_the_present(cluster: Cluster) -> None:
    """Any version that has happened is good."""
    query = {"resourceVersion": "2", "resourceVersionMatch": "NotOlderThan", "limit": 2}
    answer = get(cluster.url + PODS, query)

    assert str(cluster.resource_version) == answer.json["metadata"]["resourceVersion"]


def test_an_exact_version_is_the_present_a_held_one_or_410(cluster: Cluster) -> None:
    """Only snapshots under way are kept."""
    now = cluster.resource_version
    get(cluster.url + PODS, {"limit": 1})
    cluster.put(pod("p9"))
    exact = {"resourceVersion": now, "resourceVersionMatch": "Exact"}

    assert 5 == len(get(cluster.url + PODS, exact).names)
    cluster.expire_tokens()
    assert 410 == get(cluster.url + PODS, exact).status
    assert 410 == get(cluster.url + PODS, {"resourceVersion": now, "limit": 1}).status
    present = {"resourceVersion": cluster.resource_version, "limit": 1}
    assert 200 == get(cluster.url + PODS, present).status


def test_a_version_from_the_future_is_a_timeout_with_a_cause(cluster: Cluster) -> None:
    """What a client that reached a lagging API server sees."""
    answer = get(cluster.url + PODS, {"resourceVersion": 10_000})

    assert (504, "Timeout") == (answer.status, answer.json["reason"])
    assert "ResourceVersionTooLarge" == answer.json["details"]["causes"][0]["reason"]
    assert "1" == answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": "many"}, 400),
        ({"resourceVersion": "abc"}, 500),
        ({"labelSelector": "a in"}, 400),
        ({"fieldSelector": "spec.image=x"}, 400),
        ({"resourceVersionMatch": "Exact"}, 422),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 422),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "3", "continue": "e30"}, 422),
        ({"resourceVersionMatch": "Roughly", "resourceVersion": "3"}, 422),
        ({"sendInitialEvents": "true"}, 422),
        ({"resourceVersion": "3", "continue": "e30"}, 400),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    cluster: Cluster, query: dict[str, str], status: int
) -> None:
    """With the status a real server gives and a Status object."""
    answer = get(cluster.url + PODS, query)

    assert (status, "Status", status) == (answer.status, answer.json["kind"], answer.json["code"])


def test_metadata_alone_is_listed_on_request(cluster: Cluster) -> None:
    """PartialObjectMetadataList has names and labels, no spec and no status."""
    answer = get(cluster.url + PODS, headers={"Accept": METADATA})
    item = answer.json["items"][0]

    assert METADATA == answer.headers["Content-Type"]
    assert "PartialObjectMetadataList" == answer.json["kind"]
    assert {"kind", "apiVersion", "metadata"} == item.keys()
    assert {"odd": "0"} == item["metadata"]["labels"]


def test_a_form_the_server_cannot_make_is_skipped_or_406(cluster: Cluster) -> None:
    """The first acceptable clause counts."""
    protobuf = "application/vnd.kubernetes.protobuf"
    answers = [
        get(cluster.url + PODS, headers={"Accept": accept})
        for accept in (f"{protobuf},application/json", "*/*", protobuf, "application/json;as=Foo")
    ]

    assert [200, 200, 406, 406] == [answer.status for answer in answers]


def test_long_lists_are_compressed_for_clients_that_accept_it() -> None:
    """Short ones, and clients that did not ask, get plain bytes."""
    with running(*[pod(f"p{n}") for n in range(9)], settings=Settings(gzip_above=1000)) as cluster:
        compressed = get(cluster.url + PODS, headers={"Accept-Encoding": "gzip"})
        short = get(cluster.url + PODS, {"limit": 1}, headers={"Accept-Encoding": "gzip"})
        plain = get(cluster.url + PODS)

    assert "gzip" == compressed.headers["Content-Encoding"]
    assert plain.json == json.loads(gzip.decompress(compressed.raw))
    assert "Content-Encoding" not in {*short.headers, *plain.headers}


def test_bad_objects_are_served_as_they_are(cluster: Cluster) -> None:
    """A client under test meets exactly the bytes that were put."""
    cluster.put_raw("pods", "a", "bad", b'{"metadata":{"name":7},"spec":[]}')
    cluster.put_raw("nodes", "", "worse", b"{broken")

    assert {"metadata": {"name": 7}, "spec": []} in get(cluster.url + PODS).json["items"]
    assert get(f"{cluster.url}/api/v1/nodes").raw.endswith(b"{broken]}")
    assert "worse" in str(get(f"{cluster.url}/api/v1/nodes", headers={"Accept": METADATA}).json)
