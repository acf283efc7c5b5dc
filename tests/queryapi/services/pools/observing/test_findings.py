"""What looks at a cluster's nodes write: what happened, once, and nothing that did not."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from queryapi.services.pools import lifecycle
from queryapi.services.pools.lifecycle import Terms
from queryapi.services.pools.model import NodeClass, PoolNode
from queryapi.services.pools.observing.findings import Findings, compare
from queryapi.services.pools.observing.moves import Look, Stored
from queryapi.storage.records import Activity, Condition, Member, NodeType, Pool, Status

TERMS = Terms(settle=60, join_within=600, activate_after=None, gap=90)
WALL = 5_000_000.0


def _kind(label: str, type_: str = "p4d.24xlarge") -> NodeClass:
    return NodeClass(label, "A100", type_, "zone", "region", "aws")


def _nodes(
    label: str, numbers: Iterable[int], *, ready: bool = True, cordoned: bool = False
) -> tuple[PoolNode, ...]:
    return tuple(PoolNode(f"n{n}", _kind(label), ready, cordoned) for n in numbers)


def _pool(id_: str, label: str, wanted: int, *, cluster: str = "c") -> Pool:
    return Pool(
        id_,
        cluster,
        f"Pool {id_}",
        "",
        "region",
        "aws",
        (NodeType("p4d.24xlarge", wanted),),
        (),
        {"pool": (label,)},
        maintenance=False,
        created_at=0,
        updated_at=0,
        resized_at=0,
    )


@dataclass
class _Book:
    """What is stored, and who looks."""

    pools: tuple[Pool, ...] = ()
    members: dict[str, Member] = field(default_factory=dict)
    conditions: dict[str, Condition] = field(default_factory=dict)
    at: float = 1000.0
    previous: float | None = None

    def look(self, *nodes: tuple[PoolNode, ...], passed: float = 15.0) -> Findings:
        """Look once more, and store what is found."""
        self.at += passed
        together = tuple(node for some in nodes for node in some)
        unbroken = lifecycle.continues(self.previous, self.at, TERMS)
        self.previous = self.at
        known = Stored(self.pools, dict(self.members), dict(self.conditions))
        found = compare(
            known, Look("c", together, self.at, WALL, unbroken), TERMS, default_cluster="c"
        )
        self.conditions |= {one.pool_id: one for one in found.conditions}
        self.members |= {one.node: one for one in found.members}
        for id_ in found.ended:
            del self.conditions[id_]
        for node in found.left:
            del self.members[node]
        return found

    def watch(self, *nodes: tuple[PoolNode, ...], looks: int = 5) -> list[Activity]:
        """Look at the same for a minute; returns what there was to tell."""
        return [told for _ in range(looks) for told in self.look(*nodes).activities]


def _told(activities: Iterable[Activity]) -> list[tuple[str, str, str]]:
    return [(one.pool_id, one.action, one.details) for one in activities]


def test_a_fleet_that_is_seen_first_is_one_entry_a_pool() -> None:
    """Whatever its nodes are: they were not added today, and not cordoned today."""
    book = _Book()
    found = book.look(
        _nodes("a100-west", range(48)), _nodes("h100", range(100, 103), cordoned=True)
    )

    assert [
        ("a100-west", "pool-discovered", "Found 48 nodes by the label a100-west"),
        ("h100", "pool-discovered", "Found 3 nodes by the label h100"),
    ] == _told(found.activities)
    assert (20, "system", WALL) == (
        len(found.activities[0].nodes),
        found.activities[0].user,
        found.activities[0].at,
    )
    assert {Status.ACTIVE, Status.MAINTENANCE} == set(found.statuses)


def test_a_look_that_finds_the_same_writes_nothing() -> None:
    """An idle fleet costs no disk anything."""
    book = _Book((_pool("pool-1", "west", 8),))
    book.watch(_nodes("west", range(8)), _nodes("east", range(10, 12)), looks=6)

    assert not book.look(_nodes("west", range(8)), _nodes("east", range(10, 12)))


def test_nodes_that_join_are_one_entry_a_type() -> None:
    """At once, with their names."""
    book = _Book((_pool("pool-1", "west", 8),))
    other = PoolNode("odd", _kind("west", "p3.16xlarge"), ready=True, cordoned=False)
    found = book.look(_nodes("west", range(8)), (other,))

    assert [
        ("pool-1", "node-added", "Added 1 new p3.16xlarge node"),
        ("pool-1", "node-added", "Added 8 new p4d.24xlarge nodes"),
    ] == _told(found.activities)
    assert ("odd",) == found.activities[0].nodes
    assert "Pool pool-1" == found.activities[0].pool_name


def test_a_node_has_left_when_it_stays_away() -> None:
    """Less than a minute is a gap: nobody is told, and it is the same node after it."""
    book = _Book()
    book.look(_nodes("west", range(8)))
    gap = book.watch(_nodes("west", range(6)), looks=4)
    back = book.watch(_nodes("west", range(8)), looks=1)
    gone = book.watch(_nodes("west", range(6)), looks=6)

    assert [] == gap + back
    assert [("west", "node-removed", "Removed 2 p4d.24xlarge nodes")] == _told(gone)
    assert ("n6", "n7") == gone[0].nodes


def test_time_without_looks_is_no_absence() -> None:
    """A node that two looks an hour apart do not show was not missing for an hour."""
    book = _Book()
    book.look(_nodes("west", range(8)))
    book.look(_nodes("west", range(6)))

    assert [] == _told(book.look(_nodes("west", range(6)), passed=3600).activities)
    assert 1 == len(book.watch(_nodes("west", range(6)), looks=4))


def test_all_nodes_of_a_found_pool_leave() -> None:
    """Then it is gone, and found anew when they come back."""
    book = _Book()
    book.look(_nodes("west", range(2)))

    assert [
        ("west", "node-removed", "Removed 2 p4d.24xlarge nodes"),
        ("west", "pool-gone", "Gone: it has no nodes any more"),
    ] == _told(book.watch())
    assert ({}, {}) == (book.members, book.conditions)
    assert ["pool-discovered"] == [one.action for one in book.watch(_nodes("west", range(2)))]


def test_a_node_that_moves_leaves_one_pool_and_joins_the_other() -> None:
    """When its label has stayed changed; a label that is gone for a moment moves nothing."""
    book = _Book((_pool("pool-1", "west", 8), _pool("pool-2", "east", 8)))
    book.look(_nodes("west", range(8)))
    unlabelled = book.watch(_nodes("west", range(7)), _nodes("", [7]), looks=2)
    book.look(_nodes("west", range(8)))
    moved = book.watch(_nodes("west", range(7)), _nodes("east", [7]))

    assert [] == unlabelled
    assert [
        ("pool-1", "node-removed", "Removed 1 p4d.24xlarge node"),
        ("pool-2", "node-added", "Added 1 new p4d.24xlarge node"),
    ] == _told(moved)


def test_a_pool_that_nodes_only_visit_is_not_found() -> None:
    """A new label becomes a pool when a node has stayed there."""
    book = _Book()
    book.look(_nodes("west", range(8)))
    visit = book.watch(_nodes("west", range(7)), _nodes("wset", [7]), looks=3)
    book.look(_nodes("west", range(8)))

    assert [] == visit
    assert {"west"} == set(book.conditions)
    assert [
        ("west", "node-removed", "Removed 1 p4d.24xlarge node"),
        ("wset", "pool-discovered", "Found 1 node by the label wset"),
    ] == _told(book.watch(_nodes("west", range(7)), _nodes("wset", [7])))


def test_cordons_are_told_at_once_and_together() -> None:
    """One by name, several by number; and uncordoning too."""
    book = _Book()
    book.look(_nodes("west", range(8)))
    one = book.look(_nodes("west", range(7)), _nodes("west", [7], cordoned=True))
    more = book.look(_nodes("west", range(4)), _nodes("west", range(4, 8), cordoned=True))
    none = book.look(_nodes("west", range(8)))

    assert [("west", "maintenance", "Cordoned n7")] == _told(one.activities)
    assert [("west", "maintenance", "Cordoned 3 nodes")] == _told(more.activities)
    assert [("west", "maintenance", "Uncordoned 4 nodes")] == _told(none.activities)


def test_a_change_of_state_is_told_with_its_reason() -> None:
    """From what to what, and what was seen."""
    book = _Book()
    book.look(_nodes("west", range(8)))
    (told,) = book.watch(_nodes("west", range(6)), _nodes("west", [6, 7], ready=False))

    assert "Status changed from active to degraded: 6 of 8 nodes are ready" == told.details
    assert [("status", "active", "degraded")] == [
        (one.field, one.before, one.after) for one in told.changes
    ]


def test_a_pool_that_is_registered_takes_its_nodes_over() -> None:
    """The found pool loses them, the registered one gets them."""
    book = _Book()
    book.look(_nodes("west", range(8)))
    book.pools = (_pool("pool-1", "west", 8),)

    told = book.watch(_nodes("west", range(8)))

    assert [
        ("west", "node-removed", "Removed 8 p4d.24xlarge nodes"),
        ("west", "pool-gone", "Gone: it has no nodes any more"),
        ("pool-1", "node-added", "Added 8 new p4d.24xlarge nodes"),
        (
            "pool-1",
            "status-changed",
            "Status changed from initializing to active: All 8 nodes are ready",
        ),
    ] == _told(told)
    assert {"pool-1"} == set(book.conditions)


def test_an_adopted_pool_goes_on_as_it_was() -> None:
    """The same id, the same nodes: nothing happened to it; nor when it is given up again."""
    book = _Book()
    book.look(_nodes("west", range(8)))
    book.pools = (_pool("west", "west", 8),)
    adopted = book.watch(_nodes("west", range(8)))
    book.pools = ()

    assert [] == adopted + book.watch(_nodes("west", range(8)))
    assert Status.ACTIVE is book.conditions["west"].status


def test_an_adopted_pool_that_is_deleted_is_found_again() -> None:
    """Who deletes it forgets its condition; its nodes have been its all the time."""
    book = _Book((_pool("west", "west", 8),))
    book.look(_nodes("west", range(8)))
    book.pools, book.conditions = (), {}

    assert [("west", "pool-discovered", "Found 8 nodes by the label west")] == _told(
        book.watch(_nodes("west", range(8)))
    )


def test_of_a_deleted_pool_nothing_more_is_told() -> None:
    """Its nodes are found at once where their label says, and its condition is forgotten."""
    book = _Book((_pool("pool-1", "west", 8),))
    book.watch(_nodes("west", range(8)), looks=6)
    book.pools = ()
    found = book.look(_nodes("west", range(8)))

    assert [("west", "pool-discovered", "Found 8 nodes by the label west")] == _told(
        found.activities
    )
    assert ("pool-1",) == found.ended
    assert {"west"} == {member.pool_id for member in book.members.values()}


def test_of_a_deleted_pool_that_was_adopted_nothing_more_is_told() -> None:
    """Whatever its selector was: its nodes are found where their label says."""
    book = _Book((_pool("batch", "west", 8),))
    book.watch(_nodes("west", range(8)), looks=6)
    book.pools, book.conditions = (), {}

    assert [("west", "pool-discovered", "Found 8 nodes by the label west")] == _told(
        book.watch(_nodes("west", range(8)))
    )
    assert {"west"} == {member.pool_id for member in book.members.values()}


def test_pools_of_other_clusters_are_left_alone() -> None:
    """A look at one cluster says nothing of another's."""
    book = _Book((_pool("pool-1", "west", 8, cluster="d"),))
    book.look(_nodes("west", range(8)))

    assert {"west"} == set(book.conditions)


def test_a_new_pool_that_is_worked_on_is_told_as_such() -> None:
    """Its first look moves it, with an entry as any other."""
    flagged = replace(_pool("pool-1", "west", 8), maintenance=True)
    (told,) = _Book((flagged,)).look().activities

    assert ("status-changed", "Status changed from initializing to maintenance: ") == (
        told.action,
        told.details.removesuffix("It is said to be worked on"),
    )


_PLACES = st.lists(st.sampled_from(["", "west", "east", None]), min_size=5, max_size=5)


@given(
    st.lists(
        st.tuples(_PLACES, st.booleans(), st.sampled_from([15, 15, 15, 600]), st.integers(1, 6)),
        max_size=6,
    )
)
def test_entries_add_up_to_the_members(
    story: list[tuple[list[str | None], bool, int, int]],
) -> None:
    """Whatever nodes do: who was added and not removed since is a member, and nobody else."""
    book = _Book((_pool("pool-1", "west", 3),))
    told: list[Activity] = []
    for places, ready, passed, times in story:
        nodes = tuple(
            PoolNode(f"n{n}", _kind(place), ready, cordoned=False)
            for n, place in enumerate(places)
            if place is not None
        )
        for _ in range(times):
            found = book.look(nodes, passed=passed)
            told += found.activities
            assert set(book.conditions) <= {"pool-1", "east"}
    homes: dict[str, str] = {}
    for entry in told:
        for node in entry.nodes:
            if entry.action in {"node-added", "pool-discovered"}:
                assert node not in homes
                homes[node] = entry.pool_id
            if entry.action == "node-removed":
                assert entry.pool_id == homes.pop(node)

    assert homes == {name: member.pool_id for name, member in book.members.items()}
    statuses: dict[str, str] = {}
    for entry in told:
        if entry.action == "pool-discovered":
            statuses.pop(entry.pool_id, None)
        for change in entry.changes:
            assert change.before == statuses.get(entry.pool_id, change.before)
            statuses[entry.pool_id] = change.after
