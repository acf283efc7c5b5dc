"""Reads what is needed next behind the readers' backs, while they are told what is still fresh."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from typing import Any


class Renewals:
    """Renews each thing once at a time.

    Args:
        executor: Where; a renewal waits for what others fetch, so not where those run.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._lock = threading.Lock()
        self._under_way: set[Hashable] = set()

    def begin(self, what: Hashable, renew: Callable[[], Any]) -> None:
        """Begin to renew, unless that is under way.

        Nobody waits for it, so nobody is told of a failure: whoever comes when nothing is fresh
        any more asks again, and hears.
        """
        with self._lock:
            if what in self._under_way:
                return
            self._under_way.add(what)
        # Cancelled, when the service ends, or done: it is not under way.
        self._executor.submit(renew).add_done_callback(lambda _: self._over(what))

    def _over(self, what: Hashable) -> None:
        with self._lock:
            self._under_way.discard(what)
