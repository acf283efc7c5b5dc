"""Calls into the driver, each on its own thread: one that hangs costs nothing but the thread."""

import concurrent.futures
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any, Generic, TypeVar

_Result = TypeVar("_Result")


class Job(Generic[_Result]):
    """Work under way.

    Args:
        name: Of the thread.
        work: What to do.
        began: Now, by the monotonic clock.
    """

    def __init__(self, name: str, work: Callable[[], _Result], began: float) -> None:
        self.began = began
        self.future: concurrent.futures.Future[_Result] = concurrent.futures.Future()
        # A daemon, because a thread stuck in the driver must not keep the process from ending;
        # an executor would wait for it.
        Thread(target=self._run, args=(work,), name=name, daemon=True).start()

    def _run(self, work: Callable[[], _Result]) -> None:
        try:
            self.future.set_result(work())
        except Exception as error:  # noqa: BLE001 - handed to whoever asks for the result
            self.future.set_exception(error)

    def done(self) -> bool:
        """Tell whether it ended."""
        return self.future.done()

    def result(self) -> _Result:
        """Return the result of ended work, or raise what it raised."""
        return self.future.result(timeout=0)


def wait(jobs: Iterable[Job[Any]], seconds: float) -> None:
    """Wait until all *jobs* ended, at most so many seconds."""
    concurrent.futures.wait([job.future for job in jobs], timeout=seconds)
