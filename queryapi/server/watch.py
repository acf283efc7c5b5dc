"""Tells a process that hangs from one that lives."""

from collections.abc import Callable

# So often it is looked at before it is given up: a pause of ours, in which nobody ran, costs one.
_LOOKS = 6


class Watch:
    """Notes when a process has shown no sign of life for too long.

    Args:
        sign: Returns what changes as long as the process lives; its beginning counts as one.
        silence: Seconds without a sign after which it hangs; found out within a sixth more.
        now: Seconds of a clock that never goes back.
    """

    def __init__(self, sign: Callable[[], int], silence: float, now: float) -> None:
        self._sign = sign
        self._every = silence / _LOOKS
        self._seen = sign()
        self._missed = 0
        self._due = now + self._every

    def wait(self, now: float) -> float:
        """Return the seconds until it is worth looking."""
        return max(0.0, self._due - now)

    def hangs(self, now: float) -> bool:
        """Look if it is time to; tells whether the process has been silent for too long."""
        if now >= self._due:
            self._due = now + self._every
            seen = self._sign()
            self._missed = self._missed + 1 if seen == self._seen else 0
            self._seen = seen
        return self._missed >= _LOOKS
