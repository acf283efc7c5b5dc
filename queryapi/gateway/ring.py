"""The last frames of a story, for those who were away for a moment."""

from collections import deque

from queryapi.services.jobs.frames import Frame

_MOST_FRAMES, _MOST_BYTES = 64, 128 * 1024


class Ring:
    """Some frames without a hole between them, as many as there is room for."""

    __slots__ = ("_bytes", "_frames")

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._bytes = 0

    def append(self, frame: Frame) -> None:
        """Add the next one; older ones make room."""
        if self._frames and frame.seq != self._frames[-1].seq + 1:
            self.clear()
        self._frames.append(frame)
        self._bytes += len(frame.message)
        while len(self._frames) > _MOST_FRAMES or self._bytes > _MOST_BYTES:
            self._bytes -= len(self._frames.popleft().message)

    def get(self, seq: int) -> Frame | None:
        """Return the frame of that number; None = it is not here."""
        if not self._frames:
            return None
        place = seq - self._frames[0].seq
        return self._frames[place] if 0 <= place < len(self._frames) else None

    def clear(self) -> None:
        """Forget all."""
        self._frames.clear()
        self._bytes = 0
