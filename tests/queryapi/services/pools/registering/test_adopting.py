"""A pool that nodes tell of becomes one that somebody wants, and back."""

import pytest

from queryapi.errors import (
    Conflict,
    InvalidParameter,
    PreconditionFailed,
    ResourceNotFound,
    UpstreamUnavailable,
)
from queryapi.services.pools import lifecycle
from queryapi.services.pools.lifecycle import Seen
from queryapi.services.pools.registering.drafts import Patch
from queryapi.storage import conditions
from queryapi.storage.engine import Store
from queryapi.storage.pools import touch
from queryapi.storage.records import NodeType
from tests.support.fake_prometheus import Clock
from tests.support.pools import ADMIN, NOON, Sky, kind, numbers, registry, told


def test_a_found_pool_is_adopted_by_a_change(store: Store) -> None:
    """It keeps its id and nodes; what is not told is as it is seen; deleted, it is found again."""
    sky = Sky(
        c=(
            numbers(kind("team-a", region="eu", provider="GCP"), 2),
            numbers(kind("team-a", region="eu", provider="GCP", instance_type="g5"), 1),
        ),
        d=(),
    )
    pools = registry(store, sky)

    adopted = pools.update("team-a", Patch(description="ours"), ADMIN, {0})

    assert ("team-a", "team-a", "ours", "eu", "GCP") == (
        adopted.id, adopted.name, adopted.description, adopted.region, adopted.provider,
    )  # fmt: skip
    assert (NodeType("g5", 1), NodeType("p4d", 2)) == adopted.node_types
    assert {"pool": ("team-a",)} == adopted.selector
    assert [("pool-adopted", "Adopted with 3 nodes: it was only known by its nodes' label")] == (
        told(pools)
    )
    pools.update("team-a", Patch(description="theirs"), ADMIN, {adopted.version})
    with pytest.raises(PreconditionFailed):
        pools.update("team-a", Patch(), ADMIN, {0})

    pools.delete("team-a", ADMIN, None)

    assert () == pools.pools()
    again = pools.update("team-a", Patch(description="ours again"), ADMIN, {0})
    assert "ours again" == again.description


@pytest.mark.parametrize("passed", [60, 0, -3600])
def test_a_pool_adopted_again_has_higher_versions(store: Store, passed: float) -> None:
    """Whoever has seen the first one must not overwrite the second unawares, whatever the time."""
    clock = Clock(NOON)
    pools = registry(store, Sky(c=(numbers(kind("a")),), d=()), clock)
    pools.update("a", Patch(), ADMIN, None)
    first = pools.update("a", Patch(name="mine"), ADMIN, None)
    pools.delete("a", ADMIN, None)
    clock.now += passed
    second = pools.update("a", Patch(), ADMIN, None)

    assert first.version < second.version
    with pytest.raises(PreconditionFailed):
        pools.update("a", Patch(name="x"), ADMIN, {first.version})


def test_a_region_that_nobody_tells_may_be_told_once(store: Store) -> None:
    """Nodes without that label have to be somewhere; what is known stays."""
    pools = registry(store, Sky(c=(numbers(kind("a", provider="AWS")),), d=()))

    with pytest.raises(InvalidParameter, match="provider cannot be changed"):
        pools.update("a", Patch(region="eu", provider="GCP"), ADMIN, None)
    assert "eu" == pools.update("a", Patch(region="eu"), ADMIN, None).region
    with pytest.raises(InvalidParameter, match="region cannot be changed"):
        pools.update("a", Patch(region="us"), ADMIN, None)


def test_a_found_pool_is_not_deleted(store: Store) -> None:
    """Its nodes would bring it back at once: the answer says what to do to them."""
    pools = registry(store, Sky(c=(numbers(kind("a")),), d=()))

    with pytest.raises(Conflict, match='pool label "a" is taken off'):
        pools.delete("a", ADMIN, None)


def test_a_found_pool_whose_nodes_are_away_is_not_adopted(store: Store) -> None:
    """Nothing is seen of it that could be wanted from now on."""
    seen = lifecycle.found("a", "c", "a", Seen(1, 1, 0, 1), NOON)
    with store.writing() as session:
        conditions.put(session, [seen])
        touch(session)
    pools = registry(store)

    with pytest.raises(Conflict, match="none of this pool's nodes is there now"):
        pools.update("a", Patch(), ADMIN, None)


def test_whether_there_is_a_pool_may_be_unknown(store: Store) -> None:
    """While nobody can be asked what nodes say, a pool is neither there nor not there."""
    pools = registry(store, Sky(c=None, d=()))

    with pytest.raises(UpstreamUnavailable):
        pools.update("a", Patch(), ADMIN, None)
    with pytest.raises(ResourceNotFound):
        pools.update("pool-1", Patch(), ADMIN, None)
