"""Which nodes a pool has, by what chooses them."""

from hypothesis import given
from hypothesis import strategies as st

from queryapi.services.pools.membership import Found, assign, fits
from queryapi.services.pools.model import NodeClass
from queryapi.services.pools.planning.chosen import Chosen, Facts, chosen_by, chosen_of
from queryapi.storage.records import Pool, Selector


def pool(id_: str, selector: Selector, cluster: str = "c") -> Pool:
    """Return a registered pool."""
    return Pool(id_, cluster, id_, "", "", "", (), (), selector, False, 0, 0, 0)  # noqa: FBT003


OLD = pool("pool-1", {"model": ("H100", "A100"), "zone": ("a",)})
NEW = pool("pool-2", {"zone": ("b", "a"), "region": ("eu",)})


def test_the_oldest_pool_has_all_that_it_chooses() -> None:
    """Its selector in one order, and nobody else's."""
    expected = Chosen("c", (("model", ("A100", "H100")), ("zone", ("a",))))
    assert expected == chosen_by(OLD, [OLD, NEW])


def test_a_younger_pool_has_what_older_ones_leave() -> None:
    """What both choose is the older one's."""
    both = (("model", ("A100", "H100")), ("region", ("eu",)), ("zone", ("a",)))
    expected = Chosen("c", (("region", ("eu",)), ("zone", ("a", "b"))), (both,))
    assert expected == chosen_by(NEW, [OLD, NEW])


def test_pools_that_share_no_node_are_not_told_apart() -> None:
    """A question names only those older pools that can have any of the nodes."""
    others = [
        pool("pool-3", {"zone": ("c",)}),
        pool("pool-4", {}),
        pool("pool-5", {"zone": ()}),
        pool("pool-6", {"zone": ("a",)}, cluster="other"),
    ]
    assert () == chosen_by(NEW, [*others, NEW]).others


def test_a_found_pool_has_what_registered_ones_leave() -> None:
    """However young they are."""
    expected = Chosen("c", (("pool", ("x",)),), ((("pool", ("x",)), ("zone", ("a",))),))
    assert expected == chosen_of(Found("x", "c", "x"), [pool("pool-9", {"zone": ("a",)})])


def test_a_selector_that_no_node_can_fit_chooses_none() -> None:
    """Neither one without facts nor one without values means all nodes."""
    for selector in ({}, {"zone": (), "region": ("eu",)}):
        one = pool("pool-3", selector)
        assert Chosen("c", ()) == chosen_by(one, [OLD, one])


VALUES = st.sampled_from(["", "a", "b", "c"])
FACTS = st.sampled_from(NodeClass._fields)
SELECTORS = st.dictionaries(FACTS, st.lists(VALUES, max_size=3).map(tuple), max_size=3)
KINDS = st.lists(st.builds(NodeClass, *[VALUES] * 6), max_size=8, unique=True)


def has(facts: Facts, kind: NodeClass) -> bool:
    """Tell whether such nodes are chosen."""
    return fits(dict(facts), kind)


@given(KINDS, st.lists(SELECTORS, max_size=5))
def test_history_and_present_agree_on_who_has_which_nodes(
    kinds: list[NodeClass], selectors: list[Selector]
) -> None:
    """What is chosen by facts is what is assigned node by node."""
    pools = [pool(f"pool-{n}", selector) for n, selector in enumerate(selectors)]
    members = assign(kinds, pools, "c", default_cluster="c")

    for chosen, expected in [
        *((chosen_by(each, pools), members.registered[each.id]) for each in pools),
        *((chosen_of(found, pools), classes) for found, classes in members.found.items()),
    ]:
        own = [kind for kind in kinds if has(chosen.own, kind)]
        left = [kind for kind in own if not any(has(other, kind) for other in chosen.others)]
        assert list(expected) == left
