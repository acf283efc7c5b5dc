"""Stored objects: one version of one, one change, all of one resource."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any

import msgspec

from demo.kubernetes.resources import Field

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped objects) and name: also the order of lists."""

_STAMP = b'{"metadata":{"resourceVersion":"'
_LAST = "\U0010ffff"  # sorts after every name


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One version of one object; never changed, so it may be shared by lists and events.

    Args:
        key: Namespace and name.
        uid: The object's uid; "" when it was written raw and has none.
        created: Its creationTimestamp, RFC 3339.
        labels: Its labels.
        fields: Values of `Resource.fields`, in their order.
        body: The encoded object without kind and apiVersion.
    """

    key: Key
    uid: str
    created: str
    labels: dict[str, str]
    fields: tuple[str, ...]
    body: bytes

    def stamped(self, resource_version: int) -> bytes:
        """Return the body with another resource version.

        A deleted object is shown as it last was, with the version of its deletion. A body that
        was written raw is returned as it is.
        """
        if not self.body.startswith(_STAMP):
            return self.body
        rest = self.body.index(b'"', len(_STAMP))
        return b"".join((_STAMP, str(resource_version).encode(), self.body[rest:]))


class Event(msgspec.Struct, frozen=True, gc=False):
    """One change: creation (no `old`), update, deletion (no `new`)."""

    resource_version: int
    old: Entry | None
    new: Entry | None


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """All objects of one resource at one resource version, sorted by key."""

    resource_version: int
    entries: tuple[Entry, ...]

    def within(self, namespace: str | None, after: Key | None = None) -> range:
        """Return the positions of a namespace's entries (None = all) that come after a key."""
        first, last = 0, len(self.entries)
        if namespace is not None:
            first = bisect_left(self.entries, (namespace, ""), key=_key_of)
            last = bisect_left(self.entries, (namespace, _LAST), key=_key_of)
        if after is not None:
            first = max(first, bisect_right(self.entries, after, key=_key_of))
        return range(first, last)


def _key_of(entry: Entry) -> Key:
    return entry.key


def entry_of(fields: tuple[Field, ...], key: Key, content: Mapping[str, Any], body: bytes) -> Entry:
    """Take the facts that selectors need out of an object.

    Args:
        fields: What `fieldSelector` knows of its resource.
        key: Its namespace and name.
        content: The decoded object; {} when it cannot be decoded.
        body: The encoded object without kind and apiVersion.
    """
    metadata = content.get("metadata")
    facts = metadata if isinstance(metadata, dict) else {}
    labels = facts.get("labels")
    return Entry(
        key=key,
        uid=str(facts.get("uid", "")),
        created=str(facts.get("creationTimestamp", "")),
        labels=dict(labels) if isinstance(labels, dict) else {},
        fields=tuple([field.read(content) for field in fields]),
        body=body,
    )
