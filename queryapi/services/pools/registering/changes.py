"""What a caller's wish makes of a pool, and how it is told: pure functions."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from queryapi.errors import InvalidParameter
from queryapi.services.pools.registering.drafts import Draft, Patch
from queryapi.services.pools.rows import FOUND
from queryapi.services.pools.views import day
from queryapi.storage.records import Activity, Change, NodeType, Pool, Selector, Status

# Values of this length can be read inside a sentence.
_QUOTABLE = 60
_EDITABLE = ("name", "description", "node_types", "tags", "selector", "maintenance")


def created(draft: Draft, id_: str, cluster: str, now: float) -> Pool:
    """Return the pool that *draft* asks for, in *cluster*."""
    return Pool(
        id=id_,
        cluster=cluster,
        name=draft.name,
        description=draft.description,
        region=draft.region,
        provider=draft.provider,
        node_types=draft.node_types,
        tags=draft.tags,
        selector={"pool": (id_,)} if draft.selector is None else draft.selector,
        maintenance=draft.maintenance,
        created_at=now,
        updated_at=now,
        resized_at=now,
    )


def adopted(found: Pool, patch: Patch, now: float, version: int) -> Pool:
    """Return a found pool as it is stored from now on: what *patch* says, else what is seen."""
    # What nobody tells may be told now, and then no more.
    told = {
        field: given
        for field, given in (("region", patch.region), ("provider", patch.provider))
        if given is not UNSET and not _of(found, field)
    }
    return msgspec.structs.replace(
        found,
        **told,
        **_wishes(patch),
        created_at=now,
        updated_at=now,
        resized_at=now,
        version=version,
    )


def changed(pool: Pool, patch: Patch, now: float) -> Pool:
    """Return the pool with what *patch* says; the same pool where that changes nothing."""
    wishes = {field: value for field, value in _wishes(patch).items() if value != _of(pool, field)}
    if not wishes:
        return pool
    after = msgspec.structs.replace(pool, **wishes, updated_at=now, version=pool.version + 1)
    if after.wanted != pool.wanted:
        return msgspec.structs.replace(after, resized_at=now)
    return after


def refuse_others(patch: Patch, pool: Pool, status: Status) -> None:
    """Refuse a patch that tells something else of what cannot be changed.

    Args:
        patch: What a caller sends.
        pool: The pool as they could have read it.
        status: Its status now.

    Raises:
        InvalidParameter: When it does; says which field, and what it is.
    """
    found = pool.version == FOUND
    for field, given, true in (
        ("id", patch.id, pool.id),
        ("cluster", patch.cluster, pool.cluster),
        ("region", patch.region, pool.region),
        ("provider", patch.provider, pool.provider),
        ("createdAt", patch.created_at, day(pool.created_at)),
    ):
        untold = found and field in {"region", "provider"} and not true
        if given is not UNSET and given != true and not untold:
            raise InvalidParameter(f"{field} cannot be changed: it is {_quoted(true)}")
    _refuse_status(patch, pool, status)


def _refuse_status(patch: Patch, pool: Pool, status: Status) -> None:
    """Refuse what a caller wants to be so: a status is what is seen.

    Nodes come and go between a caller's GET and PUT, so that one of those states may be told in
    place of another; maintenance begins and ends only when somebody says so.
    """
    given = patch.status
    if given is UNSET or given == status:
        return
    flags = {
        pool.maintenance,
        pool.maintenance if patch.maintenance is UNSET else patch.maintenance,
    }
    if given not in set(Status) or (given == Status.MAINTENANCE) not in flags:
        raise InvalidParameter(
            f'status cannot be changed: it is "{status}", as is seen of the nodes; maintenance'
            " can be set to true or false"
        )


def told_creation(pool: Pool, user: str) -> Activity:
    """Return what is told of a new pool."""
    return _activity(pool, "pool-created", f"Created with {_nodes(pool.wanted)}", user)


def told_adoption(pool: Pool, user: str) -> Activity:
    """Return what is told of a pool that was found before."""
    details = f"Adopted with {_nodes(pool.wanted)}: it was only known by its nodes' label"
    return _activity(pool, "pool-adopted", details, user)


def told_deletion(pool: Pool, user: str, now: float) -> Activity:
    """Return what is told of a pool that is gone."""
    details = f"Deleted, with {_nodes(pool.wanted)} wanted"
    return msgspec.structs.replace(_activity(pool, "pool-deleted", details, user), at=now)


def told_changes(before: Pool, after: Pool, user: str) -> tuple[Activity, ...]:
    """Return what is told of a change: of nodes, of maintenance, and of all else together."""
    changes = {
        field: Change(_SHOWN_AS[field], show(_of(before, field)), show(_of(after, field)))
        for field, show in _SHOWN.items()
        if _of(before, field) != _of(after, field)
    }
    told = []
    if before.wanted != after.wanted:
        details = f"Scaled from {before.wanted} to {_nodes(after.wanted)}"
        told.append(_activity(after, "scaling-event", details, user, changes.pop("node_types")))
    if "maintenance" in changes:
        details = "Maintenance began" if after.maintenance else "Maintenance ended"
        told.append(_activity(after, "maintenance", details, user, changes.pop("maintenance")))
    if changes:
        rest = tuple(changes.values())
        told.append(_activity(after, "configuration-changed", _sentence(rest), user, *rest))
    return tuple(told)


def _activity(pool: Pool, action: str, details: str, user: str, *changes: Change) -> Activity:
    return Activity(
        pool_id=pool.id,
        pool_name=pool.name,
        cluster=pool.cluster,
        action=action,
        details=details,
        at=pool.updated_at,
        user=user,
        changes=changes,
    )


def _wishes(patch: Patch) -> dict[str, Any]:
    given = {field: getattr(patch, field) for field in _EDITABLE}
    return {field: value for field, value in given.items() if value is not UNSET}


def _of(pool: Pool, field: str) -> Any:
    return getattr(pool, field)


def _sentence(changes: tuple[Change, ...]) -> str:
    if len(changes) == 1:
        (one,) = changes
        if max(len(one.before), len(one.after)) <= _QUOTABLE:
            return f"Changed {one.field} from {_quoted(one.before)} to {_quoted(one.after)}"
    return f"Changed {' and '.join(filter(None, _listed([one.field for one in changes])))}"


def _listed(fields: list[str]) -> tuple[str, str]:
    return ", ".join(fields[:-1]), fields[-1]


def _quoted(text: str) -> str:
    return f'"{text}"' if text else "nothing"


def _nodes(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"


def _types(types: tuple[NodeType, ...]) -> str:
    return ", ".join(f"{one.count} x {one.type}" for one in types)


def _selector(selector: Selector) -> str:
    return "; ".join(f"{fact}: {', '.join(values)}" for fact, values in sorted(selector.items()))


_SHOWN: Mapping[str, Callable[[Any], str]] = {
    "name": str,
    "description": str,
    "node_types": _types,
    "tags": ", ".join,
    "selector": _selector,
    "maintenance": lambda value: "true" if value else "false",
}
_SHOWN_AS = {field: field for field in _EDITABLE} | {"node_types": "nodeTypes"}
