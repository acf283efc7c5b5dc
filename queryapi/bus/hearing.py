"""Hears from a server that may go: tries again and again, ever more slowly."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from queryapi.bus.bus import Changes
from queryapi.telemetry.logs import fields

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0

Listen = Callable[[], AsyncIterator[Changes]]
"""Connects and yields what is heard, at first nothing, and nothing now and then when nobody speaks.

Ends by raising when the server is gone.
"""


class SteadyEar:
    """Hears by one connection after the other; see Ear.

    Args:
        listen: Makes a connection.
        name: What the server is called in the log.
    """

    def __init__(self, listen: Listen, name: str) -> None:
        self._listen = listen
        self._name = name

    async def heard(self) -> AsyncIterator[Changes]:
        """Yield what is announced; what is missed meanwhile is not told later."""
        pause, failing = _FIRST_PAUSE, False
        while True:
            try:
                async with aclosing(self._listen()) as said:  # type: ignore[type-var]
                    async for changes in said:
                        _heed_cancellation()
                        if failing:
                            _LOG.info("%s tells of jobs again", self._name)
                        pause, failing = _FIRST_PAUSE, False
                        yield changes
            except Exception as error:  # noqa: BLE001 - whatever it is, jobs are looked at anyway
                _heed_cancellation()
                if not failing:
                    # Not what it says: a server may quote what it was sent, the password included.
                    _LOG.warning(
                        "%s tells of no jobs: they are looked at every second",
                        self._name,
                        extra=fields(error=type(error).__name__),
                    )
                failing = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def close(self) -> None:
        """Do nothing: a connection ends with the iterator that made it."""


def _heed_cancellation() -> None:
    """Raise CancelledError once more when whoever listened was cancelled and did not end.

    asyncio.wait_for of Python 3.11, by which clients send, loses a cancellation that comes as what
    it waits for is done (bpo-37658); a client that is closed meanwhile may fail in its place. Our
    own code waits by asyncio.timeout, which loses none.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
