"""What a caller wants of a pool, understood and checked."""

from collections.abc import Collection, Mapping

import msgspec
from msgspec import UNSET, UnsetType

from queryapi.access.principal import Scope
from queryapi.services.pools.registering.fields import (
    Check,
    Faults,
    as_echo,
    as_flag,
    as_name,
    as_node_types,
    as_selector,
    as_tags,
    as_text,
    as_word,
    need,
    read,
)
from queryapi.storage.records import NodeType, Selector

Expected = Collection[int] | None
"""The versions that a change may be made to; None = any, as with `If-Match: *`."""


class Draft(msgspec.Struct, frozen=True):
    """A pool that is to be created; `selector` None = nodes whose pool label is the new id.

    `cluster` is empty where the service's own is meant.
    """

    name: str
    region: str
    provider: str
    node_types: tuple[NodeType, ...]
    description: str = ""
    tags: tuple[str, ...] = ()
    cluster: str = ""
    selector: Selector | None = None
    maintenance: bool = False


class Patch(msgspec.Struct, frozen=True):
    """What is to be changed of a pool; UNSET = nothing.

    Some fields may be told, as whoever sends back a whole pool does, and cannot be changed: `id`,
    `region`, `provider`, `cluster`, `status` and `created_at` must be what they are already.
    """

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    node_types: tuple[NodeType, ...] | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    selector: Selector | UnsetType = UNSET
    maintenance: bool | UnsetType = UNSET
    id: str | UnsetType = UNSET
    region: str | UnsetType = UNSET
    provider: str | UnsetType = UNSET
    cluster: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    created_at: str | UnsetType = UNSET


class Caller(msgspec.Struct, frozen=True):
    """Who writes.

    Args:
        name: As records name them.
        scope: What they may see, and so change.
    """

    name: str
    scope: Scope


class Repeatable(msgspec.Struct, frozen=True):
    """A request that its client may send again.

    Args:
        key: The client's key.
        digest: Of the body: another body under the same key is another request.
    """

    key: str
    digest: str


_REQUIRED = ("name", "region", "provider", "nodeTypes")
_CHANGEABLE: Mapping[str, Check] = {
    "name": as_name,
    "description": as_text,
    "nodeTypes": as_node_types,
    "tags": as_tags,
    "selector": as_selector,
    "maintenance": as_flag,
}
_CREATED: Mapping[str, Check] = {
    **_CHANGEABLE,
    **dict.fromkeys(("region", "provider", "cluster"), as_word),
}
_COMPARED = ("id", "region", "provider", "cluster", "status", "createdAt")
# What answers tell of a pool besides: nobody looks at it when it comes back.
_TOLD = (
    *("nodeCount", "cpuUtilization", "memoryUtilization", "gpuUtilization", "networkUtilization"),
    *("readyNodes", "gpus", "allocatedGpus", "statusReason", "unmeasured", "stale", "source"),
)
_ATTRIBUTES = {"nodeTypes": "node_types", "createdAt": "created_at"}


def _read_only(_: object, where: str, faults: Faults) -> None:
    faults.add(where, "is read-only")


def _passed_over(*_: object) -> None:
    """Take anything."""


_NEW: Mapping[str, Check] = {
    **_CREATED,
    **dict.fromkeys(("id", "status", "createdAt", *_TOLD), _read_only),
}
_CHANGED: Mapping[str, Check] = {
    **_CHANGEABLE,
    **dict.fromkeys(_COMPARED, as_echo),
    **dict.fromkeys(_TOLD, _passed_over),
}


def draft_of(body: Mapping[str, object]) -> Draft:
    """Return the pool that the body of a request wants to be created.

    Raises:
        InvalidParameter: Naming everything that is wrong with it.
    """
    faults = Faults()
    need(body, _REQUIRED, faults)
    found = read(body, _NEW, faults)
    faults.finish()
    return msgspec.convert(_attributes(found), Draft)


def patch_of(body: Mapping[str, object]) -> Patch:
    """Return what the body of a request wants to be changed of a pool.

    Raises:
        InvalidParameter: Naming everything that is wrong with it.
    """
    faults = Faults()
    found = read(body, _CHANGED, faults)
    faults.finish()
    return msgspec.convert(_attributes(found), Patch)


def _attributes(found: Mapping[str, object]) -> dict[str, object]:
    return {
        _ATTRIBUTES.get(field, field): value for field, value in found.items() if field not in _TOLD
    }
