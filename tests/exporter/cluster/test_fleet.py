"""Order of arrival does not matter, and happenings are told once."""

import pytest

from tests.support.objects import EPOCH, node, pod
from tests.support.scrape import NOW, Relay, scrape, text, value

EVENT = "gpu_event_timestamp_seconds"


def test_a_pod_before_its_node() -> None:
    """Nodes and pods are watched apart: whichever comes first, the text is the same."""
    assert scrape(node(), pod()).lines == scrape(pod(), node()).lines


def test_a_node_deleted_while_its_pods_remain() -> None:
    """The node's account goes; its pods stay, as lost, until they are deleted themselves."""
    told = Relay().put(node(), pod()).drop(node()).scrape()
    expected = text("""
        gpu_pod_allocated{namespace="ml",pod="p1",uid="uid-p1",node="n1"} 1
        gpu_pod_state{namespace="ml",pod="p1",uid="uid-p1",phase="Running",state="node_lost",reason="node_gone"} 1
    """)  # noqa: E501 - exposition text cannot be broken

    assert [] == told.of_nodes()
    assert expected == told.of("gpu_pod_allocated", "gpu_pod_state")


def test_a_node_that_comes_back_is_joined_by_its_pods() -> None:
    """A node registered anew has another UID and the same pods."""
    relay = Relay().put(node(), pod()).drop(node()).put(node(uid="second"))

    assert 1 == value(relay.scrape().of("gpu_node_allocated"))


@pytest.mark.parametrize("first_gone", ["old", "new"])
def test_two_nodes_of_one_name(first_gone: str) -> None:
    """If both are told of for a while, each is forgotten by its own UID, in either order."""
    old, new = node(uid="old"), node(uid="new", gpus=4)
    relay = Relay().put(old, new)
    order = [old, new] if first_gone == "old" else [new, old]
    relay.drop(order[0]).drop(order[1])

    assert [] == relay.scrape().of("gpu_node_capacity")
    assert 0 == relay.counts()["nodes"]


def test_the_old_node_goes_after_the_new_one_came() -> None:
    """The late removal of a node takes nothing from its successor of the same name."""
    relay = Relay().put(node(uid="old"), node(uid="new", gpus=4)).drop(node(uid="old"))

    assert 4 == value(relay.scrape().of("gpu_node_capacity"))


def test_the_old_pod_goes_after_the_new_one_came() -> None:
    """A StatefulSet's pod keeps its name: the late removal of one UID leaves the other."""
    old, new = pod(uid="old", gpus=1), pod(uid="new", gpus=2)
    told = Relay().put(node(), old, new).drop(old).scrape()

    assert ['gpu_pod_requested{namespace="ml",pod="p1",uid="new"} 2'] == told.of(
        "gpu_pod_requested"
    )
    assert 2 == value(told.of("gpu_node_allocated"))


def test_a_removal_is_by_identity() -> None:
    """A pod that ended leaves the watch with its old phase; it is forgotten all the same."""
    relay = Relay().put(node(), pod(phase="Running")).drop(pod(phase="Running"))

    assert [] == relay.scrape().of("gpu_pod_info", "gpu_pod_allocated")
    assert 0 == value(relay.scrape().of("gpu_node_allocated"))


def test_removals_of_what_was_never_there() -> None:
    """An unknown object, or one removed twice, changes nothing."""
    relay = Relay().put(node(), pod())
    before = relay.scrape().lines
    relay.drop(node("n2"), pod("p2"), pod("p2"))

    assert before == relay.scrape().lines


def test_a_pod_that_moves() -> None:
    """When a pod gets its node, its devices appear there."""
    relay = Relay().put(node(), pod(node="", phase="Pending"))

    assert 0 == value(relay.scrape().of("gpu_node_allocated"))
    assert 1 == value(relay.put(pod()).scrape().of("gpu_node_allocated"))


def test_pods_without_gpus_are_only_counted() -> None:
    """They leave no series, however they come and go."""
    relay = Relay().put(pod("cpu", None), pod())

    assert (2, 1) == (relay.counts()["pods"], relay.counts()["gpu_pods"])
    relay.replace_pods([pod("cpu", None), pod(gpus=None)])

    assert (2, 0) == (relay.counts()["pods"], relay.counts()["gpu_pods"])
    assert [] == relay.scrape().of("gpu_pod_info")


def test_a_new_list_removes_what_it_lacks() -> None:
    """Removals that nobody told us of are told by the next complete list."""
    relay = Relay().put(node("a"), node("b"), pod("a"), pod("b"))
    relay.replace_nodes([node("b"), node("c")])
    relay.replace_pods([pod("b")])
    told = relay.scrape()

    assert ["b", "c"] == [line.split('"')[1] for line in told.of("gpu_node_info")]
    assert ['gpu_pod_requested{namespace="ml",pod="b",uid="uid-b"} 1'] == told.of(
        "gpu_pod_requested"
    )


def test_happenings() -> None:
    """Nodes and pods that come and go are told with their time, who they are and how large."""
    relay = Relay().put(node(), pod(gpus=2)).drop(pod(gpus=2)).drop(node())
    expected = text(f"""
        {EVENT}{{id="NodeAdded/uid-n1",type="NodeAdded",object="n1",message="New node with 8 GPUs added"}} {EPOCH}
        {EVENT}{{id="NodeRemoved/uid-n1",type="NodeRemoved",object="n1",message="Node with 8 GPUs removed"}} {NOW:.0f}
        {EVENT}{{id="PodCreated/uid-p1",type="PodCreated",object="ml/p1",message="Pod created with 2 GPUs"}} {EPOCH}
        {EVENT}{{id="PodDeleted/uid-p1",type="PodDeleted",object="ml/p1",message="Pod ended or was deleted"}} {NOW:.0f}
        {EVENT}{{id="PodStarted/uid-p1",type="PodStarted",object="ml/p1",message="Pod started on n1"}} {NOW:.0f}
    """)  # noqa: E501 - exposition text cannot be broken

    assert expected == relay.scrape().of(EVENT)


def test_who_has_no_gpus_makes_no_news() -> None:
    """Nothing is told of nodes and pods without GPUs."""
    relay = Relay().put(node(gpus=None), pod(gpus=None)).drop(pod(gpus=None)).drop(node(gpus=None))

    assert [] == relay.scrape().of(EVENT)


def test_a_node_counts_as_added_once_it_has_gpus() -> None:
    """A node joins before its device plugin does; the news comes with the devices, and once."""
    relay = Relay().put(node(gpus=None), node(gpus=0), node(gpus=8), node(gpus=0), node(gpus=8))
    told = [line for line in relay.scrape().of(EVENT) if "NodeAdded" in line]

    assert 1 == len(told)
    assert "New node with 8 GPUs added" in told[0]


def test_one_series_per_happening() -> None:
    """What happens twice to one object is shown once, with its newest time: no duplicate series."""
    relay = Relay().put(pod()).drop(pod())
    relay.now += 60
    relay.put(pod()).drop(pod())
    told = relay.scrape().of(EVENT)

    last = f"{NOW + 60:.0f}"

    assert [f"{EPOCH}", last, last] == [line.rpartition(" ")[2] for line in told]


def test_a_node_without_a_creation_time() -> None:
    """What does not say when it came, came now."""
    new = node()
    del new["metadata"]["creationTimestamp"]

    assert NOW == value(scrape(new).of(EVENT))
