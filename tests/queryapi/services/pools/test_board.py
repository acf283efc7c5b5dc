"""What is kept of pools from one write to the next is what would be worked out anew."""

from collections.abc import Iterable, Sequence
from dataclasses import replace as replaced

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from queryapi.services.pools.answers import PoolItem, PoolList
from queryapi.services.pools.board import Board, list_of
from queryapi.services.pools.lifecycle import Terms
from queryapi.services.pools.membership import Owners
from queryapi.services.pools.model import NodeClass
from queryapi.services.pools.registering.state import State
from queryapi.services.pools.rows import Known, Sight, rows_of
from queryapi.services.pools.views import Light, item_of, summary_of
from queryapi.storage.records import Condition, NodeType, Pool, Status
from tests.support.pools import NOON, kind, numbers, pool

_LIGHT = Light(Terms(settle=60, join_within=600, activate_after=None, gap=90), NOON)
_WORDS = st.sampled_from(["", "a", "b", "label.a", "pool-1", "activity"])
_KINDS = st.lists(st.builds(NodeClass, *[_WORDS] * 6), unique=True, max_size=8)
_SELECTORS = st.dictionaries(
    st.sampled_from(NodeClass._fields), st.lists(_WORDS, max_size=3).map(tuple), max_size=3
)
_IDS = ("pool-1", "pool-2", "a", "label.activity")
_POOLS = st.lists(
    st.builds(
        lambda id_, cluster, selector, count: pool(
            id_, cluster=cluster, selector=selector, node_types=(NodeType("p4d", count),)
        ),
        st.sampled_from(_IDS),
        st.sampled_from("cd"),
        _SELECTORS,
        st.integers(1, 9),
    ),
    unique_by=lambda one: one.id,
    max_size=4,
)
_CONDITIONS = st.lists(
    st.builds(
        lambda id_, cluster, status: Condition(id_, cluster, status, NOON, None, None, NOON),
        st.sampled_from((*_IDS, "b", "gone")),
        st.sampled_from("cd"),
        st.sampled_from(Status),
    ),
    unique_by=lambda one: one.pool_id,
    max_size=4,
)


def state(pools: Sequence[Pool], conditions: Sequence[Condition] = ()) -> State:
    """Return what is stored."""
    seen = {one.pool_id: one for one in conditions}
    by_id = {one.id: one for one in pools}
    return State(1, tuple(pools), seen, by_id, Owners(pools))


def sight(*kinds: NodeClass) -> Sight:
    """Return as many nodes of each class as its place in the list."""
    return Sight(tuple(numbers(one, place) for place, one in enumerate(kinds, 1)))


def one_by_one(board: Board, now: State, ids: Iterable[str]) -> dict[str, PoolItem]:
    """Return the pools of some ids, and of others that may be there."""
    entries = {id_: board.one(now, id_) for id_ in (*ids, "b", "gone", "d:a", "")}
    return {id_: one.item for id_, one in entries.items() if one is not None}


@given(_KINDS, st.lists(st.tuples(_POOLS, _CONDITIONS), min_size=1, max_size=3), st.booleans())
def test_what_is_kept_is_what_is_made_anew(
    kinds: list[NodeClass],
    stored: list[tuple[list[Pool], list[Condition]]],
    read: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    """Of all pools and of each one, whatever was written before."""
    seen = sight(*kinds) if read else None
    light = replaced(_LIGHT, read=read)
    board = Board("c", "c", seen, light, NOON)
    for pools, conditions in stored:
        now = state(pools, conditions)
        known = Known("c", "c", now.pools, now.conditions, seen, NOON)
        anew = {id_: item_of(row, light) for id_, row in rows_of(known).items()}

        # Before all together and after: the latter keeps what the former made.
        assert anew == one_by_one(board, now, anew)
        assert list(anew.items()) == [(id_, one.item) for id_, one in board.every(now).items()]
        assert anew == one_by_one(board, now, anew)


def test_a_list_is_what_its_pools_are() -> None:
    """Byte by byte what the answer's description tells of."""
    board = Board("c", "c", sight(kind("pool-1"), kind("a")), _LIGHT, NOON)
    for pools in ([], [pool("pool-1")]):
        entries = list(board.every(state(pools)).values())

        items = tuple(one.item for one in entries)
        for stale in (False, True):
            whole = PoolList(summary_of(items), items, stale or UNSET)
            assert msgspec.json.encode(whole) == list_of(entries, stale=stale)


def test_a_write_costs_one_pool() -> None:
    """The others' answers are the same objects; of one that is gone nothing is kept."""
    pools = [pool(f"pool-{number}") for number in range(1, 4)]
    board = Board("c", "c", sight(*(kind(one.id) for one in pools), kind("a")), _LIGHT, NOON)
    before = board.every(state(pools))

    changed = replace(pools[1], name="Other", version=2)
    after = board.every(state([pools[0], changed, pool("pool-4")]))

    assert ["pool-1", "a"] == [id_ for id_ in before if before[id_] is after.get(id_)]
    assert "Other" == after["pool-2"].item.name
    assert before["pool-3"] is not board.every(state(pools))["pool-3"]
