"""A versioned store of Kubernetes objects in memory; no HTTP in it.

Every change takes the next number of one counter, the *resource version*. Objects are kept as
encoded JSON beside the few facts that selectors and tables of contents need, so that a list is a
join of bytes. Encoded objects lack `kind` and `apiVersion`, as items of a list do
(`Resource.typed` adds them).

**Who may touch a store:** one thread. It takes no locks; once a server runs on it, that thread is
the server's event loop:

- a coroutine or callback on that loop calls `store.put(...)`, `store.delete(...)` as they are:
  they do not await, so what is written between two awaits becomes visible in one piece;
- any other thread goes through the loop: `loop.call_soon_threadsafe(store.put, content)`;
- before the loop starts, and after it has ended, whoever holds the store.
"""

import time
import uuid
from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from demo.kubernetes import resources
from demo.kubernetes.entries import Entry, Event, Key, Snapshot, entry_of
from demo.kubernetes.resources import RESOURCES, Resource


class _Collection:
    """The objects of one resource, their order, and their latest changes."""

    def __init__(self, resource: Resource, history: int) -> None:
        self.resource = resource
        self.fields = resource.fields
        self.objects: dict[Key, Entry] = {}
        self.events: deque[Event] = deque(maxlen=history)
        self.forgotten = 0  # the version of the newest change that `events` no longer holds
        self.listeners: list[Callable[[Event], None]] = []
        self._order: list[Key] = []
        self._sorted: tuple[Entry, ...] | None = None

    def apply(self, event: Event) -> None:
        """Make a change, remember it and tell the listeners."""
        self._sorted = None
        if event.new is not None:
            if event.old is None:
                insort(self._order, event.new.key)
            self.objects[event.new.key] = event.new
        elif event.old is not None:
            del self.objects[event.old.key]
            del self._order[bisect_left(self._order, event.old.key)]
        self._remember(event)
        for listener in tuple(self.listeners):
            listener(event)

    def _remember(self, event: Event) -> None:
        if len(self.events) == self.events.maxlen:
            self.forgotten = self.events[0].resource_version
        self.events.append(event)

    def entries(self) -> tuple[Entry, ...]:
        """All objects, sorted by key; made again only after a change."""
        if self._sorted is None:
            self._sorted = tuple([self.objects[key] for key in self._order])
        return self._sorted


class Store:
    """All objects of one demo cluster. Confined to one thread: see the module's docstring.

    Args:
        history: How many changes of each resource a watch can be resumed from.
        snapshots: How many paged lists can be under way; the oldest one's tokens expire first.
        clock: Seconds since the epoch; for creation timestamps.
        new_uid: Makes the uid of an object that has none.
    """

    def __init__(
        self,
        *,
        history: int = 1024,
        snapshots: int = 32,
        clock: Callable[[], float] = time.time,
        new_uid: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._version = 1
        self._collections = {row.key: _Collection(row, max(history, 1)) for row in RESOURCES}
        self._held: OrderedDict[tuple[tuple[str, str], int], Snapshot] = OrderedDict()
        self._room = snapshots
        self._clock = clock
        self._new_uid = new_uid

    @property
    def resource_version(self) -> int:
        """The version of the latest change; at least 1, since "0" means "any" to clients."""
        return self._version

    def count(self, resource: Resource) -> int:
        """Return how many objects of a resource there are."""
        return len(self._collections[resource.key].objects)

    def get(self, resource: Resource, namespace: str, name: str) -> Entry | None:
        """Return an object's present version; None when there is no such object."""
        return self._collections[resource.key].objects.get((namespace, name))

    # -- writing

    def put(self, content: Mapping[str, Any]) -> int:
        """Create or update an object; its kind says where it belongs.

        The mapping itself is left alone. What is stored gets the next `resourceVersion`, and, when
        it has none, the `uid` and `creationTimestamp` of the version before it (a new object: fresh
        ones). A namespaced object without namespace goes to "default". An object that replaces one
        of the same name but another uid is a deletion and a creation, as in a real cluster.

        Returns:
            The object's new resource version.

        Raises:
            UnknownKindError: When its kind is not in `resources.RESOURCES`.
            KeyError: When it has no name.
        """
        resource = resources.of(content)
        collection = self._collections[resource.key]
        metadata = dict(content["metadata"])
        if resource.namespaced:
            metadata.setdefault("namespace", "default")
        key = (metadata.get("namespace", ""), metadata["name"])
        old = collection.objects.get(key)
        if old is not None and metadata.get("uid", old.uid) != old.uid:
            self._change(collection, old, None)
            old = None
        metadata.setdefault("uid", old.uid if old else self._new_uid())
        metadata.setdefault("creationTimestamp", old.created if old else self._now())
        stamped = {"resourceVersion": str(self._version + 1), **metadata}
        stamped["resourceVersion"] = str(self._version + 1)
        rest = {k: v for k, v in content.items() if k not in {"kind", "apiVersion", "metadata"}}
        stored = {"metadata": stamped, **rest}
        entry = entry_of(collection.fields, key, stored, msgspec.json.encode(stored))
        return self._change(collection, old, entry)

    def put_raw(self, resource: Resource, namespace: str, name: str, body: bytes) -> int:
        """Store bytes as they are, JSON or not: for tests of what clients do with bad input.

        Args:
            resource: Where the object belongs.
            namespace: Its namespace; "" for cluster-scoped resources.
            name: Its name, whatever the bytes say.
            body: What lists show: an object without kind and apiVersion, if it is one.
        """
        collection = self._collections[resource.key]
        key = (namespace, name)
        try:
            stored = msgspec.json.decode(body)
        except msgspec.DecodeError:
            stored = None
        entry = entry_of(collection.fields, key, stored if isinstance(stored, dict) else {}, body)
        return self._change(collection, collection.objects.get(key), entry)

    def delete(self, kind: str, namespace: str, name: str) -> bool:
        """Remove an object.

        Args:
            kind: Its kind ("Pod") or plural ("pods"), with its group where the name is not unique.
            namespace: Its namespace; "" for cluster-scoped kinds.
            name: Its name.

        Returns:
            Whether there was one.

        Raises:
            UnknownKindError: When there is no such kind.
        """
        collection = self._collections[resources.named(kind).key]
        old = collection.objects.get((namespace, name))
        if old is not None:
            self._change(collection, old, None)
        return old is not None

    def _change(self, collection: _Collection, old: Entry | None, new: Entry | None) -> int:
        self._version += 1
        collection.apply(Event(self._version, old, new))
        return self._version

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    # -- reading

    def snapshot(self, resource: Resource) -> Snapshot:
        """Return all present objects of a resource."""
        return Snapshot(self._version, self._collections[resource.key].entries())

    def hold(self, resource: Resource, snapshot: Snapshot) -> None:
        """Keep a snapshot for the next pages of its list, until newer ones push it out."""
        self._held[resource.key, snapshot.resource_version] = snapshot
        self._held.move_to_end((resource.key, snapshot.resource_version))
        while len(self._held) > self._room:
            self._held.popitem(last=False)

    def held(self, resource: Resource, resource_version: int) -> Snapshot | None:
        """Return the snapshot of that version if it is still held."""
        return self._held.get((resource.key, resource_version))

    def release(self) -> None:
        """Drop every held snapshot: all continue tokens expire."""
        self._held.clear()

    def since(self, resource: Resource, resource_version: int) -> list[Event] | None:
        """Return the changes after a version; None when some of them are forgotten."""
        collection = self._collections[resource.key]
        if resource_version < collection.forgotten:
            return None
        return [event for event in collection.events if event.resource_version > resource_version]

    def compact(self) -> None:
        """Forget all past changes: a watch can be resumed only from the present version on."""
        for collection in self._collections.values():
            collection.events.clear()
            collection.forgotten = self._version

    def subscribe(
        self, resource: Resource, listener: Callable[[Event], None]
    ) -> Callable[[], None]:
        """Call *listener* on every change from now on, on the changing thread.

        Returns:
            A function that ends the subscription.
        """
        listeners = self._collections[resource.key].listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener)
