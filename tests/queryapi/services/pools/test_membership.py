"""A class of nodes belongs to one pool at most: the oldest that fits, else its label's."""

from hypothesis import given
from hypothesis import strategies as st

from queryapi.services.pools.membership import (
    assign,
    cluster_of,
    fits,
    found_id,
    is_numbered,
    label_of,
)
from queryapi.services.pools.model import NodeClass
from queryapi.services.pools.rows import Known, Sight, rows_of
from queryapi.services.pools.views import item_of, summary_of
from queryapi.storage.records import Pool
from tests.support.pools import NOON, kind, numbers, pool

_WORDS = st.sampled_from(["", "a", "b", "pool-1", "label.a", "activity"])
_KINDS = st.lists(st.builds(NodeClass, *[_WORDS] * 6), unique=True, max_size=12)
_SELECTORS = st.dictionaries(
    st.sampled_from(NodeClass._fields), st.lists(_WORDS, max_size=3).map(tuple), max_size=3
)
_POOLS = st.lists(
    st.builds(lambda cluster, selector: (cluster, selector), st.sampled_from("cd"), _SELECTORS),
    max_size=8,
).map(
    lambda some: [
        pool(f"pool-{place}", cluster=cluster, selector=selector)
        for place, (cluster, selector) in enumerate(some, 1)
    ]
)
_LABELS = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?", fullmatch=True)


@given(_KINDS, _POOLS)
def test_no_node_is_counted_twice(kinds: list[NodeClass], pools: list[Pool]) -> None:
    """What pools have together is what there is of nodes that fit one or have a label, no more."""
    members = assign(kinds, pools, "c", default_cluster="c")
    owned = [one for some in members.registered.values() for one in some]
    found = [one for some in members.found.values() for one in some]

    own = [pool for pool in pools if pool.cluster == "c"]
    meant = [one for one in kinds if any(fits(pool.selector, one) for pool in own)]
    assert sorted(meant) == sorted(owned)
    assert sorted(one for one in kinds if one.pool and one not in meant) == sorted(found)


@given(_KINDS, _POOLS)
def test_the_oldest_pool_that_fits_has_the_nodes(kinds: list[NodeClass], pools: list[Pool]) -> None:
    """Whatever facts it asks for: a later pool takes nothing away."""
    members = assign(kinds, pools, "c", default_cluster="c")

    own = [pool for pool in pools if pool.cluster == "c"]
    assert [pool.id for pool in own] == list(members.registered)
    for place, one in enumerate(own):
        mine = [
            kind
            for kind in kinds
            if fits(one.selector, kind) and not any(fits(p.selector, kind) for p in own[:place])
        ]
        assert tuple(mine) == members.registered[one.id]


@given(_KINDS, _POOLS)
def test_pools_add_up_to_what_is_seen(kinds: list[NodeClass], pools: list[Pool]) -> None:
    """The sum of the answers' GPUs is that of all nodes which have a pool."""
    sight = Sight(tuple(numbers(one, place + 1) for place, one in enumerate(kinds)))
    known = Known("c", "c", tuple(pools), {}, sight, now=NOON)

    items = [item_of(row) for row in rows_of(known).values()]

    own = [pool for pool in pools if pool.cluster == "c"]
    pooled = [
        numbers_
        for numbers_ in sight.stock
        if numbers_.kind.pool or any(fits(one.selector, numbers_.kind) for one in own)
    ]
    assert sum(one.gpus for one in pooled) == summary_of(items).total_capacity
    assert sum(one.ready for one in pooled) == sum(one.ready_nodes for one in items)
    assert len({one.id for one in items}) == summary_of(items).total_pools


@given(_LABELS, st.sampled_from(["c", "d", "d:e"]))
def test_an_id_leads_back_to_its_nodes(label: str, cluster: str) -> None:
    """From the id alone it is known where to look, for which label; none is a registered one's."""
    id_ = found_id(cluster, label, default_cluster="c")

    assert cluster == cluster_of(id_, ["c", "d", "d:e"], default_cluster="c")
    assert label == label_of(id_, cluster)
    assert "activity" != id_
    assert not is_numbered(id_)


def test_no_found_pool_has_the_id_of_another_clusters() -> None:
    """One was adopted while its cluster was the default one: who comes after it is told apart."""
    adopted = pool("a", cluster="d", selector={"pool": ("a",)})
    (found,) = assign([kind("a")], [adopted], "c", default_cluster="c").found

    assert ("c:a", "a") == (found.id, label_of(found.id, "c"))
    assert "c" == cluster_of(found.id, ["c", "d"], default_cluster="c")


def test_a_selector_that_asks_for_nothing_has_no_nodes() -> None:
    """It would have all of them."""
    assert not fits({}, kind("a"))
