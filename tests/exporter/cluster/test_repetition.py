"""What is told again without news: it costs no rendering, and loses nothing."""

import msgspec

from exporter.cluster.fleet import Fleet
from exporter.cluster.objects import nodes, pods, wire
from tests.support.objects import Object, node, owned, pod, reference
from tests.support.scrape import NOW, Relay


def _node(it: Object) -> nodes.Node:
    return nodes.from_wire(wire.decode(msgspec.json.encode(it), wire.NODE))


def _pod(it: Object) -> pods.Pod:
    return pods.from_wire(wire.decode(msgspec.json.encode(it), wire.POD))


def _settled(*objects: Object) -> Fleet:
    fleet = Fleet(lambda: NOW)
    for it in objects:
        if it["kind"] == "Node":
            fleet.put_node(_node(it))
        else:
            fleet.put_pod(_pod(it))
    while fleet.render(1):
        pass
    return fleet


def test_a_kubelet_that_repeats_itself() -> None:
    """A node's regular word changes no line, so none is rendered."""
    fleet = _settled(node(), pod())
    fleet.put_node(_node(node()))

    assert not fleet.render(1)


def test_a_new_list_of_the_same() -> None:
    """Listing anew what is known already renders nothing."""
    fleet = _settled(node(), pod(), pod("p2", None))
    fleet.replace_nodes([_node(node())])
    fleet.replace_pods([_pod(pod()), _pod(pod("p2", None))])

    assert not fleet.render(1)


def test_a_cordon_is_no_news_to_pods() -> None:
    """What changes a node's lines and not its pods' renders the node alone."""
    fleet = _settled(node(), pod(), pod("p2"))
    fleet.put_node(_node(node(cordoned=True)))

    assert fleet.render(1)
    assert not fleet.render(1)


def test_an_owner_that_is_still_missing() -> None:
    """It is asked for again with every word of its pod or its pod's node."""
    below = pod("p1", 1, **owned(reference("RayCluster", "ray")))
    relay = Relay().put(node(), below)
    relay.scrape()
    wanted = relay.wanted[:]
    relay.put(node()).scrape()
    again = relay.wanted[len(wanted) :]
    relay.put(below).scrape()

    assert wanted == again == relay.wanted[2 * len(wanted) :]
    assert wanted


def test_the_last_told_of_two_nodes_of_one_name() -> None:
    """An older node that repeats itself is the one that is published, as any word is."""
    old, new = node(uid="old", gpus=8), node(uid="new", gpus=4)
    relay = Relay().put(old, new)
    relay.scrape()

    assert Relay().put(new, old).scrape().of("gpu_node_capacity") == relay.put(old).scrape().of(
        "gpu_node_capacity"
    )
