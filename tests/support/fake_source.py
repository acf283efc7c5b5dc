"""One resource of an API server that says what a test wrote down, without threads or sockets.

`FakeSource` answers each list and each watch with the next line of its script. When the script is
at its end it stops the reflector, so that `Reflector.run` returns in the test's own thread.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec

from exporter.cluster.api.backoff import Backoff
from exporter.cluster.api.listing import Sink
from exporter.cluster.api.reflector import Reflector
from tests.support.objects import Object

_END = {"k8s.io/initial-events-end": "true"}

Said = bytes | Exception | Callable[[], bytes]
"""What comes next: bytes, a failure, or something the test does first."""

Script = Iterable[Said] | Exception
"""What a watch says, line by line, or why it cannot be opened."""


class Clock:
    """A clock that moves when told."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class FakeSource:
    """A scripted `reflector.Source`.

    Args:
        pages: What each request for a page is answered with.
        watches: What each watch says, line by line; a failure refuses to open it.
        streams: What each watch says that begins with the objects; None: no reflector asks for one.

    Attributes:
        asked: The requests made, as "list", "list TOKEN", "watch VERSION" or "stream".
        seconds: How long each watch was to last.
        waits: How long each pause was to be.
    """

    resource = "pods"

    def __init__(
        self,
        pages: Iterable[Said] = (),
        watches: Iterable[Script] = (),
        *,
        streams: Iterable[Script] | None = None,
    ) -> None:
        self.asked: list[str] = []
        self.seconds: list[float] = []
        self.waits: list[float] = []
        self.clock = Clock()
        self._pages = iter(pages)
        self._watches = iter(watches)
        self._streaming = streams is not None
        self._streams = iter(streams or ())
        self._done: Callable[[], None] = lambda: None

    def page(self, continue_token: str | None) -> bytes:
        """Return the next page."""
        self.asked.append(f"list {continue_token or ''}".strip())
        return _said(next(self._pages))

    @contextmanager
    def watch(self, version: str, *, seconds: float) -> Iterator[Iterable[bytes]]:
        """Open the next watch; one after the last runs its time in silence."""
        self.asked.append(f"watch {version}")
        with self._opened(next(self._watches, None), seconds) as lines:
            yield lines

    @contextmanager
    def stream(self, *, seconds: float) -> Iterator[Iterable[bytes]]:
        """Open the next stream."""
        self.asked.append("stream")
        with self._opened(next(self._streams), seconds) as lines:
            yield lines

    @contextmanager
    def _opened(self, script: Script | None, seconds: float) -> Iterator[Iterable[bytes]]:
        self.seconds.append(seconds)
        if isinstance(script, Exception):
            raise script
        if script is None:
            self._done()
            self.clock.now += seconds
            yield ()
        else:
            yield map(_said, script)

    def reflector(
        self,
        sink: Sink,
        *,
        random: Callable[[], float] = lambda: 0.0,
        pause: float | None = None,
        refused_pause: float | None = None,
    ) -> Reflector:
        """Return a reflector of this script.

        Args:
            sink: Where objects go.
            random: For jitter.
            pause: The pause after a failure, in seconds; None: pauses take no time, and `waits`
                tells them.
            refused_pause: The reflector's own.
        """
        seconds = {} if pause is None else {"first": pause, "cap": pause}
        reflector = Reflector(
            self,
            sink,
            clock=self.clock,
            monotonic=self.clock,
            random=random,
            backoff=Backoff(random, self.clock, **seconds),
            stream=self._streaming,
            refused_pause=refused_pause,
            wait=self.waits.append if pause is None else None,
        )
        self._done = reflector.stop
        return reflector

    def follow(self, sink: Sink, *, random: Callable[[], float] = lambda: 0.0) -> Reflector:
        """Return a reflector that has followed this script to its end."""
        reflector = self.reflector(sink, random=random)
        reflector.run()
        return reflector


def page(version: str, *objects: Object, more: str = "") -> bytes:
    """Return one page of a list; *more* is the token of the next."""
    metadata = {"resourceVersion": version} | ({"continue": more} if more else {})
    return msgspec.json.encode({"kind": "List", "metadata": metadata, "items": objects})


def event(kind: str, it: Object, version: str = "") -> bytes:
    """Return one line of a watch."""
    stamped = it | {"metadata": it["metadata"] | {"resourceVersion": version}} if version else it
    return msgspec.json.encode({"type": kind, "object": stamped})


def bookmark(version: str) -> bytes:
    """Return a bookmark."""
    return event("BOOKMARK", {"metadata": {}}, version)


def end(version: str) -> bytes:
    """Return the bookmark that ends the objects a stream begins with."""
    return event("BOOKMARK", {"metadata": {"annotations": _END}}, version)


def error(code: int, message: str = "") -> bytes:
    """Return the event that ends a watch with a Status."""
    return event("ERROR", {"kind": "Status", "code": code, "message": message})


def _said(said: Said) -> bytes:
    if isinstance(said, Exception):
        raise said
    return said() if callable(said) else said
