"""The connection to the driver: opened, kept open, opened again, and asked for its devices."""

import logging
from collections.abc import Callable, Mapping

from exporter.errors import DriverUnavailable
from exporter.node.driver import Device, Driver, Enumeration, Versions
from exporter.node.job import Job, wait

_log = logging.getLogger(__name__)

_LONGEST_BACKOFF = 60.0


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
        self._asked = float("-inf")
        self._retry = 0.0
        self._backoff = first_backoff
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
        if self._job is None and now >= self._due(every):
            self._asked = now
            self._job = Job("driver", lambda: self._ask(running, in_use=in_use), now)
        if self._job is None:
            return None
        wait([self._job], self._patience)
        return self._settle()

    def lose(self, why: str) -> None:
        """Note that the driver does not answer; it is tried again after a while."""
        if self.trouble != why:
            _log.warning("the driver is unavailable: %s", why)
        self.versions = None
        self.trouble = why
        self._retry = self._monotonic() + self._backoff
        self._backoff = min(2 * self._backoff, _LONGEST_BACKOFF)

    def close(self) -> None:
        """Let go of the driver, unless it still owes an answer."""
        if self._job is None or self._job.done():
            self._driver.close()

    def _due(self, every: float) -> float:
        return self._retry if self.versions is None else self._asked + every

    def _ask(self, running: Mapping[int, Device], *, in_use: bool) -> tuple[Versions, Enumeration]:
        versions = self.versions or self._driver.open(in_use=in_use)
        return versions, self._driver.enumerate(running)

    def _settle(self) -> Enumeration | None:
        job = self._job
        if job is None or not job.done():
            return None
        self._job = None
        try:
            self.versions, enumeration = job.result()
        except DriverUnavailable as error:
            self.lose(str(error))
            return None
        except Exception as error:  # noqa: BLE001 - e.g. a UUID that is no text; try again
            _log.exception("the driver failed in an unexpected way")
            self.lose(repr(error))
            return None
        if self.trouble is not None:
            _log.info("driver %s answers: %d devices", self.versions.driver, enumeration.count)
        self.trouble = None
        self._backoff = self._first_backoff
        return enumeration
