"""What was worked out last, by whom it is for, until what it was made of changes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Keeps one value per key; those not asked for longest are forgotten.

    Args:
        most: How many.
        end: What is done with a value that is not needed any more.
    """

    def __init__(self, most: int, end: Callable[[T], object] = lambda _: None) -> None:
        self._most = most
        self._end = end
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Hashable, T]] = OrderedDict()

    def get(self, key: Hashable, stamp: Hashable, make: Callable[[], T]) -> T:
        """Return what *make* makes of what *stamp* stands for, made by one thread."""
        with self._lock:
            known = self._kept.get(key)
            if known is not None and known[0] == stamp:
                self._kept.move_to_end(key)
                return known[1]
            # The others wait: they want this, or the processor, which has one thread at a time.
            made = make()
            self._kept[key] = (stamp, made)
            self._kept.move_to_end(key)
            if known is not None:
                self._end(known[1])
            if len(self._kept) > self._most:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._end(oldest)
            return made
