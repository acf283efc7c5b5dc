"""Watches over HTTP: order, transitions, bookmarks, expiry, initial events."""

from collections.abc import Iterator

import pytest

from demo.kubernetes.settings import Settings
from demo.kubernetes.store import Store
from tests.support.apiclient import get, watch
from tests.support.apiserver import Cluster, running
from tests.support.cluster_objects import node, pod

PODS = "/api/v1/pods"
WATCH_LIST = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}
OFTEN = Settings(bookmark_interval=0.05)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """One pod."""
    with running(pod("p0")) as cluster:
        yield cluster


def test_changes_after_a_list_arrive_in_order_one_chunk_each(cluster: Cluster) -> None:
    """A list and a watch from its version miss nothing, whenever the change happens."""
    version = get(cluster.url + PODS).json["metadata"]["resourceVersion"]
    cluster.put(pod("p1"))
    with watch(cluster.url + PODS, {"resourceVersion": version}) as stream:
        assert [("ADDED", "p1")] == stream.take(1)
        cluster.put(pod("p1", phase="Failed"), pod("p2"))
        cluster.delete("Pod", "default", "p0")
        assert [("MODIFIED", "p1"), ("ADDED", "p2"), ("DELETED", "p0")] == stream.take(3)


def test_events_carry_whole_objects_with_kind_and_version(cluster: Cluster) -> None:
    """A deletion carries the object as it was, with the version of the deletion."""
    with watch(cluster.url + PODS, {"resourceVersion": cluster.resource_version}) as stream:
        cluster.delete("Pod", "default", "p0")
        event = stream.next()

    assert ("Pod", "v1") == (event["object"]["kind"], event["object"]["apiVersion"])
    assert str(cluster.resource_version) == event["object"]["metadata"]["resourceVersion"]
    assert "Running" == event["object"]["status"]["phase"]


@pytest.mark.parametrize("version", ["", "0"])
def test_a_watch_from_anywhere_begins_with_what_is_there(cluster: Cluster, version: str) -> None:
    """Versions "" and "0" start with an ADDED per object."""
    with watch(cluster.url + PODS, {"resourceVersion": version}) as stream:
        cluster.put(pod("p1"))

        assert [("ADDED", "p0"), ("ADDED", "p1")] == stream.take(2)


@pytest.mark.parametrize("value", ["", "1", "t", "T", "true", "TRUE", "True"])
def test_every_spelling_of_true_opens_a_watch(cluster: Cluster, value: str) -> None:
    """Go clients send "true", Python ones "True"."""
    with watch(cluster.url + PODS, {"watch": value}) as stream:
        assert [("ADDED", "p0")] == stream.take(1)


@pytest.mark.parametrize("value", ["0", "false", "FALSE", "False"])
def test_every_spelling_of_false_lists(cluster: Cluster, value: str) -> None:
    """A watch that is said to be none is a list."""
    assert ["p0"] == get(cluster.url + PODS, {"watch": value}).names


def test_selectors_and_namespaces_turn_changes_into_comings_and_goings(cluster: Cluster) -> None:
    """What starts to match is ADDED; what ceases to is DELETED as it last matched."""
    url = f"{cluster.url}/api/v1/namespaces/default/pods"
    query = {
        "fieldSelector": "status.phase!=Failed",
        "labelSelector": "!skip",
        "resourceVersion": cluster.resource_version,
    }
    with watch(url, query) as stream:
        cluster.put(pod("elsewhere", namespace="other"), pod("never", phase="Failed"))
        cluster.put(pod("p0", phase="Failed"))
        left = stream.next()
        assert ("DELETED", "Running") == (left["type"], left["object"]["status"]["phase"])
        assert str(cluster.resource_version) == left["object"]["metadata"]["resourceVersion"]

        cluster.put(pod("p0", phase="Failed", labels={"a": "b"}), pod("p0"))
        assert [("ADDED", "p0")] == stream.take(1)
        cluster.put(pod("p0", labels={"a": "b"}), pod("p0", labels={"skip": ""}))
        assert [("MODIFIED", "p0"), ("DELETED", "p0")] == stream.take(2)


def test_a_forgotten_version_is_an_error_event_and_the_end(cluster: Cluster) -> None:
    """HTTP 200, then one ERROR with a Status 410."""
    version = cluster.resource_version
    cluster.put(pod("p1"))
    cluster.compact()
    with watch(cluster.url + PODS, {"resourceVersion": version}) as stream:
        events = stream.rest()

    assert [("ERROR", 410, "Expired")] == [
        (event["type"], event["object"]["code"], event["object"]["reason"]) for event in events
    ]


def test_a_version_pushed_out_of_the_ring_is_forgotten() -> None:
    """The ring is per resource: busy nodes do not expire watches of pods."""
    with running(store=Store(history=2)) as cluster:
        version = cluster.put(pod("p1"))
        cluster.put(*[node(f"n{number}") for number in range(5)])
        with watch(cluster.url + PODS, {"resourceVersion": version}) as stream:
            cluster.put(pod("p2"))
            assert [("ADDED", "p2")] == stream.take(1)
        with watch(f"{cluster.url}/api/v1/nodes", {"resourceVersion": version}) as stream:
            assert "ERROR" == stream.next()["type"]


def test_a_burst_longer_than_the_ring_reaches_a_running_watch_whole() -> None:
    """The ring bounds resuming, not a watch that is open."""
    with (
        running(pod("p"), store=Store(history=2)) as cluster,
        watch(cluster.url + PODS, {"resourceVersion": cluster.resource_version}) as stream,
    ):
        cluster.put(*[pod(f"p{number}") for number in range(20)])

        assert [("ADDED", f"p{number}") for number in range(20)] == stream.take(20)


def test_expiry_can_be_an_http_410() -> None:
    """The other form a client must understand."""
    with running(pod("p0"), settings=Settings(expired_as_http=True)) as cluster:
        cluster.compact()
        answer = get(cluster.url + PODS, {"watch": "1", "resourceVersion": "1"})

        assert (410, "Expired") == (answer.status, answer.json["reason"])
        cluster.wait_for_watches("pods", 0)


def test_bookmarks_move_the_version_on_while_nothing_happens() -> None:
    """Only for clients that allow them; changes of other resources move them too."""
    with running(pod("p0"), settings=OFTEN) as cluster:
        query = {"resourceVersion": cluster.resource_version, "allowWatchBookmarks": "true"}
        with watch(cluster.url + PODS, query) as stream:
            version = cluster.put(node("n1"))
            event = stream.next()
            while event["object"]["metadata"]["resourceVersion"] != str(version):
                event = stream.next()

    assert ("BOOKMARK", "Pod") == (event["type"], event["object"]["kind"])
    assert {"resourceVersion", "creationTimestamp"} == event["object"]["metadata"].keys()


def test_a_watch_ends_when_its_time_is_up_after_a_last_bookmark() -> None:
    """Its timeoutSeconds end it cleanly; the bookmark before spares a list."""
    with running(pod("p0"), settings=Settings(bookmark_lead=0.5)) as cluster:
        query = {"allowWatchBookmarks": "1", "timeoutSeconds": 1, "resourceVersion": "2"}
        with watch(cluster.url + PODS, query) as stream:
            assert ["BOOKMARK"] == [event["type"] for event in stream.rest()]


def test_clients_that_allow_no_bookmarks_get_none() -> None:
    """Only real changes arrive."""
    with running(pod("p0"), settings=OFTEN) as cluster:
        query = {"timeoutSeconds": 1, "resourceVersion": cluster.resource_version}
        with watch(cluster.url + PODS, query) as stream:
            assert [] == stream.rest()


def test_a_streamed_list_is_everything_then_a_marked_bookmark_then_changes() -> None:
    """WatchList: one request gives the state, the version it is of, and what follows."""
    with running(node("n1"), node("n2")) as cluster:
        url = f"{cluster.url}/api/v1/nodes"
        with watch(url, WATCH_LIST) as stream:
            assert [("ADDED", "n1"), ("ADDED", "n2")] == stream.take(2)
            end = stream.next()
            cluster.put(node("n3"))
            assert [("ADDED", "n3")] == stream.take(1)

    assert "BOOKMARK" == end["type"]
    assert {"k8s.io/initial-events-end": "true"} == end["object"]["metadata"]["annotations"]
    assert "3" == end["object"]["metadata"]["resourceVersion"]


def test_a_streamed_list_may_begin_without_the_present(cluster: Cluster) -> None:
    """sendInitialEvents=false starts from now, or from the version given."""
    query = WATCH_LIST | {"sendInitialEvents": "false"}
    with watch(cluster.url + PODS, query) as stream:
        cluster.put(pod("p1"))
        assert [("ADDED", "p1")] == stream.take(1)
    with watch(cluster.url + PODS, query | {"resourceVersion": "1"}) as stream:
        assert [("ADDED", "p0"), ("ADDED", "p1")] == stream.take(2)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"resourceVersionMatch": ""}, 422),
        ({"resourceVersionMatch": "Exact"}, 422),
        ({"resourceVersion": "999"}, 504),
        ({"continue": "e30"}, 422),
        ({"fieldSelector": "nope=1"}, 400),
        ({"resourceVersion": "newest"}, 500),
    ],
)
def test_a_watch_that_makes_no_sense_is_refused(
    cluster: Cluster, changed: dict[str, str], status: int
) -> None:
    """Before anything is streamed, with a Status."""
    answer = get(cluster.url + PODS, {"watch": "true", **WATCH_LIST, **changed})

    assert (status, status) == (answer.status, answer.json["code"])


def test_a_version_match_needs_initial_events(cluster: Cluster) -> None:
    """As a real server validates it."""
    query = {"watch": "true", "resourceVersionMatch": "NotOlderThan"}

    assert 422 == get(cluster.url + PODS, query).status


def test_streamed_lists_can_be_switched_off() -> None:
    """A server without the feature answers 422, and clients fall back."""
    with running(pod("p0"), settings=Settings(watch_list=False)) as cluster:
        answer = get(cluster.url + PODS, {"watch": "true", **WATCH_LIST})

    assert 422 == answer.status
    assert "sendInitialEvents" == answer.json["details"]["causes"][0]["field"]


def test_metadata_alone_can_be_watched(cluster: Cluster) -> None:
    """For owners: as=PartialObjectMetadata, deletions and bookmarks included."""
    form = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    with watch(cluster.url + PODS, WATCH_LIST, headers={"Accept": form}) as stream:
        events = [stream.next(), stream.next()]
        cluster.delete("Pod", "default", "p0")
        events.append(stream.next())

    assert ["ADDED", "BOOKMARK", "DELETED"] == [event["type"] for event in events]
    assert {"PartialObjectMetadata"} == {event["object"]["kind"] for event in events}
    assert {"kind", "apiVersion", "metadata"} == events[2]["object"].keys()
    assert str(cluster.resource_version) == events[2]["object"]["metadata"]["resourceVersion"]


def test_tables_can_be_watched(cluster: Cluster) -> None:
    """`kubectl get -w` reads rows; a bookmark is a table without any."""
    form = "application/json;as=Table;g=meta.k8s.io;v=v1"
    with watch(cluster.url + PODS, WATCH_LIST, headers={"Accept": form}) as stream:
        added, bookmark = stream.next(), stream.next()

    assert ["p0", 0] == [added["object"]["rows"][0]["cells"][0], len(bookmark["object"]["rows"])]


def test_a_client_that_leaves_is_forgotten(cluster: Cluster) -> None:
    """Neither its watch nor its subscription stays behind."""
    with watch(cluster.url + PODS) as stream:
        stream.next()
        cluster.wait_for_watches("pods", 1)

    cluster.wait_for_watches("pods", 0)
