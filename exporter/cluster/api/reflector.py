"""Keeps one resource of the API server in memory: list, watch, and begin again where needed.

The rules are those of client-go's reflector: continue from the version last heard of, treat
bookmarks as progress, list anew on 410 in either form, close nothing because of one bad event.
While a new list is under way the old state stays; it is replaced at once.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from exporter.cluster.api import messages
from exporter.cluster.api.backoff import Backoff
from exporter.cluster.api.listing import Sink, Source, refuse, take_pages, take_stream
from exporter.errors import (
    ApiServerUnavailable,
    RequestRejected,
    ResourceExpired,
    ResourceRefused,
)

_log = logging.getLogger(__name__)

# The server ends a watch by itself after this long; spread, so that not all end at once.
_WATCH_SECONDS = (300.0, 600.0)
# A watch that ends sooner, having said nothing, is a failure whatever its status.
_SHORTEST_WATCH = 1.0
# Streams that break before all objects are told, one after the other, until pages are tried.
_BROKEN_STREAMS = 2


class Reflector:
    """Follows one resource in a thread of its own.

    Args:
        source: Where lists and watches come from.
        sink: Where objects go.
        clock: Now, in Unix seconds, for what is published.
        monotonic: A clock that never jumps, for ages.
        random: A number in [0, 1), for jitter.
        backoff: Waiting times after failures; its clock may be another.
        stream: Learn what there is from a watch that begins with it, where the API server can;
            else from a list in pages.
        refused_pause: Waiting time, in seconds, after a refusal that only a person can cure; up
            to twice as long. None: as after any other failure.
        wait: Waits so many seconds; None: or until stopped.

    Attributes:
        synced: Whether a list has been complete.
        trouble: Why the resource is not followed just now; None: it is.
        last_heard: When the API server last gave a sign of life, in Unix time.
        last_event: When it last told a change, in Unix time.
        last_bookmark: When it last sent a bookmark, in Unix time.
        first_sync: Seconds from the start to the end of the first list.
        lists: Lists, by result: success, expired, refused, error.
        watches: Watches, by how they ended, in the same words.
        events: Watch events by type; objects that a stream begins with are no events.
        relists: Lists that became necessary, by why: expired (the version was gone), unproven (a
            watch broke before it told anything), failure (a defect of ours).
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
        stream: bool = True,
        refused_pause: float | None = None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self.resource = source.resource
        self.synced = False
        self.trouble: str | None = "the first list is not complete yet"
        self.last_heard: float | None = None
        self.last_event: float | None = None
        self.last_bookmark: float | None = None
        self.first_sync: float | None = None
        self.lists: Counter[str] = Counter()
        self.watches: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.relists: Counter[str] = Counter()
        self._source = source
        self._sink = sink
        self._clock = clock
        self._monotonic = monotonic
        self._started_at = monotonic()
        self._heard_at: float | None = None
        self._random = random
        self._backoff = backoff
        self._stream = stream
        self._broken_streams = 0
        self._refused_pause = refused_pause
        self._version: str | None = None
        self._listing = True
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._thread = threading.Thread(
            target=self.run, name=f"reflector-{self.resource}", daemon=True
        )

    def start(self) -> None:
        """Begin to follow the resource."""
        self._started_at = self._monotonic()
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

    # --- the loop ---

    def run(self) -> None:
        """List and watch until stopped; no failure ends it."""
        while not self._stopping.is_set():
            try:
                self._step()
            except ResourceExpired as gone:
                self._expired(gone)
            except ApiServerUnavailable as error:
                self._failed(error)
            except Exception:  # noqa: BLE001 - a defect of ours must not end the watching in silence
                _log.exception("%s: unexpected failure; listing again", self.resource)
                self._list_again("failure")
                self._complain("unexpected failure, see the log")
                self._wait(self._backoff.next())

    def _step(self) -> None:
        if self._version is None:
            self._listing = True
            if self._stream:
                return self._follow_stream()
            self._version = self._list()
        return self._watch(self._version)

    def _expired(self, gone: ResourceExpired) -> None:
        # Once is the way of the world. A list that expires says that no list may ever be complete.
        if self._listing:
            self._complain(f"the list expired before it was complete: {gone}")
        else:
            _log.info("%s: %s; listing again", self.resource, gone)
        self._list_again("expired")
        self._wait(self._backoff.next())

    def _failed(self, error: ApiServerUnavailable) -> None:
        if self._version is None and not self._listing:
            self._list_again("unproven")
        self._complain(str(error))
        if isinstance(error, ResourceRefused) and self._refused_pause is not None:
            self._wait(self._refused_pause * (1 + self._random()))
        else:
            self._wait(max(self._backoff.next(), error.retry_after or 0.0))

    def _list_again(self, reason: str) -> None:
        self.relists[reason] += 1
        self._version = None
        self._listing = True

    # --- lists ---

    def _list(self) -> str:
        with _counted(self.lists):
            version = take_pages(self._source, self._sink)
        self._listed()
        return version

    def _follow_stream(self) -> None:
        try:
            with ExitStack() as opened:
                with _counted(self.lists, but=RequestRejected):
                    lines = opened.enter_context(self._source.stream(seconds=self._watch_seconds()))
                    events = map(messages.decode_event, lines)
                    version, changes = self._take_stream(events)
                with _counted(self.watches):
                    for change in changes:
                        self._receive(change)
                    self._version = version
                    self._listed()
                    self._receive_all(events, version)
        except RequestRejected as error:
            # Not asked again before the next start: the answer is a property of the server.
            _log.info("%s: %s; listing in pages from now on", self.resource, error)
            self._stream = False

    def _take_stream(
        self, events: Iterator[messages.WatchEvent]
    ) -> tuple[str, list[messages.WatchEvent]]:
        try:
            taken = take_stream(events, self._sink, self._monotonic)
        except RequestRejected:
            raise
        except ApiServerUnavailable as error:
            self._broken_streams += 1
            if self._broken_streams < _BROKEN_STREAMS:
                raise
            raise RequestRejected(f"{error}, {_BROKEN_STREAMS} times in a row") from error
        self._broken_streams = 0
        return taken

    def _listed(self) -> None:
        self.synced = True
        self._listing = False
        if self.first_sync is None:
            self.first_sync = self._monotonic() - self._started_at
        self._heard()

    # --- watches ---

    def _watch_seconds(self) -> float:
        low, high = _WATCH_SECONDS
        return low + (high - low) * self._random()

    def _watch(self, version: str) -> None:
        opened = self._monotonic()
        heard_before = self.events.total()
        with (
            _counted(self.watches),
            self._source.watch(version, seconds=self._watch_seconds()) as lines,
        ):
            self._heard()
            # Until an event comes nothing proves that the stream works: if it breaks, list anew,
            # lest a server that accepts watches and tells nothing keeps an old state alive.
            self._version = None
            version = self._receive_all(map(messages.decode_event, lines), version)
            if self._stopping.is_set():
                return
        if self.events.total() == heard_before and self._monotonic() - opened < _SHORTEST_WATCH:
            raise ApiServerUnavailable("the API server ends watches as soon as they begin")
        self._version = version

    def _receive_all(self, events: Iterable[messages.WatchEvent], version: str) -> str:
        """Pass events on; return the version reached, *version* when none brought one."""
        for event in events:
            told = messages.version_of(event.object)
            if messages.is_before(told, version) and event.type != "ERROR":
                # Out of order, or the API server's data were set back to an older backup: what
                # we know of may never have been.
                raise ResourceExpired(f"version {told} was told after {version}")
            self._receive(event)
            version = self._version = told or version
            if self._stopping.is_set():
                break
        return version

    def _receive(self, event: messages.WatchEvent) -> None:
        self.events[event.type] += 1
        refuse(event)
        if event.type == "BOOKMARK":
            self.last_bookmark = self._clock()
        else:
            self.last_event = self._clock()
        if event.type in {"ADDED", "MODIFIED"}:
            self._sink.upsert(event.object)
        elif event.type == "DELETED":
            self._sink.remove(event.object)
        self._heard()

    # --- what is told of it ---

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


@contextmanager
def _counted(counter: Counter[str], *, but: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    """Count how the block ends: success, expired, refused or error; *but* is not counted."""
    try:
        yield
    except but:
        raise
    except ResourceExpired:
        counter["expired"] += 1
        raise
    except ResourceRefused:
        counter["refused"] += 1
        raise
    except Exception:
        counter["error"] += 1
        raise
    counter["success"] += 1
