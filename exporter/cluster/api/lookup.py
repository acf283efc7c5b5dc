"""Asks for the owners of pods that nobody watches, one by one, patiently.

The kinds that own pods are without number, and most clusters have few of each: a watch for each
would cost more than it tells. So whoever meets an unknown owner wants it looked up; a thread of
its own asks, at a bounded rate, and hands over what it finds. Everything kept here is bounded:
what does not fit is dropped, and looked up when it is wanted again.
"""

import logging
import math
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from exporter.cluster.api.backoff import Backoff
from exporter.cluster.objects.wire import ObjectWire, OwnerReference
from exporter.errors import (
    ApiServerUnavailable,
    KubernetesError,
    NotFound,
    RequestRejected,
    ResourceRefused,
)

_log = logging.getLogger(__name__)

RESULTS = ("found", "missing", "forbidden", "error")
"""How a look-up can end: the words of `OwnerLookup.results`."""


class Api(Protocol):
    """Where owners are found; `directory.Directory` is the real one."""

    def find(self, namespace: str, reference: OwnerReference) -> ObjectWire:
        """Return an owner's metadata, or raise a KubernetesError."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is asked and kept.

    Args:
        rate: Look-ups per second in the long run.
        burst: Look-ups at once.
        wanted: Owners that wait, and again as many that wait for a kind to be readable.
        absent: Owners that are remembered as missing.
        missing_seconds: How long a missing owner is not asked for again.
        forbidden_seconds: How long a forbidden kind is not asked for again.
    """

    rate: float = 10.0
    burst: float = 50.0
    wanted: int = 10_000
    absent: int = 10_000
    missing_seconds: float = 300.0
    forbidden_seconds: float = 600.0


_USUAL = Limits()
_MOST_KINDS = 1_000


@dataclass(frozen=True, slots=True)
class _Wanted:
    namespace: str
    reference: OwnerReference

    @property
    def kind(self) -> tuple[str, str]:
        """Group and kind: what a permission is about."""
        return self.reference.api_version.rpartition("/")[0], self.reference.kind


class OwnerLookup:
    """Looks up owners in a thread of its own.

    Args:
        api: Where they are found.
        deliver: Is given each owner found, on the worker's thread; may want the next one up.
        monotonic: A clock that never jumps, in seconds.
        random: A number in [0, 1), for jitter.
        limits: How much is asked and kept.

    Attributes:
        results: How look-ups ended, by the words of `RESULTS`.
    """

    def __init__(
        self,
        api: Api,
        deliver: Callable[[OwnerReference, ObjectWire], None],
        *,
        monotonic: Callable[[], float],
        random: Callable[[], float],
        limits: Limits = _USUAL,
    ) -> None:
        self.results: Counter[str] = Counter()
        self._api = api
        self._deliver = deliver
        self._monotonic = monotonic
        self._limits = limits
        self._bucket = _Bucket(limits.rate, limits.burst, limits.burst, monotonic())
        self._backoff = Backoff(random, monotonic)
        self._lock = threading.Lock()
        self._ready: OrderedDict[str, _Wanted] = OrderedDict()
        self._parked: OrderedDict[str, tuple[float, _Wanted]] = OrderedDict()
        self._next_due = math.inf
        self._absent: OrderedDict[str, float] = OrderedDict()
        self._closed: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._asking = ""
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name="owner-lookup", daemon=True)

    def want(self, namespace: str, reference: OwnerReference) -> None:
        """Ask for an owner to be looked up; cheap, and harmless to repeat.

        Args:
            namespace: The namespace of what it owns.
            reference: Who it is.
        """
        uid = reference.uid
        with self._lock:
            if uid in self._parked:
                self._parked.move_to_end(uid)
            elif self._is_new(uid) and len(self._ready) < self._limits.wanted:
                self._ready[uid] = _Wanted(namespace, reference)
                self._wake.set()

    def waiting(self) -> int:
        """Return how many owners are wanted and not looked up."""
        with self._lock:
            return len(self._ready) + len(self._parked)

    def start(self) -> None:
        """Begin to look up."""
        self._thread.start()

    def stop(self) -> None:
        """Stop soon: after the request under way."""
        self._stopping.set()
        self._wake.set()

    def join(self, seconds: float) -> None:
        """Wait until stopped; a thread that waits for the API server ends with the process."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def run(self) -> None:
        """Look up until stopped; no failure ends it."""
        while not self._stopping.is_set():
            self._wake.clear()
            pause = self.step()
            if not self._stopping.is_set():
                self._wake.wait(None if math.isinf(pause) else pause)

    def step(self) -> float:
        """Look up one owner, if one is wanted and may be asked for now.

        Returns:
            After how many seconds there may be more to do; infinity: when one is wanted.
        """
        now = self._monotonic()
        with self._lock:
            self._unpark(now)
            pause = self._bucket.pause(now) if self._ready else 0.0
            wanted = None if pause else self._take(now)
            if wanted is None:
                return pause or self._next_due - now
            self._bucket.spend()
            self._asking = wanted.reference.uid
        try:
            self._look_up(wanted)
        finally:
            self._asking = ""
        return 0.0

    # -- what waits: all with the lock held

    def _is_new(self, uid: str) -> bool:
        known = uid in self._ready or uid == self._asking
        return not known and self._absent.get(uid, -math.inf) <= self._monotonic()

    def _park(self, wanted: _Wanted, until: float) -> None:
        _keep(self._parked, wanted.reference.uid, (until, wanted), self._limits.wanted)
        self._next_due = min(self._next_due, until)

    def _unpark(self, now: float) -> None:
        if now < self._next_due:
            return
        for uid, (due, wanted) in list(self._parked.items()):
            if due <= now:
                del self._parked[uid]
                self._ready[uid] = wanted
        self._next_due = min((due for due, _ in self._parked.values()), default=math.inf)

    def _take(self, now: float) -> _Wanted | None:
        while self._ready:
            _, wanted = self._ready.popitem(last=False)
            reopens = self._closed.get(wanted.kind, -math.inf)
            if reopens <= now:
                return wanted
            self._park(wanted, reopens)
        return None

    # -- one look-up

    def _look_up(self, wanted: _Wanted) -> None:
        reference = wanted.reference
        try:
            found = self._api.find(wanted.namespace, reference)
            if found.metadata.uid != reference.uid:
                raise NotFound(f"{reference.kind} {reference.name} is another one by now")  # noqa: TRY301 - the same end
            self._deliver(reference, found)
        except NotFound:
            self._give_up("missing", wanted)
        except RequestRejected as error:
            _log.warning("owner %s %s: %s", reference.kind, reference.name, error)
            self._give_up("error", wanted)
        except ResourceRefused as error:
            _log.warning("owner of kind %s: %s", reference.kind, error)
            pause = self._limits.forbidden_seconds
            self._postpone("forbidden", wanted, pause, pause)
        except ApiServerUnavailable as error:
            # The others of its kind first: it may be this one alone that cannot be read.
            pause = max(self._backoff.next(), error.retry_after or 0.0)
            self._postpone("error", wanted, pause, 2 * pause)
        except KubernetesError as error:
            _log.warning("owner %s %s: %s", reference.kind, reference.name, error)
            self._give_up("error", wanted)
        except Exception:  # noqa: BLE001 - a defect of ours must not end the looking up in silence
            _log.exception("owner %s %s: unexpected failure", reference.kind, reference.name)
            self._give_up("error", wanted)
        else:
            self.results["found"] += 1

    def _give_up(self, result: str, wanted: _Wanted) -> None:
        self.results[result] += 1
        until = self._monotonic() + self._limits.missing_seconds
        with self._lock:
            _keep(self._absent, wanted.reference.uid, until, self._limits.absent)

    def _postpone(self, result: str, wanted: _Wanted, kind: float, this: float) -> None:
        """Ask for no owner of its kind for *kind* seconds, and not for it for *this* seconds."""
        self.results[result] += 1
        now = self._monotonic()
        with self._lock:
            _keep(self._closed, wanted.kind, now + kind, _MOST_KINDS)
            self._park(wanted, now + this)


@dataclass(slots=True)
class _Bucket:
    """A token bucket: *rate* per second in the long run, *burst* at once."""

    rate: float
    burst: float
    tokens: float
    filled: float

    def pause(self, now: float) -> float:
        """Return for how many seconds there is no token."""
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        return max(0.0, (1.0 - self.tokens) / self.rate)

    def spend(self) -> None:
        """Take a token."""
        self.tokens -= 1.0


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _keep(kept: OrderedDict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Remember something; of too many the one wanted longest ago is forgotten."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
