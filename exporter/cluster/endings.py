"""When ended pods that still exist are to be published no longer."""

import heapq
from collections.abc import Iterator


class Endings:
    """Remembers of each ended pod until when it is shown.

    Args:
        keep: Seconds from its end.
    """

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._until: dict[str, float] = {}
        self._queue: list[tuple[float, str]] = []

    def is_over(self, uid: str, finished: float | None, now: float) -> bool:
        """Take in an ended pod; tell whether its time is over.

        Args:
            uid: Its UID.
            finished: When it ended, in Unix time; None when nobody tells: then it is now, the
                first time it is told of.
            now: The time.
        """
        until = self._until.get(uid)
        if until is None:
            until = (now if finished is None else finished) + self._keep
            self._until[uid] = until
            heapq.heappush(self._queue, (until, uid))
        return until <= now

    def due(self, now: float) -> Iterator[str]:
        """Yield the pods whose time is over, each once."""
        while self._queue and self._queue[0][0] <= now:
            until, uid = heapq.heappop(self._queue)
            if self._until.get(uid) == until:
                yield uid

    def forget(self, uid: str) -> None:
        """Forget a pod that exists no longer."""
        self._until.pop(uid, None)
