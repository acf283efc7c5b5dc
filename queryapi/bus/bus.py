"""What a bus does, whichever carries it.

It carries which jobs have changed and up to which frame, never what happened: whoever hears of it
reads the store. One who hears nothing looks by itself now and then: a lost word costs time only.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

Changes = Mapping[str, int]
"""By a job's id the number of its last frame."""


class Bus(Protocol):
    """Where changes are announced; used by threads."""

    def announce(self, changes: Changes) -> None:
        """Tell whoever listens; waits for nobody and never fails."""
        ...

    def close(self) -> None:
        """Close what is held open."""
        ...


class Ear(Protocol):
    """Where changes are heard; used by an event loop."""

    def heard(self) -> AsyncIterator[Changes]:
        """Yield what is announced from now on, until it is closed; goes on when a carrier fails."""
        ...

    async def close(self) -> None:
        """Close what is held open."""
        ...


class Silence:
    """A bus where nobody listens."""

    def announce(self, changes: Changes) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
