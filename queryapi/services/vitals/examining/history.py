"""How a service was found in the last five minutes, as far as this process looked."""

from collections import deque

_KEPT_SECONDS = 300.0
# More looks than anybody's refreshing makes: memory has an end even when clients force looks.
_MOST_LOOKS = 3600


class History:
    """Looks at one service; times are Unix seconds, and may be set back."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, bool]] = deque(maxlen=_MOST_LOOKS)
        self.last_success: float | None = None

    def note(self, at: float, *, healthy: bool) -> None:
        """Note one look."""
        self._looks.append((at, healthy))
        if healthy:
            self.last_success = at

    def counts(self, at: float) -> tuple[int, int]:
        """Return how many looks there were, and how many of them failed."""
        while self._looks and not 0 <= at - self._looks[0][0] < _KEPT_SECONDS:
            self._looks.popleft()
        return len(self._looks), sum(1 for _, healthy in self._looks if not healthy)
