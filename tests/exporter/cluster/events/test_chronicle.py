"""What is told of the lives of nodes and pods: once, at its own time, in words that are true."""

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cluster.events.chronicle import TYPES, Chronicle
from exporter.cluster.events.journal import Journal
from tests.support.life import NodeLife, PodLife

NOW = 1000.0

POD = PodLife("u1", created=100.0)
BOUND = replace(POD, node="n1", scheduled=110.0)
RUNNING = replace(BOUND, phase="Running", started=120.0)
UNKNOWN = replace(RUNNING, phase="Unknown")
SUCCEEDED = replace(RUNNING, phase="Succeeded", finished=130.0)
FAILED = replace(RUNNING, phase="Failed", reason="Error", finished=131.0)
EVICTED = replace(FAILED, reason="Evicted")
REFUSED = replace(
    BOUND, phase="Failed", reason="UnexpectedAdmissionError", started=111.0, finished=111.0
)

NODE = NodeLife("v1", created=50.0, ready_since=60.0)
DOWN = replace(NODE, ready=False, ready_since=None, obstacle="not_ready")
LOST = replace(DOWN, obstacle="unreachable")
CORDONED = replace(NODE, cordoned=True, obstacle="cordoned")


class Told:
    """A chronicle, and what it wrote.

    Attributes:
        chronicle: The chronicle; its clock stands still.
    """

    def __init__(self) -> None:
        self._journal = Journal(100)
        self.chronicle = Chronicle(self._journal, lambda: NOW)

    @property
    def written(self) -> list[tuple[float, str, str, str]]:
        """Time, type, object and message of everything written, oldest first."""
        return [
            (it.when, it.type, it.object, it.message) for it in self._journal.newest_first()[::-1]
        ]

    @property
    def counted(self) -> dict[str, int]:
        """What was counted, but what never happened."""
        return {kind: count for kind, count in self.chronicle.counts.items() if count}


def pod(came: PodLife, *later: PodLife, news: bool = True, went: bool = False) -> Told:
    """Return what is told of a pod of two GPUs."""
    told = Told()
    told.chronicle.pod_came(came, 2, news=news)
    old = came
    for new in later:
        told.chronicle.pod_changed(old, new)
        old = new
    if went:
        told.chronicle.pod_went(old)
    return told


def node(came: NodeLife, *later: NodeLife, gpus: float = 8, news: bool = True) -> Told:
    """Return what is told of a node, whose GPUs stay the same."""
    told = Told()
    told.chronicle.node_came(came, gpus, news=news)
    for old, new in zip((came, *later), later, strict=False):
        told.chronicle.node_changed(old, new, gpus)
    return told


CREATED = (100.0, "PodCreated", "ml/p1", "Pod created with 2 GPUs")
STARTED = (120.0, "PodStarted", "ml/p1", "Pod started on n1")


def test_a_life() -> None:
    """Every step is told at its own time; being scheduled is only counted."""
    told = pod(POD, BOUND, RUNNING, SUCCEEDED, went=True)

    assert [
        CREATED,
        STARTED,
        (130.0, "PodFinished", "ml/p1", "Pod finished"),
        (NOW, "PodDeleted", "ml/p1", "Pod deleted after it succeeded"),
    ] == told.written
    assert {
        "PodCreated": 1,
        "PodScheduled": 1,
        "PodStarted": 1,
        "PodFinished": 1,
        "PodDeleted": 1,
    } == told.counted


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (FAILED, (131.0, "PodFailed", "ml/p1", "Pod failed: Error")),
        (replace(FAILED, reason=""), (131.0, "PodFailed", "ml/p1", "Pod failed")),
        (replace(FAILED, reason="a\nb" + "c" * 999), None),
        (EVICTED, (131.0, "PodEvicted", "ml/p1", "Pod was evicted")),
        (replace(EVICTED, finished=None), (NOW, "PodEvicted", "ml/p1", "Pod was evicted")),
    ],
    ids=["for a reason", "for none", "for a long one", "evicted", "nobody knows when"],
)
def test_bad_ends(end: PodLife, expected: tuple[float, str, str, str] | None) -> None:
    """A pod that fails says why; one that is evicted is told apart."""
    found = pod(RUNNING, end).written[-1]

    assert (expected or (131.0, "PodFailed", "ml/p1", f"Pod failed: a b{'c' * 184}…")) == found


def test_a_pod_that_never_ran() -> None:
    """A pod that was turned away has failed, and has not started."""
    told = pod(POD, BOUND, REFUSED, went=True)

    assert {"PodCreated": 1, "PodScheduled": 1, "PodFailed": 1, "PodDeleted": 1} == told.counted
    assert "Pod deleted after it failed" == told.written[-1][-1]


@pytest.mark.parametrize("last", [POD, BOUND, RUNNING])
def test_a_pod_that_is_gone(last: PodLife) -> None:
    """What had not ended when last heard of may have ended since; nothing else is claimed."""
    assert (NOW, "PodDeleted", "ml/p1", "Pod ended or was deleted") == pod(last, went=True).written[
        -1
    ]


def test_what_the_first_list_brings() -> None:
    """It is told, where it is known when it was, but not counted."""
    told = pod(SUCCEEDED, news=False)

    assert [CREATED, STARTED, (130.0, "PodFinished", "ml/p1", "Pod finished")] == told.written
    assert {} == told.counted
    assert [CREATED] == pod(replace(RUNNING, started=None), news=False).written


def test_what_becomes_of_the_first_list() -> None:
    """From there on everything counts."""
    assert {"PodStarted": 1, "PodFailed": 1} == pod(BOUND, RUNNING, FAILED, news=False).counted


def test_a_pod_that_came_while_we_were_cut_off() -> None:
    """All that happened to it in between is told and counted."""
    assert {
        "PodCreated": 1,
        "PodScheduled": 1,
        "PodStarted": 1,
        "PodFinished": 1,
    } == pod(SUCCEEDED).counted


def test_a_lost_node_starts_no_pod_anew() -> None:
    """A pod of which nothing is known for a while was running all along."""
    assert 1 == pod(RUNNING, UNKNOWN, RUNNING, UNKNOWN, SUCCEEDED).counted["PodStarted"]


def test_every_type_is_there_from_the_start() -> None:
    """A counter that begins at 0 shows its first increase."""
    assert dict.fromkeys(TYPES, 0) == dict(Told().chronicle.counts)


def test_a_pod_on_no_node() -> None:
    """An odd object is told of all the same."""
    assert "Pod started" == pod(replace(RUNNING, node="")).written[-1][-1]


def test_pods_that_ended_on_a_node() -> None:
    """They are counted by node and result, those of the first list excepted."""
    told = node(NODE)
    told.chronicle.pod_came(replace(SUCCEEDED, uid="before"), 1, news=False)
    for uid, end in (("a", SUCCEEDED), ("b", FAILED), ("c", EVICTED), ("d", REFUSED)):
        told.chronicle.pod_came(replace(BOUND, uid=uid), 1, news=True)
        told.chronicle.pod_changed(replace(BOUND, uid=uid), replace(end, uid=uid))
    told.chronicle.pod_came(replace(SUCCEEDED, uid="e", node="elsewhere"), 1, news=True)

    assert {"succeeded": 1, "failed": 3} == told.chronicle.completed("n1")
    assert {} == told.chronicle.completed("elsewhere")


def test_a_node_that_goes_takes_its_counts_along() -> None:
    """Unless one of its name has taken its place before."""
    told = node(NODE)
    told.chronicle.pod_came(SUCCEEDED, 1, news=True)
    told.chronicle.node_came(replace(NODE, uid="v2"), 8, news=True)
    told.chronicle.node_went(NODE)

    assert {"succeeded": 1, "failed": 0} == told.chronicle.completed("n1")

    told.chronicle.node_went(replace(NODE, uid="v2"))

    assert {} == told.chronicle.completed("n1")


ADDED = (50.0, "NodeAdded", "n1", "New node with 8 GPUs added")


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([NODE], []),
        ([DOWN], [(NOW, "NodeNotReady", "n1", "Node is not ready")]),
        ([LOST], [(NOW, "NodeNotReady", "n1", "Node is unreachable")]),
        (
            [DOWN, replace(NODE, ready_since=700.0)],
            [
                (700.0, "NodeReady", "n1", "Node is ready"),
                (NOW, "NodeNotReady", "n1", "Node is not ready"),
            ],
        ),
        ([CORDONED], [(NOW, "NodeCordoned", "n1", "Node cordoned")]),
        (
            [CORDONED, NODE],
            [
                (NOW, "NodeCordoned", "n1", "Node cordoned"),
                (NOW, "NodeUncordoned", "n1", "Node uncordoned"),
            ],
        ),
    ],
    ids=["nothing", "not ready", "unreachable", "ready again", "cordoned", "uncordoned"],
)
def test_a_node_s_life(
    versions: list[NodeLife], expected: list[tuple[float, str, str, str]]
) -> None:
    """Its changes are told when they happen, and nothing is told where none does."""
    told = node(NODE, *versions, news=False)

    assert [ADDED, *expected] == told.written
    assert Counter(kind for _, kind, _, _ in expected) == told.counted


def test_a_node_joins_before_its_gpus() -> None:
    """It is added once it has GPUs, and only once, whatever becomes of its device plugin."""
    told = node(NODE, DOWN, NODE, gpus=0)

    assert [] == told.written

    for gpus in (8, 0, 8):
        told.chronicle.node_changed(NODE, NODE, gpus)

    assert [ADDED] == told.written
    assert {"NodeAdded": 1} == told.counted


def test_a_node_is_removed() -> None:
    """It is told with the GPUs it had, even when its device plugin had left before."""
    told = node(NODE)
    told.chronicle.node_changed(NODE, DOWN, 4)
    told.chronicle.node_changed(DOWN, DOWN, 0)
    told.chronicle.node_went(DOWN)

    assert (NOW, "NodeRemoved", "n1", "Node with 4 GPUs removed") == told.written[-1]


def test_nodes_without_gpus_are_not_told_of() -> None:
    """Nor is their going."""
    told = node(NODE, CORDONED, gpus=0)
    told.chronicle.node_went(CORDONED)

    assert [] == told.written
    assert {} == told.counted


versions = st.sampled_from([POD, BOUND, RUNNING, UNKNOWN, SUCCEEDED, FAILED, EVICTED, REFUSED])


@given(versions, st.lists(versions), st.booleans(), st.booleans())
def test_counters_never_go_down(
    came: PodLife,
    later: list[PodLife],
    news: bool,  # noqa: FBT001 - drawn
    went: bool,  # noqa: FBT001 - drawn
) -> None:
    """Whatever is told of a pod, every count is at least what it was."""
    before: Counter[str] = Counter()
    for length in range(len(later) + 1):
        after = pod(came, *later[:length], news=news, went=went).chronicle.counts
        assert all(after[kind] >= before[kind] for kind in TYPES)
        before = after


@given(st.permutations(range(6)))
def test_the_order_of_objects_does_not_matter(order: list[int]) -> None:
    """Whichever of several pods and nodes is heard of first, the same is told."""

    def tell(order: list[int]) -> Told:
        told = Told()
        came = partial(told.chronicle.pod_came, gpus=1, news=True)
        steps = [
            partial(told.chronicle.node_came, NODE, 8, news=True),
            partial(told.chronicle.node_came, replace(NODE, uid="v2", name="n2"), 8, news=False),
            *(partial(came, replace(RUNNING, uid=uid, name=uid)) for uid in "abcd"),
        ]
        for step in order:
            steps[step]()
        return told

    assert sorted(tell(list(range(6))).written) == sorted(tell(order).written)
    assert tell(list(range(6))).counted == tell(order).counted
