"""Asks the kubelet again and again, and keeps what it last said while that may still be true."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from exporter import catalogue
from exporter.errors import KubeletError
from exporter.node.holders.kubeletwire import Listing, listing
from exporter.node.holders.reasons import Reason
from exporter.node.reading import Sample

_log = logging.getLogger(__name__)

_LONGEST_PAUSE = 60.0

Clock = Callable[[], float]


class Kubelet(Protocol):
    """Who is asked: `podresources.PodResources`."""

    def list(self) -> bytes:
        """Return who has what, undecoded.

        Raises:
            KubeletUnavailable: When it does not say.
        """

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What the kubelet said, and when by the monotonic clock."""

    listing: Listing
    at: float


class Poller:
    """Used by one thread, which calls `poll`; the others may be called from any.

    Args:
        kubelet: Who is asked.
        interval: Seconds between two calls.
        max_age: For how many seconds an answer stands when no newer one comes.
        clock: Now, in Unix seconds, for what is published.
        monotonic: A clock that never jumps, for ages.

    Attributes:
        trouble: Why the last call failed; None when it did not.
    """

    def __init__(
        self,
        kubelet: Kubelet,
        *,
        interval: float,
        max_age: float,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
    ) -> None:
        self.trouble: str | None = "not asked yet"
        self._kubelet = kubelet
        self._interval = interval
        self._max_age = max_age
        self._clock = clock
        self._monotonic = monotonic
        self._said: _Said | None = None
        self._failures: Counter[str] = Counter()
        self._in_a_row = 0
        self._last_success: float | None = None
        self._seconds: float | None = None

    def poll(self) -> float:
        """Ask once; return after how many seconds to ask again."""
        began = self._monotonic()
        try:
            said = listing(self._kubelet.list())
        except KubeletError as error:
            return self._failed(error)
        finally:
            self._seconds = self._monotonic() - began
        if self.trouble:
            _log.info("the kubelet says which pods hold devices")
        self.trouble = None
        self._in_a_row = 0
        self._said = _Said(said, self._monotonic())
        self._last_success = self._clock()
        return self._interval

    def close(self) -> None:
        """Ask no more."""
        self._kubelet.close()

    def listing(self) -> Listing | None:
        """Return what the kubelet said last; None once that is too long ago."""
        said = self._said
        if said is None or self._monotonic() - said.at > self._max_age:
            return None
        return said.listing

    def own(self) -> Iterator[Sample]:
        """Yield what is published of the asking itself."""
        yield catalogue.PODRESOURCES_UP, (), self.trouble is None
        if self._last_success is not None:
            yield catalogue.PODRESOURCES_LAST_SUCCESS, (), self._last_success
        if self._seconds is not None:
            yield catalogue.PODRESOURCES_DURATION, (), self._seconds
        # All of them from the start: a rate sees the first failure only where there was a zero.
        for reason in Reason:
            yield catalogue.PODRESOURCES_FAILURES, (reason,), self._failures[reason]

    def _failed(self, error: KubeletError) -> float:
        self._failures[error.reason] += 1
        if self.trouble != str(error):
            # A node without Kubernetes has none, and nothing is wrong with it.
            level = logging.INFO if error.reason == Reason.NO_SOCKET else logging.WARNING
            _log.log(level, "who holds a device is not known: %s", error)
        self.trouble = str(error)
        if error.reason == Reason.NO_SOCKET:
            # Nobody is asked when there is nobody; once there is, it is soon known.
            return self._interval
        self._in_a_row += 1
        pause = self._interval * (1 << min(self._in_a_row - 1, 10))
        return max(self._interval, min(pause, _LONGEST_PAUSE))
