"""Bounds how many readers wait for one cluster, so that a hung one does not hold them all."""

import threading
import time
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

from queryapi.errors import UpstreamUnavailable

T = TypeVar("T")


class Seats:
    """A number of seats, which knows since when all are taken.

    Args:
        count: How many there are.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._full_since = time.monotonic()
        self._changed = threading.Condition()

    @property
    def full(self) -> bool:
        """Whether all are taken."""
        return self._free == 0

    def take(self, standing: float = 0.0) -> bool:
        """Take one; tells whether there was one.

        Args:
            standing: Until how many seconds after the last one was taken to wait: who stands
                needs a thread too, so a crowd waits for so long together, not one after another.
        """
        with self._changed:
            left = self._full_since + standing - time.monotonic()
            if not self._changed.wait_for(lambda: self._free, timeout=max(0.0, left)):
                return False
            self._free -= 1
            if self.full:
                self._full_since = time.monotonic()
            return True

    def give_back(self) -> None:
        """Leave one."""
        with self._changed:
            self._free += 1
            self._changed.notify()


class Bulkhead:
    """The seats in which readers wait for one cluster.

    Args:
        seats: How many may wait at once.
        house: Seats that all clusters have together; None = no limit.
    """

    def __init__(self, seats: int = 12, house: Seats | None = None) -> None:
        self._seats = Seats(seats)
        self._house = house

    @property
    def full(self) -> bool:
        """Whether nobody else may wait."""
        return self._seats.full

    def take(self, standing: float = 0.0) -> None:
        """Take a seat, see Seats; raises UpstreamUnavailable when there is none."""
        if not self._seats.take(standing):
            raise UpstreamUnavailable(
                "Too many requests wait for this cluster's Prometheus already", reason="busy"
            )
        if self._house is not None and not self._house.take(standing):
            self._seats.give_back()
            raise UpstreamUnavailable(
                "Too many requests wait for a Prometheus already", reason="busy"
            )

    def give_back(self) -> None:
        """Leave a seat."""
        self._seats.give_back()
        if self._house is not None:
            self._house.give_back()


class Patience:
    """How long one reader waits, for however many futures; takes a seat only if it must wait.

    Args:
        bulkhead: Where the seat is.
        seconds: How long, from now on.
        standing: For how much of it without a seat, see Seats.
    """

    def __init__(self, bulkhead: Bulkhead, seconds: float, standing: float = 0.0) -> None:
        self._bulkhead = bulkhead
        self._standing = standing
        self._deadline = time.monotonic() + seconds
        self._seated = False

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(0.0, self._deadline - time.monotonic())

    def await_(self, future: Future[T]) -> T:
        """Return what comes of *future*.

        Raises:
            UpstreamUnavailable: When nothing came in time, or nobody else may wait.
        """
        if not future.done() and not self._seated:
            self._bulkhead.take(min(self._standing, self.left))
            self._seated = True
        try:
            return future.result(timeout=self.left)
        except TimeoutError as error:
            raise UpstreamUnavailable(
                "Prometheus did not answer in time", reason="timeout"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._seated:
            self._bulkhead.give_back()
