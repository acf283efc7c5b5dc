"""What is told of a pool: what is wanted of it, beside what is seen of its nodes."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from queryapi.services.pools.answers import PoolItem
from queryapi.services.pools.lifecycle import Terms
from queryapi.services.pools.model import Measured
from queryapi.services.pools.rows import Known, Sight, rows_of
from queryapi.services.pools.views import Light, item_of, summary_of
from queryapi.storage.records import Condition, NodeType, Pool, Status
from tests.support.pools import NOON, kind, numbers, pool

TERMS = Terms(settle=60, join_within=600, activate_after=None, gap=90)


def items(
    *pools: Pool,
    sight: Sight | None,
    conditions: tuple[Condition, ...] = (),
    cluster: str = "c",
    stale: bool = False,
) -> dict[str, PoolItem]:
    """Return what is told of a cluster's pools."""
    by_id = {one.pool_id: one for one in conditions}
    known = Known(cluster, "c", pools, by_id, sight, now=NOON)
    limited = sight is not None and sight.held is not None
    light = Light(TERMS, NOON, limited=limited, stale=stale, read=sight is not None)
    return {id_: item_of(row, light) for id_, row in rows_of(known).items()}


def condition(pool_id: str, status: Status = Status.ACTIVE) -> Condition:
    """Return what was seen of a pool on the first of November."""
    return Condition(pool_id, "c", status, NOON, None, None, NOON - 14 * 86400)


def test_a_registered_pool_is_as_it_is_wanted() -> None:
    """Its counts are those that were asked for; what is seen stands beside them."""
    wanted = pool(node_types=(NodeType("p4d", 8),))
    seen = numbers(
        kind("pool-1"),
        6,
        ready=5,
        cpu=Measured(3, 6),
        memory=Measured(4.5, 6),
        gpu=Measured(12, 48),
    )

    item = items(wanted, sight=Sight((seen,)))["pool-1"]

    assert (8, 5, 48, 24) == (item.node_count, item.ready_nodes, item.gpus, item.allocated_gpus)
    assert (50.0, 75.0, 25.0, 0) == (
        item.cpu_utilization,
        item.memory_utilization,
        item.gpu_utilization,
        item.network_utilization,
    )
    assert ("networkUtilization",) == item.unmeasured
    assert ("registered", "2023-11-15", UNSET) == (item.source, item.created_at, item.stale)
    assert ("initializing", "5 of 8 nodes are ready") == (item.status, item.status_reason)


def test_means_are_of_all_nodes_and_devices() -> None:
    """Two classes of one pool count by how many they measure, not half each."""
    wanted = pool(selector={"pool": ("a", "b")})
    sight = Sight(
        (
            numbers(kind("a"), 1, gpu=Measured(8, 8)),
            numbers(kind("b"), 3, gpu=Measured(0, 24)),
        )
    )

    item = items(wanted, sight=sight)["pool-1"]

    assert (25.0, 4, 32) == (item.gpu_utilization, item.ready_nodes, item.gpus)


@pytest.mark.parametrize(
    ("expected", "total", "of"),
    [(66.7, 2, 3), (33.3, 1, 3), (12.3, 0.1234, 1), (0, 0, 5), (100, 6, 5)],
)
def test_a_mean_is_a_percentage_with_one_decimal(expected: float, total: float, of: float) -> None:
    """Rounded, and never beyond what there is; nothing at all to do is measured too."""
    seen = numbers(kind("pool-1"), cpu=Measured(total, of))
    item = items(pool(), sight=Sight((seen,)))["pool-1"]

    assert expected == item.cpu_utilization
    assert ("memoryUtilization", "gpuUtilization", "networkUtilization") == item.unmeasured


def test_a_found_pool_is_as_it_is_seen() -> None:
    """Its label names it, its nodes say where they are, how many and of which types."""
    sight = Sight(
        (
            numbers(kind("a", zone="1", region="eu", provider="GCP"), 2),
            numbers(kind("a", zone="2", region="eu", provider="GCP"), 1, ready=0),
            numbers(kind("a", instance_type="", model="H100"), 1),
            numbers(kind(""), 5),
        )
    )

    (item,) = items(sight=sight, conditions=(condition("a", Status.ACTIVE),)).values()

    assert ("a", "a", "labels", "eu", "GCP") == (
        item.id,
        item.name,
        item.source,
        item.region,
        item.provider,
    )
    assert [("H100", 1), ("p4d", 3)] == [(one.type, one.count) for one in item.node_types]
    assert (4, 3, "3 of 4 nodes are ready") == (
        item.node_count,
        item.ready_nodes,
        item.status_reason,
    )
    assert ("active", "2023-11-01", {"pool": ("a",)}) == (
        item.status,
        item.created_at,
        item.selector,
    )


def test_found_pools_of_other_clusters_are_named_after_them() -> None:
    """So that two clusters may use one label; ids that mean something else are never taken."""
    sight = Sight(tuple(numbers(kind(label)) for label in ("b", "a", "pool-7", "activity")))

    assert ["d:a", "d:b", "d:label.activity", "d:label.pool-7"] == list(
        items(sight=sight, cluster="d")
    )
    assert ["a", "b", "label.activity", "label.pool-7"] == list(items(sight=sight))


def test_where_a_pool_is() -> None:
    """As it was found out by looking; of what nobody looked at, as it looks; a flag counts more."""
    wanted = pool(node_types=(NodeType("p4d", 2),))
    sight = Sight((numbers(kind("pool-1"), 2, ready=1), numbers(kind("a"), 2, ready=1)))

    unwatched = items(wanted, sight=sight)
    watched = items(wanted, sight=sight, conditions=(condition("pool-1"), condition("a")))
    flagged = items(
        replace(wanted, maintenance=True), sight=sight, conditions=(condition("pool-1"),)
    )

    assert ["initializing", "degraded"] == [one.status for one in unwatched.values()]
    assert ["active", "active"] == [one.status for one in watched.values()]
    assert ("maintenance", "It is said to be worked on") == (
        flagged["pool-1"].status,
        flagged["pool-1"].status_reason,
    )


def test_maintenance_ends_with_its_flag() -> None:
    """Whoever says that the work is done need not wait for the next look."""
    past = replace(condition("pool-1", Status.MAINTENANCE), flagged=True, activated=True)

    (item,) = items(pool(), sight=Sight((numbers(kind("pool-1")),)), conditions=(past,)).values()

    assert "active" == item.status


def test_of_a_cluster_that_cannot_be_read_pools_are_told_all_the_same() -> None:
    """Registered ones as they are wanted, found ones that were seen before: with zeros, stale."""
    told = items(pool(), sight=None, conditions=(condition("label.pool-9"), condition("pool-1")))

    assert ["pool-1", "label.pool-9"] == list(told)
    for item in told.values():
        assert (0, 0, True) == (item.ready_nodes, item.gpu_utilization, item.stale)
        assert ("active", "Nothing is known of its nodes now") == (
            item.status,
            item.status_reason,
        )
    assert {"pool": ("pool-9",)} == told["label.pool-9"].selector


def test_a_found_pool_whose_nodes_are_away_is_told_while_they_are_remembered() -> None:
    """Its nodes may be back in a moment; where others have them there is nothing to wait for."""
    away = items(sight=Sight(()), conditions=(condition("a"), condition("pool-9")))
    taken = items(
        pool(selector={"model": ("",)}), sight=Sight((numbers(kind("a")),)),
        conditions=(condition("a"),),
    )  # fmt: skip

    assert ["a"] == list(away)
    assert ("active", "None of its nodes is there now", 0, UNSET) == (
        away["a"].status, away["a"].status_reason, away["a"].node_count, away["a"].stale,
    )  # fmt: skip
    assert ["pool-1"] == list(taken)


def test_a_limited_caller_sees_all_hardware_and_their_own_work() -> None:
    """How busy nodes are is everybody's work: nobody measures theirs alone."""
    seen = numbers(kind("pool-1"), 2, gpu=Measured(16, 16))
    held = (replace(seen, nodes=0, ready=0, gpus=0, allocated=3),)

    item = items(pool(), sight=Sight((seen,), held))["pool-1"]
    nothing = items(pool(), sight=Sight((seen,), ()))["pool-1"]

    assert (16, 3, 0) == (item.gpus, item.allocated_gpus, item.gpu_utilization)
    assert item.unmeasured is not UNSET
    assert "gpuUtilization" in item.unmeasured
    assert (16, 0) == (nothing.gpus, nothing.allocated_gpus)


def test_old_numbers_are_told_and_marked() -> None:
    """They may still help; a client is not to take them for current ones."""
    item = items(pool(), sight=Sight((numbers(kind("pool-1")),)), stale=True)["pool-1"]

    assert (8, True) == (item.gpus, item.stale)


def test_a_summary_is_that_of_its_list() -> None:
    """Whoever adds up the list comes to the same numbers."""
    sight = Sight((numbers(kind("pool-1"), 2), numbers(kind("a"), 3)))
    told = summary_of(items(pool(node_types=(NodeType("p4d", 4),)), sight=sight).values())

    assert (2, 1, 7, 40) == (
        told.total_pools,
        told.active_pools,
        told.total_nodes,
        told.total_capacity,
    )


def test_a_summary_counts_only_active_pools_as_active() -> None:
    """One that is degraded, worked on or not there yet is none of them."""
    states = {f"pool-{number}": status for number, status in enumerate(Status, 1)}
    found = items(
        *map(pool, states),
        sight=Sight(()),
        conditions=tuple(condition(id_, status) for id_, status in states.items()),
    )
    told = summary_of(found.values())

    assert [*states.values()] == [one.status for one in found.values()]
    assert (len(Status), 1) == (told.total_pools, told.active_pools)
