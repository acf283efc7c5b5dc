"""What the request handlers share: one `ApiServer` per application."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import msgspec
from aiohttp import web

from demo.kubernetes import resources
from demo.kubernetes.access import Access
from demo.kubernetes.errors import MethodNotAllowedError, NotFoundError
from demo.kubernetes.faults import Faults
from demo.kubernetes.options import flag
from demo.kubernetes.resources import Resource
from demo.kubernetes.settings import Settings
from demo.kubernetes.store import Store

_REMEMBERED = 4096
_WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch"}


class Seen(msgspec.Struct, frozen=True):
    """One request that came in, however it was answered.

    Args:
        verb: "list", "watch", "get", "create", "update" or "patch".
        resource: The plural asked for, or the path of a request that names none.
        path: The path.
        query: The decoded query parameters.
        headers: The request's headers, names in lower case.
    """

    verb: str
    resource: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(slots=True)
class ApiServer:
    """The running server's parts. Confined to the event loop's thread, as its store is.

    Args:
        store: The objects.
        settings: What is fixed while it runs.
        access: Tokens and refusals.
        faults: Planned misbehaviour.
        seen: The latest requests, newest last; control requests are not among them.
        watches: How many watches of each plural are open.
    """

    store: Store
    settings: Settings
    access: Access
    faults: Faults = field(default_factory=Faults)
    seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    watches: Counter[str] = field(default_factory=Counter)
    _streams: set[asyncio.Task[object]] = field(default_factory=set)

    @contextmanager
    def watching(self, plural: str) -> Iterator[None]:
        """Count the current task as an open watch."""
        task = cast("asyncio.Task[object]", asyncio.current_task())  # handlers run in one
        self._streams.add(task)
        self.watches[plural] += 1
        try:
            yield
        finally:
            self.watches[plural] -= 1
            self._streams.discard(task)

    def end_watches(self) -> None:
        """Cancel every open watch, so that a stopping server need not wait for them."""
        for task in self._streams:
            task.cancel()


SERVER = web.AppKey("server", ApiServer)
"""Where an application keeps its `ApiServer`."""


class Target(msgspec.Struct, frozen=True):
    """What a resource request is about.

    Args:
        verb: "list", "watch", "get", "create", "update" or "patch".
        resource: The resource.
        namespace: None = all namespaces, or a cluster-scoped resource.
        name: "" for lists, watches and creations.
    """

    verb: str
    resource: Resource
    namespace: str | None
    name: str


def names_resource(request: web.Request) -> bool:
    """Tell whether a request is about a resource, not about the server itself."""
    return "plural" in request.match_info


def target_of(request: web.Request) -> Target:
    """Return what a request that names a resource is about.

    Raises:
        NotFoundError: When the resource does not exist, or not at such a path.
        MethodNotAllowedError: When there are no objects of it to read.
    """
    found = request.match_info
    resource = resources.at(found.get("group", ""), found.get("version", "v1"), found["plural"])
    namespace, name = found.get("namespace"), found.get("name", "")
    if (
        resource is None
        or (namespace is not None and not resource.namespaced)
        or (name and resource.namespaced and namespace is None)
    ):
        raise NotFoundError("the server could not find the requested resource", details={})
    verb = _verb(request, name)
    if not resource.stored and verb not in resource.verbs:
        raise MethodNotAllowedError(
            "the server does not allow this method on the requested resource", details={}
        )
    return Target(verb, resource, namespace, name)


def _verb(request: web.Request, name: str) -> str:
    written = _WRITES.get(request.method)
    if written is not None:
        return written
    if name:
        return "get"
    return "watch" if flag(request.query, "watch") else "list"
