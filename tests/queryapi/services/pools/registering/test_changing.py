"""A pool is changed by what is wanted of it, and every change is told."""

import msgspec
import pytest

from queryapi.access.principal import Scope
from queryapi.errors import (
    InvalidParameter,
)
from queryapi.services.pools.registering.drafts import Caller, Patch
from queryapi.storage.engine import Store
from queryapi.storage.records import Change, NodeType
from tests.support.fake_prometheus import Clock
from tests.support.pools import ADMIN, DRAFT, NOON, registry, told


def test_what_changes_is_told_from_what_to_what(store: Store) -> None:
    """Scaling, maintenance and the rest have an activity each, stored with the change."""
    clock = Clock(NOON)
    pools = registry(store, clock=clock)
    pools.create(DRAFT, ADMIN, None)
    clock.now += 60
    patch = Patch(
        name="Inference", node_types=(NodeType("g5", 12),), tags=("a", "b"), maintenance=True
    )

    changed = pools.update("pool-1", patch, Caller("bob", Scope()), None)

    assert (2, NOON + 60, NOON + 60) == (changed.version, changed.updated_at, changed.resized_at)
    assert (changed,) == pools.pools()
    rest, maintenance, scaling, _ = pools.activity(None, limit=10)
    assert ("scaling-event", "Scaled from 8 to 12 nodes", "bob", NOON + 60) == (
        scaling.action, scaling.details, scaling.user, scaling.at,
    )  # fmt: skip
    assert (Change("nodeTypes", "8 x p4d.24xlarge", "12 x g5"),) == scaling.changes
    assert ("maintenance", "Maintenance began") == (maintenance.action, maintenance.details)
    assert ("configuration-changed", "Changed name and tags") == (rest.action, rest.details)
    assert (
        Change("name", "Training", "Inference"),
        Change("tags", "", "a, b"),
    ) == rest.changes


def test_other_types_of_as_many_nodes_are_no_scaling(store: Store) -> None:
    """Nothing joins or leaves for it, so it is not waited for."""
    clock = Clock(NOON)
    pools = registry(store, clock=clock)
    pools.create(DRAFT, ADMIN, None)
    clock.now += 60

    changed = pools.update("pool-1", Patch(node_types=(NodeType("g5", 8),)), ADMIN, None)

    assert NOON == changed.resized_at
    sentence = 'Changed nodeTypes from "8 x p4d.24xlarge" to "8 x g5"'
    assert ("configuration-changed", sentence) == told(pools)[-1]


def test_what_changes_nothing_stores_nothing(store: Store) -> None:
    """A client that sends back what it has read leaves no trace."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, None)
    before, revision = pools.pools(), store.revision()
    echo = Patch(
        name="Training",
        id="pool-1",
        region="us-east-1",
        provider="AWS",
        cluster="c",
        status="initializing",
        created_at="2023-11-15",
        maintenance=False,
    )

    assert before == (pools.update("pool-1", echo, ADMIN, None),)
    assert (1, revision) == (len(told(pools)), store.revision())


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (Patch(region="eu"), 'region cannot be changed: it is "us-east-1"'),
        (Patch(provider="GCP"), 'provider cannot be changed: it is "AWS"'),
        (Patch(id="pool-2"), 'id cannot be changed: it is "pool-1"'),
        (Patch(cluster="d"), 'cluster cannot be changed: it is "c"'),
        (Patch(created_at="2020-01-01"), 'createdAt cannot be changed: it is "2023-11-15"'),
        (Patch(status="maintenance"), 'status cannot be changed: it is "initializing"'),
        (Patch(status="offline"), 'status cannot be changed: it is "initializing"'),
    ],
)
def test_what_cannot_be_changed_is_refused(store: Store, patch: Patch, words: str) -> None:
    """It says which field, and what it is; nothing else of the request is stored either."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, None)

    with pytest.raises(InvalidParameter, match=words):
        pools.update("pool-1", msgspec.structs.replace(patch, name="x"), ADMIN, None)
    assert "Training" == pools.pools()[0].name


@pytest.mark.parametrize(
    ("flag", "patch"),
    [
        (False, Patch(status="maintenance", maintenance=True)),
        (True, Patch(status="maintenance", maintenance=False)),
        (True, Patch(status="initializing", maintenance=False)),
    ],
)
def test_a_status_may_say_what_the_flag_does(store: Store, flag: bool, patch: Patch) -> None:  # noqa: FBT001 - a table's column
    """Whoever sends a whole pool with another flag sends its status too, the old or the new one."""
    pools = registry(store)
    pools.create(msgspec.structs.replace(DRAFT, maintenance=flag), ADMIN, None)

    assert patch.maintenance is pools.update("pool-1", patch, ADMIN, None).maintenance


def test_a_status_that_nodes_had_meanwhile_is_no_wish(store: Store) -> None:
    """Between GET and PUT nodes come and go: the client has done nothing wrong."""
    pools = registry(store)
    pools.create(DRAFT, ADMIN, None)

    assert "x" == pools.update("pool-1", Patch(name="x", status="active"), ADMIN, None).name
