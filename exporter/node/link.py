"""The connection to the driver: opened, kept open, opened again, and asked for its devices."""

import logging
from collections.abc import Callable, Mapping
from functools import partial

from exporter.errors import DriverUnavailable
from exporter.node.asking import Device, Driver, Enumeration, Versions
from exporter.node.job import Job, wait

_log = logging.getLogger(__name__)

_LONGEST_BACKOFF = 60.0
HOPELESS_SECONDS = 300.0
"""How long what a new process may cure is waited for, before one is asked for."""


class Link:
    """Holds the driver open; none of its methods waits for the driver longer than *patience*.

    Args:
        driver: The driver.
        first_backoff: Seconds until a failed attempt is repeated; doubles with each.
        patience: Seconds to wait for an answer before going on without.
        monotonic: The monotonic clock.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        first_backoff: float,
        patience: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._driver = driver
        self._first_backoff = first_backoff
        self._patience = patience
        self._monotonic = monotonic
        self._job: Job[tuple[Versions, Enumeration]] | None = None
        self._closing: Job[None] | None = None
        self._asked = float("-inf")
        self._retry = 0.0
        self._backoff = first_backoff
        self._worked = False
        self._restart_since: float | None = None
        self.versions: Versions | None = None
        self.trouble: str | None = "the driver has not answered yet"

    def tend(
        self, running: Mapping[int, Device], *, in_use: bool, every: float
    ) -> Enumeration | None:
        """Open the driver where needed, and return what it enumerates when that is due.

        Args:
            running: Devices, by index, in which a call is under way: they are not touched.
            in_use: Some call into the library has not returned.
            every: Seconds between two enumerations.
        """
        now = self._monotonic()
        if self._closing is not None:
            if not self._closing.done():
                return None
            self._closing = None
        if self._job is None and now >= self._due(every):
            self._asked = now
            # As it is now: whether the library is in use is not known of any other moment.
            ask = partial(self._ask, self.versions, running, in_use=in_use)
            self._job = Job("driver", ask, now)
        if self._job is None:
            return None
        wait([self._job], self._patience)
        return self._settle()

    def lose(self, why: str, *, restart: bool = False) -> None:
        """Note that the driver does not answer; it is tried again after a while.

        Args:
            why: What it says.
            restart: Whether a new process may fare better.
        """
        if self.trouble != why:
            _log.warning("the driver is unavailable: %s", why)
        self.versions = None
        self.trouble = why
        now = self._monotonic()
        self._retry = now + self._backoff
        self._backoff = min(2 * self._backoff, _LONGEST_BACKOFF)
        if not restart:
            self._restart_since = None
        elif self._restart_since is None:
            self._restart_since = now

    def look_anew(self) -> None:
        """Enumerate in the next collection."""
        self._asked = float("-inf")

    def let_go(self, *, in_use: bool) -> bool:
        """Close the driver, and tell whether it is closed; until it is, call this again.

        Args:
            in_use: Some call into the library has not returned: nothing is closed under it.
        """
        if self._closing is None:
            busy = self._job is not None and not self._job.done()
            if busy or in_use:
                return False
            self._job = self.versions = None
            self._retry, self._backoff = 0.0, self._first_backoff
            self._restart_since = None
            self._closing = Job("driver", self._driver.close, self._monotonic())
        wait([self._closing], self._patience)
        return self._closing.done()

    def close(self) -> None:
        """Let go of the driver, unless it still owes an answer."""
        if all(job is None or job.done() for job in (self._job, self._closing)):
            self._driver.close()

    def stuck(self, seconds: float) -> bool:
        """Tell whether a call to the driver as a whole has not returned for so long."""
        began = [job.began for job in (self._job, self._closing) if job and not job.done()]
        return any(self._monotonic() - each > seconds for each in began)

    def hopeless(self) -> str | None:
        """Return what only a new process may cure, when it lasts; None when there is no such thing.

        Only what has worked is broken: a container's device nodes can be taken from it, or its
        library stay behind when the driver is upgraded. What never worked, no restart mends.
        """
        since = self._restart_since
        if self._worked and since is not None and self._monotonic() - since > HOPELESS_SECONDS:
            return self.trouble
        return None

    def _due(self, every: float) -> float:
        return self._retry if self.versions is None else self._asked + every

    def _ask(
        self, versions: Versions | None, running: Mapping[int, Device], *, in_use: bool
    ) -> tuple[Versions, Enumeration]:
        if versions is None:
            try:
                versions = self._driver.open(in_use=in_use)
            except DriverUnavailable as error:
                if in_use and error.restart:
                    raise DriverUnavailable(
                        f"{error}; what is loaded of it stays loaded, "
                        "because a call into it does not return",
                        restart=True,
                    ) from error
                raise
        return versions, self._driver.enumerate(running)

    def _settle(self) -> Enumeration | None:
        job = self._job
        if job is None or not job.done():
            return None
        self._job = None
        try:
            self.versions, enumeration = job.result()
        except DriverUnavailable as error:
            self.lose(str(error), restart=error.restart)
            return None
        except Exception as error:  # noqa: BLE001 - e.g. a UUID that is no text; try again
            _log.exception("the driver failed in an unexpected way")
            self.lose(repr(error))
            return None
        if self.trouble is not None:
            devices = "1 device" if enumeration.count == 1 else f"{enumeration.count} devices"
            _log.info("driver %s answers: %s", self.versions.driver, devices)
        self.trouble = None
        self._worked = True
        self._restart_since = None
        self._backoff = self._first_backoff
        return enumeration
