"""Whether a server is worth asking: one that failed again and again is left alone for a while."""

import threading


class Breaker:
    """A circuit breaker; times are monotonic seconds, passed in.

    Closed until *failures* questions in a row failed, then open. Every *pause* seconds one is let
    through (half open): if it is answered the breaker closes. One that never reports back only
    costs another pause.
    """

    def __init__(self, *, failures: int, pause: float) -> None:
        self._most = failures
        self._pause = pause
        self._lock = threading.Lock()
        self._failures = 0
        self._probe_at: float | None = None

    @property
    def open(self) -> bool:
        """Whether the server is left alone."""
        return self._probe_at is not None

    def admits(self, now: float) -> bool:
        """Tell whether to ask now; of an open breaker's callers one a pause is told to."""
        with self._lock:
            if self._probe_at is None:
                return True
            if now < self._probe_at:
                return False
            self._probe_at = now + self._pause
            return True

    def succeeded(self) -> bool:
        """Note an answer; tells whether that closed the breaker."""
        with self._lock:
            closed = self._probe_at is not None
            self._failures, self._probe_at = 0, None
            return closed

    def failed(self, now: float) -> bool:
        """Note a failure; tells whether that opened the breaker."""
        with self._lock:
            self._failures += 1
            if self._failures < self._most:
                return False
            opened = self._probe_at is None
            self._probe_at = now + self._pause
            return opened


class RetryBudget:
    """Keeps retries a share of the queries, so that they cannot multiply a server's load.

    Args:
        share: Retries that each query adds to the budget.
        most: How many retries may be saved up; so many are there at first.
    """

    def __init__(self, *, share: float = 0.2, most: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._lock = threading.Lock()
        self._left = most

    def earn(self) -> None:
        """Note a query."""
        with self._lock:
            self._left = min(self._most, self._left + self._share)

    def spend(self) -> bool:
        """Tell whether a retry may be made, and note it."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True
