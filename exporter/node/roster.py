"""Every device ever seen: who it is, what is being asked of it, and what it last answered."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from exporter.catalogue import DEVICE_INFO
from exporter.node.collectors import Collector, Outcome, Run, run
from exporter.node.driver import Device
from exporter.node.job import Job, wait
from exporter.node.reading import Reading
from exporter.node.snapshot import DeviceView

_log = logging.getLogger(__name__)

STALE_INTERVALS = 3
"""Values older than so many collection intervals are published no more."""


@dataclass(slots=True)
class _Known:
    """One device.

    Args:
        uuid: Its name.
        index: Where it was last enumerated.
        device: For reading it; None while the driver does not enumerate it.
        job: The reading under way.
        asked: What *job* reads: an answer by way of an earlier handle says nothing any more.
        last: The last reading that ended.
        info: Its identity, remembered for when it is lost.
        up: What was last said of it; None = nothing yet.
    """

    uuid: str
    index: int
    device: Device | None = None
    job: Job[Run] | None = None
    asked: Device | None = None
    last: Run | None = None
    info: Reading | None = None
    up: bool | None = None


class Roster:
    """Reads the devices, each at its own pace.

    Args:
        collectors: What to read.
        interval: Seconds between two readings.
        monotonic: The monotonic clock.
    """

    def __init__(
        self,
        collectors: Sequence[Collector],
        *,
        interval: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._collectors = collectors
        self._interval = interval
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}

    def adopt(self, devices: Sequence[Device]) -> None:
        """Read these devices from now on, and remember the others as lost."""
        for known in self._known.values():
            known.device = None
        for device in devices:
            known = self._known.setdefault(device.uuid, _Known(device.uuid, device.index))
            known.device, known.index = device, device.index
        for known in self._known.values():
            if known.device is None:
                known.last = None

    def running(self) -> Mapping[int, Device]:
        """Return the devices, by index, in which a call is under way."""
        return {
            known.index: known.device
            for known in self._known.values()
            if known.job is not None and known.device is not None
        }

    def in_use(self) -> bool:
        """Tell whether any call has not returned, be it to a device that is gone by now."""
        jobs = (known.job for known in self._known.values())
        return any(job is not None and not job.done() for job in jobs)

    def missing(self) -> bool:
        """Tell whether a device is down, so that it is worth looking for it."""
        return any(known.up is False for known in self._known.values())

    def read(self, seconds: float) -> None:
        """Read every device in which no call is under way, waiting at most so long.

        Raises:
            DriverUnavailable: When a device says so of the whole driver.
        """
        self._settle()
        jobs = [
            self._start(known, known.device)
            for known in self._known.values()
            if known.device is not None and known.job is None
        ]
        wait(jobs, seconds)
        self._settle()

    def views(self) -> tuple[DeviceView, ...]:
        """Return what can be said now, in the order of the indices."""
        now = self._monotonic()
        ordered = sorted(self._known.values(), key=lambda known: (known.index, known.uuid))
        return tuple(self._view(known, now) for known in ordered)

    def outcomes(self) -> Iterator[Outcome]:
        """Yield how the collectors fared in every reading that is not too old."""
        now = self._monotonic()
        for known in self._known.values():
            if known.last is not None and self._is_fresh(known.last, now):
                yield from known.last.outcomes

    def _settle(self) -> None:
        """Take in what has been read."""
        ended = [
            (known, known.job)
            for known in self._known.values()
            if known.job is not None and known.job.done()
        ]
        for known, job in ended:
            known.job = None
            if known.asked is known.device:
                self._take(known, job.result())

    def _start(self, known: _Known, device: Device) -> Job[Run]:
        work = partial(run, device, self._collectors, self._monotonic)
        known.asked = device
        known.job = Job(f"device-{known.index}", work, self._monotonic())
        return known.job

    def _take(self, known: _Known, result: Run) -> None:
        _log_new_errors(known, result)
        known.last = result
        infos = (reading for reading in result.readings if reading.family is DEVICE_INFO)
        known.info = next(infos, known.info)

    def _view(self, known: _Known, now: float) -> DeviceView:
        up = self._verdict(known, now)
        if up is False and known.up is not False:
            _log.warning("device %d (%s) is down: %s", known.index, known.uuid, _reason(known))
        elif up and known.up is False:
            _log.info("device %d (%s) is back", known.index, known.uuid)
        known.up = up
        return DeviceView(known.uuid, known.index, up, self._readings(known, now))

    def _verdict(self, known: _Known, now: float) -> bool | None:
        if known.device is None or self._is_stuck(known, now):
            return False
        return None if known.last is None else known.last.down is None

    def _readings(self, known: _Known, now: float) -> tuple[Reading, ...]:
        if known.last is not None and known.last.readings and self._is_fresh(known.last, now):
            return known.last.readings
        return () if known.info is None else (known.info,)

    def _is_stuck(self, known: _Known, now: float) -> bool:
        return known.job is not None and now - known.job.began > self._interval

    def _is_fresh(self, result: Run, now: float) -> bool:
        return now - result.began <= STALE_INTERVALS * self._interval


def _reason(known: _Known) -> str:
    if known.device is None:
        return "the driver does not enumerate it"
    if known.job is not None:
        return "a call does not return"
    return str(known.last.down) if known.last is not None else "never read"


def _log_new_errors(known: _Known, result: Run) -> None:
    """Log failures once, not with every reading."""
    before = {} if known.last is None else {o.collector: o.error for o in known.last.outcomes}
    for outcome in result.outcomes:
        if outcome.error is not None and before.get(outcome.collector) is None:
            _log.warning(
                "collector %s failed on device %d (%s): %s",
                *(outcome.collector, known.index, known.uuid, outcome.error),
            )
