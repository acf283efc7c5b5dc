"""A watch: changes of one resource, one JSON line each; no HTTP in it.

A watch shows an object when its selectors and namespace do. So an object that starts to match
arrives as ADDED, and one that ceases to match as DELETED, carrying the object as it last matched
with the resource version of the change (apiserver, pkg/storage/cacher/cache_watcher.go).
"""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Literal, Self

import msgspec

from demo.kubernetes.entries import Entry, Event, Key
from demo.kubernetes.errors import ApiError, ExpiredError
from demo.kubernetes.lists import refuse_future
from demo.kubernetes.options import ListOptions
from demo.kubernetes.resources import Resource
from demo.kubernetes.selectors import compile_selectors
from demo.kubernetes.settings import Settings
from demo.kubernetes.store import Store
from demo.kubernetes.views import View

Kind = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
INITIAL_EVENTS_END: Mapping[str, str] = {"k8s.io/initial-events-end": "true"}


class Watch:
    """One running watch.

    Entering its `with` block decides where it starts and listens from there; `frames` then tells
    what happens. Nothing is lost between the two.

    Args:
        store: Where the objects are.
        resource: What is watched.
        namespace: The namespace watched; None = all.
        options: The parsed query.
        view: The form objects are shown in.
        settings: Bookmarks and time-outs.

    Raises:
        BadRequestError: When a selector cannot be parsed.
    """

    def __init__(
        self,
        store: Store,
        resource: Resource,
        namespace: str | None,
        options: ListOptions,
        view: View,
        settings: Settings,
    ) -> None:
        self._store = store
        self._resource = resource
        self._options = options
        self._view = view
        self._settings = settings
        self._feed = _Feed(store, resource)
        self._sees = _sight(namespace, compile_selectors(resource, options.labels, options.fields))
        self._initial: tuple[Entry, ...] = ()
        self._backlog: list[Event] = []
        self._expired: ExpiredError | None = None

    def __enter__(self) -> Self:
        """Decide what comes first: present objects, remembered changes, or a refusal.

        Raises:
            ExpiredError: When the version is forgotten and `settings.expired_as_http` is set.
            InternalError: When the resource version is no number.
            ServerTimeoutError: When the initial events of a future version are asked for.
        """
        options, version = self._options, self._options.version
        wants_objects = options.initial_events
        if wants_objects:
            refuse_future(self._store, version)
        if wants_objects is None and not version:
            wants_objects = True
        if wants_objects:
            self._initial = self._store.snapshot(self._resource).entries
        elif version:
            self._remember(version)
        self._feed.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._feed.close()

    def _remember(self, version: int) -> None:
        events = self._store.since(self._resource, version)
        if events is not None:
            self._backlog = events
            return
        self._expired = ExpiredError(
            f"too old resource version: {version} ({self._store.resource_version})"
        )
        if self._settings.expired_as_http:
            raise self._expired

    async def frames(self) -> AsyncIterator[bytes]:
        """Yield the watch's lines until its time is up."""
        for frame in self._opening():
            yield frame
        if self._expired is None:
            async for frame in self._live():
                yield frame

    def _opening(self) -> Iterator[bytes]:
        if self._expired is not None:
            yield error_frame(self._expired)
        for entry in filter(self._sees, self._initial):
            yield self._frame("ADDED", entry.key, entry.body)
        if self._options.initial_events and self._options.bookmarks:
            yield self._bookmark(INITIAL_EVENTS_END)
        for event in self._backlog:
            yield from self._change(event)

    async def _live(self) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._seconds()
        bookmark = self._next_bookmark(clock(), deadline)
        while (now := clock()) < deadline:
            if now >= bookmark:
                yield self._bookmark({})
                bookmark = self._next_bookmark(now, deadline)
            event = await self._feed.next(until=min(bookmark, deadline))
            if event is not None and event.resource_version > self._options.version:
                for frame in self._change(event):
                    yield frame

    def _seconds(self) -> float:
        at_least = self._settings.watch_seconds
        return self._options.timeout_seconds or random.uniform(at_least, 2 * at_least)

    def _next_bookmark(self, now: float, deadline: float) -> float:
        if not self._options.bookmarks:
            return math.inf
        regular = now + self._settings.bookmark_interval
        last = deadline - self._settings.bookmark_lead
        return last if now < last < regular else regular

    def _change(self, event: Event) -> Iterator[bytes]:
        was = event.old if event.old is not None and self._sees(event.old) else None
        now = event.new if event.new is not None and self._sees(event.new) else None
        if now is not None:
            yield self._frame("ADDED" if was is None else "MODIFIED", now.key, now.body)
        elif was is not None:
            yield self._frame("DELETED", was.key, was.stamped(event.resource_version))

    def _bookmark(self, annotations: Mapping[str, str]) -> bytes:
        return _line("BOOKMARK", self._view.bookmark(self._feed.version, annotations))

    def _frame(self, kind: Kind, key: Key, body: bytes) -> bytes:
        return _line(kind, self._view.single(key, body))


class _Feed:
    """The changes of a resource as they come, kept until they are read."""

    def __init__(self, store: Store, resource: Resource) -> None:
        self._store = store
        self._pending: asyncio.Queue[Event] = asyncio.Queue()
        self._read = 0
        self._resource = resource
        self._unsubscribe: Callable[[], None] | None = None

    def open(self) -> None:
        """Begin to listen."""
        self._read = self._store.resource_version
        self._unsubscribe = self._store.subscribe(self._resource, self._pending.put_nowait)

    def close(self) -> None:
        """Stop listening."""
        if self._unsubscribe is not None:
            self._unsubscribe()

    @property
    def version(self) -> int:
        """The version up to which every change has been read."""
        return self._store.resource_version if self._pending.empty() else self._read

    async def next(self, *, until: float) -> Event | None:
        """Return the next change; None when there is none by the loop time *until*."""
        if self._pending.empty():
            try:
                async with asyncio.timeout_at(until):
                    event = await self._pending.get()
            except TimeoutError:
                return None
        else:
            event = self._pending.get_nowait()
        self._read = event.resource_version
        return event


def error_frame(error: ApiError) -> bytes:
    """Return the line that ends a watch with a Status."""
    return _line("ERROR", msgspec.json.encode(error.status()))


def _sight(
    namespace: str | None, selected: Callable[[Entry], bool] | None
) -> Callable[[Entry], bool]:
    def sees(entry: Entry) -> bool:
        inside = namespace is None or entry.key[0] == namespace
        return inside and (selected is None or selected(entry))

    return sees


def _line(kind: Kind, content: bytes) -> bytes:
    return b"".join((b'{"type":"', kind.encode(), b'","object":', content, b"}\n"))
