"""A Kubernetes API server for tests: `with running(node("n1"), pod("p1")) as cluster: ...`.

The server runs in a thread of its own with its own event loop, on a spare loopback port.
`Cluster`'s methods may be called from any thread: each runs on that loop and returns when done.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from aiohttp import web

from demo.kubernetes import resources
from demo.kubernetes.access import Grant, Rule, User
from demo.kubernetes.cli import write_kubeconfig
from demo.kubernetes.faults import Action, Fault
from demo.kubernetes.server import create_app, serving
from demo.kubernetes.settings import Settings
from demo.kubernetes.state import SERVER, ApiServer, Seen
from demo.kubernetes.store import Store
from demo.processes import wait_for

P = ParamSpec("P")
T = TypeVar("T")

_PATIENCE_SECONDS = 60.0
_LAST_TURNS, _TURN_SECONDS = 10, 0.002
_DEFAULT = Settings()


class Cluster:
    """A running API server, seen from the test's thread.

    Attributes:
        url: Its base URL.
    """

    def __init__(self, url: str, server: ApiServer, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url
        self._server = server
        self._loop = loop

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run any function on the server's loop, in one piece, and return its result."""

        async def called() -> T:
            return function(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(_PATIENCE_SECONDS)

    # -- objects

    def put(self, *contents: Mapping[str, Any]) -> int:
        """Create or update objects, all in one piece; return the last one's resource version."""
        return self.call(lambda: max(self._server.store.put(content) for content in contents))

    def put_raw(self, resource: str, namespace: str, name: str, body: bytes) -> None:
        """Store bytes as they are: bad input."""
        self.call(self._server.store.put_raw, resources.named(resource), namespace, name, body)

    def delete(self, kind: str, namespace: str, *names: str) -> bool:
        """Remove objects, all in one piece; tell whether all were there."""
        store = self._server.store
        return all(self.call(lambda: [store.delete(kind, namespace, name) for name in names]))

    @property
    def resource_version(self) -> int:
        """The version of the latest change."""
        return self.call(lambda: self._server.store.resource_version)

    # -- misbehaviour

    def plan(
        self,
        action: Action,
        *,
        verb: str | None = None,
        resource: str | None = None,
        after: int = 0,
        count: int = 1,
        status: int = 500,
        retry_after: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Plan a fault; `demo.kubernetes.faults` says what each action does."""
        fault = Fault(action, verb, resource, after, count, status, retry_after, seconds)
        self.call(self._server.faults.add, fault)

    def forgive(self) -> None:
        """Drop every planned fault."""
        self.call(self._server.faults.clear)

    def expire_tokens(self) -> None:
        """Expire every continue token."""
        self.call(self._server.store.release)

    def compact(self) -> None:
        """Forget all past changes: a watch from an older version is 410."""
        self.call(self._server.store.compact)

    def rotate_tokens(self, *tokens: str) -> None:
        """Replace the good bearer tokens; none lets everybody in."""
        self.call(self._server.access.rotate, tokens)

    def enrol(self, **users: User) -> None:
        """Replace whose tokens TokenReviews know; each keyword is a token."""
        self.call(self._server.access.enrol, users)

    def forbid(self, *rules: Rule) -> None:
        """Replace the refusals; none forbids nothing."""
        self.call(self._server.access.forbid, rules)

    def permit(self, *grants: Grant) -> None:
        """Replace the permissions: from now on only these."""
        self.call(self._server.access.permit, grants)

    # -- what clients did

    def seen(self, verb: str | None = None, resource: str | None = None) -> list[Seen]:
        """Return the requests that came in, oldest first, perhaps of one verb or resource."""
        requests = self.call(lambda: list(self._server.seen))
        return [
            request
            for request in requests
            if verb in {None, request.verb} and resource in {None, request.resource}
        ]

    def watches(self, resource: str) -> int:
        """Return how many watches of a plural are open."""
        return self.call(lambda: self._server.watches[resource])

    def wait_for_watches(self, resource: str, count: int = 1) -> None:
        """Wait until exactly *count* watches of a plural are open.

        Raises:
            ProcessError: When that takes too long.
        """
        wait_for(
            lambda: self.watches(resource) == count,
            seconds=_PATIENCE_SECONDS,
            what=f"{count} open watches of {resource}",
        )

    # -- for real clients

    def kubeconfig(self, path: Path, *, token: str = "", authority: Path | None = None) -> Path:
        """Write a kubeconfig that points here and return its path."""
        write_kubeconfig(path, self.url, tokens=[token] if token else [], authority=authority)
        return path


@contextmanager
def running(
    *contents: Mapping[str, Any],
    settings: Settings = _DEFAULT,
    tokens: Iterable[str] = (),
    store: Store | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Cluster]:
    """Run an API server for the length of a `with` block.

    Args:
        *contents: Objects it begins with.
        settings: How it behaves.
        tokens: Good bearer tokens; none = everybody is let in.
        store: Its store, when its history or clock matter; else a fresh one.
        tls: Serve HTTPS with this context.
    """
    store = store or Store()
    for content in contents:
        store.put(content)
    app = create_app(store, settings, tokens=tokens)
    with _loop() as loop:
        server = _Served(app, tls, loop)
        url = server.start()
        try:
            yield Cluster(url, app[SERVER], loop)
        finally:
            server.stop()


class _Served:
    """An application served on a loop that runs in another thread."""

    def __init__(
        self, app: web.Application, tls: ssl.SSLContext | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._context = serving(app, tls=tls)
        self._loop = loop

    def start(self) -> str:
        started = asyncio.run_coroutine_threadsafe(self._context.__aenter__(), self._loop)
        return started.result(_PATIENCE_SECONDS)

    def stop(self) -> None:
        ended = asyncio.run_coroutine_threadsafe(
            self._context.__aexit__(None, None, None), self._loop
        )
        ended.result(_PATIENCE_SECONDS)


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="apiserver", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE_SECONDS)
        # A connection that is closed is gone only some turns of the loop later, over TLS above all.
        for _ in range(_LAST_TURNS):
            loop.run_until_complete(asyncio.sleep(_TURN_SECONDS))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
