"""What is stored, as plain values; times in Unix seconds."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

Selector = Mapping[str, tuple[str, ...]]
"""Which nodes belong to a pool: for some facts of a node (`pool`, `model`, `instance_type`,
`zone`, `region`, `provider`) the values that it may have. All of them must fit."""


class PoolStatus(StrEnum):
    """Where a pool is in its life."""

    INITIALIZING = "initializing"
    ACTIVE = "active"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"


# Clients know it by the longer name, which is that of its schema.
Status = PoolStatus


class NodeType(msgspec.Struct, frozen=True):
    """So many nodes of one type."""

    type: str
    count: int


class Pool(msgspec.Struct, frozen=True):
    """One pool as it is wanted.

    Args:
        id: `pool-7`, or what names a pool that was found by its nodes' labels.
        cluster: The cluster whose nodes it has.
        name: For people.
        description: What it is for.
        region: Where.
        provider: Whose.
        node_types: What it should have.
        tags: Words.
        selector: Which nodes belong to it.
        maintenance: Whether somebody has said that it is being worked on.
        created_at: When it was created or adopted.
        updated_at: When it was changed last.
        resized_at: When the number of nodes that are wanted was changed last.
        version: Rises with every change; a pool adopted again goes on above what it had.
    """

    id: str
    cluster: str
    name: str
    description: str
    region: str
    provider: str
    node_types: tuple[NodeType, ...]
    tags: tuple[str, ...]
    selector: Selector
    maintenance: bool
    created_at: float
    updated_at: float
    resized_at: float
    version: int = 1

    @property
    def wanted(self) -> int:
        """How many nodes it should have."""
        return sum(one.count for one in self.node_types)


class Condition(msgspec.Struct, frozen=True):
    """What was seen of a pool, registered or found; ids are unique among all clusters.

    Args:
        pool_id: The pool.
        cluster: Its cluster.
        status: The state that counts.
        since: Since when.
        candidate: The state that it seems to be in now, where that is another one.
        candidate_since: Since when it seems so.
        first_seen: When it was first looked at.
        name: What it was called last: activities of a found pool that is gone need it.
        joined: How many of the nodes that are wanted have been Ready at a time.
        activated: Whether it has been active: from then on it is initializing no more.
        flagged: Whether somebody had said that it is worked on when it was last looked at.
    """

    pool_id: str
    cluster: str
    status: Status
    since: float
    candidate: Status | None
    candidate_since: float | None
    first_seen: float
    name: str = ""
    joined: int = 0
    activated: bool = False
    flagged: bool = False


class Member(msgspec.Struct, frozen=True):
    """A node that belongs to a pool, as it was seen last.

    `missing_since` is when it was not there any more, None while it is.
    """

    cluster: str
    node: str
    pool_id: str
    instance_type: str
    cordoned: bool
    missing_since: float | None = None


class Change(msgspec.Struct, frozen=True):
    """One field that was changed, its values as text for people."""

    field: str
    before: str
    after: str


class Activity(msgspec.Struct, frozen=True):
    """One thing that happened to a pool.

    Args:
        pool_id: The pool.
        pool_name: What it was called then.
        cluster: Its cluster: who may see it.
        action: `pool-created`, `pool-adopted`, `pool-discovered`, `configuration-changed`,
            `scaling-event`, `maintenance`, `status-changed`, `node-added`, `node-removed`,
            `pool-deleted`, `pool-gone`.
        details: A sentence for people.
        at: When.
        user: Who; `system` when the service saw it.
        changes: From what to what.
        nodes: Some of the nodes that it is about.
        number: Its place in the log; the store gives it.
    """

    pool_id: str
    pool_name: str
    cluster: str
    action: str
    details: str
    at: float
    user: str
    changes: tuple[Change, ...] = ()
    nodes: tuple[str, ...] = ()
    number: int = 0


class Remembered(msgspec.Struct, frozen=True):
    """The answer to a request that came with an idempotency key.

    Args:
        key: The client's key.
        user: Whose.
        digest: Of the request's body.
        pool_id: What it created.
        version: The version of that which was answered.
        body: What was answered.
        at: When.
    """

    key: str
    user: str
    digest: str
    pool_id: str
    version: int
    body: bytes
    at: float
