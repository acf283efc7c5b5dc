"""Whether the driver is to be let go of: asked for by a signal, and over after a while."""

from collections.abc import Callable


class Leave:
    """A time for which the driver is left alone; asked for from another thread than the user's.

    Args:
        monotonic: The monotonic clock.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until: float | None = None
        self.gone = False
        """Whether the driver is let go of by now."""

    def take(self, seconds: float) -> None:
        """Leave the driver alone for so long from now."""
        self._until = self._monotonic() + seconds

    def end(self) -> None:
        """Take the driver back."""
        self._until = None

    def wanted(self) -> bool:
        """Tell whether the driver is to be left alone now."""
        until = self._until
        return until is not None and self._monotonic() < until

    def words(self) -> str:
        """Return what is so, for readiness."""
        if not self.gone:
            return "letting go of the driver: a call into it has not returned"
        seconds = max(0.0, (self._until or 0.0) - self._monotonic())
        return f"the driver was let go of; it is taken back in {seconds:.0f} s, or at SIGUSR2"
