"""A cluster published in parts: together they say what one exporter would, and nothing twice."""

import re
from collections import defaultdict
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cluster.fleet import Scope
from exporter.cluster.shard import Shard
from tests.exporter.cluster.test_properties import nodes, patient, pods
from tests.support.objects import Object, node, pod, scheduled, warning
from tests.support.scrape import Relay, Scrape

COUNTS = ("gpu_pods", "gpu_pending_", "gpu_free_nodes", "gpu_clique_", "gpu_orphaned_")


def parts(total: int) -> list[Relay]:
    """Return a fleet for each part of a cluster."""
    return [Relay(scope=Scope(shard=Shard(index, total))) for index in range(total)]


def scrapes(total: int, *objects: Object) -> list[Scrape]:
    """Return the page of each part, all of which are told the same."""
    return [relay.put(*objects).scrape() for relay in parts(total)]


def home(name: str, total: int = 2) -> int:
    """Return the part that a node's name, or an unbound pod's UID, belongs to."""
    return next(index for index in range(total) if Shard(index, total).owns(name))


def added_up(pages: Iterable[Scrape]) -> dict[str, float]:
    """Return the counts of several pages, the label of the part left out."""
    total: dict[str, float] = defaultdict(float)
    for page in pages:
        for line in page.of_cluster():
            if line.startswith(COUNTS):
                series, _, count = line.rpartition(" ")
                total[re.sub(r',?shard="\d"', "", series).replace("{}", "")] += float(count)
    return {series: round(count, 6) for series, count in total.items()}


@patient
@given(st.integers(1, 4), st.lists(nodes()), st.lists(pods()))
def test_the_parts_are_the_whole(total: int, some: list[Object], others: list[Object]) -> None:
    """Each node and each pod stands on one page, and the counts of all pages add up."""
    pages = scrapes(total, *some, *others)
    (whole,) = scrapes(1, *some, *others)

    assert whole.of_nodes() == sorted(line for page in pages for line in page.of_nodes())
    # A pod whose node is published by another part is on that one's page.
    assert whole.of_pods() == sorted(line for page in pages for line in page.of_pods())
    assert added_up([whole]) == added_up(pages)


def test_parts_are_told_apart() -> None:
    """What is counted says of which part it is; without parts it does not."""
    pages = scrapes(2, node())

    assert ['gpu_pods{phase="Failed",shard="0"} 0', 'gpu_pods{phase="Failed",shard="1"} 0'] == [
        line for page in pages for line in page.of("gpu_pods") if "Failed" in line
    ]
    assert "shard=" not in scrapes(1, node())[0].text


def test_a_pod_that_gets_its_node_moves() -> None:
    """It goes to its node's part, which measures its wait; nobody says that it was deleted."""
    name = next(f"p{n}" for n in range(9) if home(f"uid-p{n}") != home("n1"))
    relays = parts(2)
    for relay in relays:
        relay.put(node(), pod(name, node="", phase="Pending"))
    first, second = relays[home(f"uid-{name}")], relays[home("n1")]

    assert (1, 0) == (
        len(first.scrape().of("gpu_pod_info")),
        len(second.scrape().of("gpu_pod_info")),
    )

    for relay in relays:
        relay.put(pod(name, phase="Pending", status=scheduled()))
    before, after = first.scrape(), second.scrape()

    assert (0, 1) == (len(before.of("gpu_pod_info")), len(after.of("gpu_pod_info")))
    assert 'gpu_events_total{type="PodDeleted"} 0' in before.lines
    assert "gpu_pod_queue_wait_seconds_count 0" in before.lines
    assert "gpu_pod_queue_wait_seconds_count 1" in after.lines
    assert 'gpu_events_total{type="PodScheduled"} 1' in after.lines
    assert 'gpu_events_total{type="PodCreated"} 1' in before.lines
    assert 'gpu_events_total{type="PodCreated"} 0' in after.lines
    assert [] == [it for it in after.of("gpu_event_timestamp_seconds") if "PodCreated" in it]


def test_a_pod_first_told_of_on_its_node() -> None:
    """One that no part knew before, or that went and came again, was created where it is."""
    name = next(f"p{n}" for n in range(9) if home(f"uid-p{n}") != home("n1"))
    relays = parts(2)
    for relay in relays:
        relay.put(node(), pod(name, node="", phase="Pending")).drop(pod(name)).put(pod(name))
        relay.put(pod("gone", node="", phase="Pending")).replace_pods([pod(name)])
        relay.put(pod("gone"))
    told = [line for relay in relays for line in relay.scrape().of("gpu_events_total")]

    assert 4 == sum(float(line.split(" ")[1]) for line in told if "PodCreated" in line)


@pytest.mark.parametrize("total", [2, 3])
def test_warnings_are_counted_once(total: int) -> None:
    """All parts hear of all events: the first counts them, each writes down those of its own."""
    pages = scrapes(total, node(), warning("NodeNotReady", node()))
    counted = [page.of("gpu_kubernetes_warnings_total") for page in pages]
    told = [line for page in pages for line in page.of("gpu_event_timestamp_seconds")]

    assert (
        [['gpu_kubernetes_warnings_total{kind="Node",reason="NodeNotReady"} 1']]
        == [lines for lines in counted if lines]
        == counted[:1]
    )
    assert 1 == len([line for line in told if "NodeNotReady" in line])
