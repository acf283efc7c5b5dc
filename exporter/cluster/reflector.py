"""Keeps one resource of the API server in memory: list, watch, and begin again where needed.

The rules are those of client-go's reflector: continue from the version last heard of, treat
bookmarks as progress, list anew on 410 in either form, close nothing because of one bad event.
While a new list is under way the old state stays; it is replaced at once.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import msgspec

from exporter.cluster import wire
from exporter.errors import ApiServerUnavailable, ResourceExpired

_log = logging.getLogger(__name__)

_GONE = 410
# The server ends a watch by itself after this long; spread, so that not all end at once.
_WATCH_SECONDS = (300.0, 600.0)
# A watch that ends sooner, having said nothing, is a failure whatever its status.
_SHORTEST_WATCH = 1.0


class Source(Protocol):
    """One resource of the API server."""

    resource: str

    def page(self, continue_token: str | None) -> bytes:
        """Return one page of a consistent list, undecoded."""

    def watch(self, version: str, *, seconds: float) -> AbstractContextManager[Iterable[bytes]]:
        """Open a watch from *version* that the server ends after *seconds*; yields its lines."""


class Sink(Protocol):
    """Where objects go."""

    def replace(self, pages: Iterable[Iterable[msgspec.Raw]]) -> None:
        """Take in a complete list."""

    def upsert(self, raw: msgspec.Raw) -> None:
        """Take in one new or changed object."""

    def remove(self, raw: msgspec.Raw) -> None:
        """Forget one object."""


@dataclass(slots=True)
class Backoff:
    """Waiting times after failures: doubling, jittered, capped; starts over after a quiet time."""

    random: Callable[[], float]
    clock: Callable[[], float]
    first: float = 0.8
    cap: float = 30.0
    quiet: float = 120.0
    _current: float = 0.0
    _last: float = float("-inf")

    def next(self) -> float:
        """Return how long to wait now, in seconds."""
        now = self.clock()
        if now - self._last > self.quiet:
            self._current = self.first
        else:
            self._current = min(self.cap, self._current * 2)
        self._last = now
        return min(self.cap, self._current * (1 + self.random()))


class Reflector:
    """Follows one resource in a thread of its own.

    Args:
        source: Where lists and watches come from.
        sink: Where objects go.
        clock: Now, in Unix seconds, for what is published.
        monotonic: A clock that never jumps, for ages.
        random: A number in [0, 1), for jitter.
        backoff: Waiting times after failures; its clock may be another.
    """

    def __init__(
        self,
        source: Source,
        sink: Sink,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        random: Callable[[], float],
        backoff: Backoff,
    ) -> None:
        self.resource = source.resource
        self.synced = False
        self.trouble: str | None = "the first list is not complete yet"
        self.last_heard: float | None = None
        self.lists: Counter[str] = Counter()
        self.watches: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self._source = source
        self._sink = sink
        self._clock = clock
        self._monotonic = monotonic
        self._heard_at: float | None = None
        self._random = random
        self._backoff = backoff
        self._version: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self.run, name=f"reflector-{self.resource}", daemon=True
        )

    def start(self) -> None:
        """Begin to follow the resource."""
        self._thread.start()

    def stop(self) -> None:
        """Stop soon: after what is being received or waited for."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        """Wait until stopped; a thread that waits for the API server ends with the process."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def silence(self) -> float | None:
        """Return for how many seconds nothing was heard; None before the first list."""
        return None if self._heard_at is None else self._monotonic() - self._heard_at

    def run(self) -> None:
        """List and watch until stopped; no failure ends it."""
        while not self._stopping.is_set():
            try:
                self._step()
            except ResourceExpired as gone:
                _log.info("%s: %s; listing again", self.resource, gone)
                self._version = None
                self._pause()
            except ApiServerUnavailable as error:
                self._complain(str(error))
                self._pause()
            except Exception:  # noqa: BLE001 - a defect of ours must not end the watching in silence
                _log.exception("%s: unexpected failure; listing again", self.resource)
                self._version = None
                self._complain("unexpected failure, see the log")
                self._pause()

    def _step(self) -> None:
        if self._version is None:
            self._version = self._list()
        self._watch(self._version)

    def _list(self) -> str:
        version = ""

        def pages() -> Iterator[list[msgspec.Raw]]:
            nonlocal version
            token: str | None = None
            while True:
                page = wire.decode_page(self._source.page(token))
                # The first page's version is the snapshot that all pages are cut from.
                version = version or page.metadata.resource_version
                yield page.items or []
                token = page.metadata.continue_token
                if not token:
                    return

        with self._counted(self.lists):
            self._sink.replace(pages())
        self.synced = True
        self._heard()
        return version

    def _watch(self, version: str) -> None:
        opened = self._monotonic()
        heard_before = self.events.total()
        low, high = _WATCH_SECONDS
        with (
            self._counted(self.watches),
            self._source.watch(version, seconds=low + (high - low) * self._random()) as lines,
        ):
            self._heard()
            # Until an event comes nothing proves that the stream works: if it breaks, list anew,
            # lest a server that accepts watches and tells nothing keeps an old state alive.
            self._version = None
            for line in lines:
                version = self._version = self._receive(wire.decode_event(line)) or version
                if self._stopping.is_set():
                    return
        if self.events.total() == heard_before and self._monotonic() - opened < _SHORTEST_WATCH:
            raise ApiServerUnavailable("the API server ends watches as soon as they begin")
        self._version = version

    def _receive(self, event: wire.WatchEvent) -> str:
        """Pass one event on; return the version it brings, empty when it brings none."""
        self.events[event.type] += 1
        if event.type == "ERROR":
            status = wire.decode_status(event.object)
            if status.code == _GONE:
                raise ResourceExpired(status.message or "resource version is too old")
            raise ApiServerUnavailable(f"the watch failed: {status.code} {status.message}")
        if event.type in {"ADDED", "MODIFIED"}:
            self._sink.upsert(event.object)
        elif event.type == "DELETED":
            self._sink.remove(event.object)
        self._heard()
        return wire.version_of(event.object)

    def _heard(self) -> None:
        self.last_heard = self._clock()
        self._heard_at = self._monotonic()
        if self.trouble is not None:
            _log.info("%s: in step with the API server", self.resource)
            self.trouble = None

    def _complain(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.warning("%s: %s; trying again", self.resource, trouble)
        self.trouble = trouble

    def _pause(self) -> None:
        self._stopping.wait(self._backoff.next())

    def _counted(self, counter: Counter[str]) -> "_Counted":
        return _Counted(counter)


class _Counted:
    """Counts how a block ended: `success`, `expired` or `error`."""

    def __init__(self, counter: Counter[str]) -> None:
        self._counter = counter

    def __enter__(self) -> None:
        """Nothing is counted before the end is known."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._counter["success"] += 1
        else:
            self._counter["expired" if issubclass(kind, ResourceExpired) else "error"] += 1
