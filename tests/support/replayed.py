"""A fleet that replays the trace, moved by hand, and what may be said of it at any moment."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path

import requests

from tests.support.oracle import Story, Truth


@dataclass(slots=True)
class _Move:
    """One step forward: after which truth it began and ended, and when."""

    first: int
    last: int
    sent: float
    done: float = inf


class Replay:
    """Moves a fleet forward, and remembers what was true when.

    Args:
        folder: The trace.
        fleet_url: The fleet, which stands still by itself.
        begin: The second of the trace at which it stands.

    Attributes:
        second: Where it stands.
        truths: After each step of the trace that it has been through.
    """

    def __init__(self, folder: Path, fleet_url: str, begin: int) -> None:
        self.second = begin
        self._story = Story(folder)
        self._fleet_url = fleet_url
        for _ in self._story.until(begin):
            pass
        self.truths: list[Truth] = [self._story.cluster.truth()]
        self._moves = [_Move(0, 0, -inf, -inf)]

    @property
    def now(self) -> Truth:
        """What is true where it stands."""
        return self.truths[-1]

    def to(self, second: int) -> None:
        """Move the fleet to a second of the trace."""
        first = len(self.truths) - 1
        self.truths += [self._story.cluster.truth() for _ in self._story.until(second)]
        if len(self.truths) - 1 > first:
            move = _Move(first, len(self.truths) - 1, time.time())
            self._moves.append(move)
            answer = requests.post(
                f"{self._fleet_url}/_demo/timeline", json={"until": second}, timeout=30
            )
            answer.raise_for_status()
            move.done = time.time()
        self.second = second

    def possible(self, at: float, came: float, lag: float) -> list[Truth]:
        """Return what an answer about a moment may say.

        Args:
            at: The moment, in seconds since 1970.
            came: When the answer came: Prometheus dates a scrape by its begin, and what is scraped
                is as new as its end.
            lag: How long before the moment something may have happened and not be seen yet.
        """
        moves = list(self._moves)
        first = max(move.last for move in moves if move.done <= at - lag)
        last = max(move.last for move in moves if move.sent <= came)
        return self.truths[first : last + 1]

    @contextmanager
    def moving(self, speed: float, every: float = 1.0) -> Iterator[None]:
        """Have it move so many of its seconds in one of ours, in steps, meanwhile."""
        over = threading.Event()
        failed: list[BaseException] = []
        begin, since = self.second, time.monotonic()

        def move() -> None:
            try:
                while not over.wait(every):
                    self.to(int(begin + (time.monotonic() - since) * speed))
            except BaseException as error:  # noqa: BLE001 - told to whoever moves it
                failed.append(error)

        thread = threading.Thread(target=move, name="replay")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if failed:
            raise failed[0]
