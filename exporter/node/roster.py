"""Every device ever seen, each read at its own pace."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from exporter.errors import DriverUnavailable
from exporter.node.asking import Device, Tally
from exporter.node.collector import Collector, Group, Pace
from exporter.node.fields import Fi
from exporter.node.job import Job, wait
from exporter.node.known import ABSENT, DRIVER, REMEDIES, STALE_INTERVALS, Known
from exporter.node.page.wording import ranges
from exporter.node.running import Run, run
from exporter.node.snapshot import DeviceView

__all__ = ["STALE_INTERVALS", "Roster"]

_log = logging.getLogger(__name__)

_MOST_LOST = 64
"""Devices that are remembered without being there: where they are lent to a virtual machine, each
may come under a name of its own."""


class Roster:
    """Reads the devices.

    Args:
        collectors: What to read.
        pace: How often.
        node: The node's name.
        clock: Now, in Unix seconds.
        monotonic: The monotonic clock.
        processes: Whether to ask which processes use the devices.
    """

    def __init__(
        self,
        collectors: Sequence[Collector],
        *,
        pace: Pace,
        node: str,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        processes: bool = False,
    ) -> None:
        self._collectors = collectors
        self._pace = pace
        self._node = node
        self._clock = clock
        self._monotonic = monotonic
        self._processes = processes
        self._known: dict[str, Known] = {}
        self._resting = False
        self._latencies: dict[str, Mapping[Fi, float]] = {}
        self.calls: dict[str, Tally] = {}
        self.skipped = 0
        self.abandoned = 0

    def adopt(
        self,
        devices: Sequence[Device],
        *,
        refused: Mapping[str, str] | None = None,
        absent: str = ABSENT,
    ) -> None:
        """Read these devices from now on, and remember the others as lost.

        Args:
            devices: Those that can be read.
            refused: Why others cannot be, by UUID.
            absent: Why the rest cannot be.
        """
        self._resting = False
        present = {device.uuid: device for device in devices}
        for uuid, device in present.items():
            known = self._known.pop(uuid, None) or Known(uuid, device.index, self._node)
            # At the end: those that are gone for longest come first.
            self._known[uuid] = known
            known.meet(device)
        lost = [known for uuid, known in self._known.items() if uuid not in present]
        for known in lost:
            known.lose((refused or {}).get(known.uuid, absent))
        for known in lost[:-_MOST_LOST]:
            self._forget(known)

    def rest(self) -> None:
        """Read no device until some are adopted: the driver is let go of."""
        self.adopt(())
        self._resting = True

    def devices(self) -> tuple[Device, ...]:
        """Return the devices that are read."""
        return tuple(each.device for each in self._known.values() if each.device is not None)

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

    def stuck(self) -> int:
        """Return how many calls have not returned for longer than an interval."""
        now = self._monotonic()
        return sum(known.overdue(now, self._pace.fast) for known in self._known.values())

    def unread(self) -> str | None:
        """Return in words which devices nothing was said of yet; None when there are none.

        One that does not answer is stuck after an interval, and something is said of it.
        """
        numbers = [known.index for known in self._known.values() if known.up is None]
        return f"not read yet: GPU {ranges(numbers)}" if numbers else None

    def missing(self) -> bool:
        """Tell whether a device is down, so that it is worth looking for it."""
        return any(known.up is False for known in self._known.values())

    def read(self, seconds: float) -> None:
        """Read every device in which no call is under way, waiting at most so long.

        Raises:
            DriverUnavailable: When a device says so of the whole driver.
        """
        self._settle()
        present = [(known, known.device) for known in self._known.values() if known.device]
        self.skipped += sum(known.job is not None for known, _ in present)
        wait([self._start(*each) for each in present if each[0].job is None], seconds)
        self._settle()

    def settle(self, seconds: float) -> None:
        """Wait at most so long for the calls under way, and begin none.

        Raises:
            DriverUnavailable: When a device says so of the whole driver.
        """
        wait([known.job for known in self._known.values() if known.job is not None], seconds)
        self._settle()

    def views(self) -> tuple[DeviceView, ...]:
        """Return what can be said now, in the order of the indices."""
        now = self._monotonic()
        ordered = sorted(self._known.values(), key=lambda known: (known.index, known.uuid))
        return tuple(self._view(known, now) for known in ordered)

    def latencies(self) -> Mapping[Fi, float]:
        """Return how long the driver took for each field, on the slowest device, in seconds."""
        slowest: dict[Fi, float] = {}
        for uuid, latencies in self._latencies.items():
            if self._known[uuid].up:
                for field, seconds in latencies.items():
                    slowest[field] = max(seconds, slowest.get(field, 0.0))
        return slowest

    def _forget(self, known: Known) -> None:
        # A call that has not returned keeps the library from being unloaded.
        if known.job is None:
            del self._known[known.uuid]
            self._latencies.pop(known.uuid, None)

    def _settle(self) -> None:
        """Take in what has been read, all of it.

        Raises:
            DriverUnavailable: When a device says so of the whole driver.
        """
        ended = [
            (known, known.job)
            for known in self._known.values()
            if known.job is not None and known.job.done()
        ]
        failure: DriverUnavailable | None = None
        for known, job in ended:
            known.job = None
            if known.asked is known.device:
                try:
                    for result in job.result():
                        self._take(known, result)
                except DriverUnavailable as error:
                    # The others say so of the same driver: not once more when it is open again.
                    failure = failure or error
                except Exception:  # noqa: BLE001 - a defect must not cost the other devices
                    _log.exception("device %d (%s) cannot be read", known.index, known.uuid)
                    known.due.clear()
        if failure is not None:
            raise failure

    def _start(self, known: Known, device: Device) -> Job[list[Run]]:
        now = self._monotonic()
        # A collection begins a little earlier or later than the last: half of one does not count.
        soon = now + self._pace.fast / 2
        due = [group for group in Group if known.due.get(group, now) <= soon]
        for group in due:
            known.due[group] = now + self._pace.of(group)
        known.asked = device
        known.abandoned = False
        known.job = Job(f"device-{known.index}", partial(self._read, device, due), now)
        return known.job

    def _read(self, device: Device, due: Sequence[Group]) -> list[Run]:
        """Read groups one after the other; what is down in one is not asked for the next."""
        results: list[Run] = []
        for group in due:
            results.append(
                run(device, self._collectors, group, self._monotonic, processes=self._processes)
            )
            if results[-1].down is not None:
                break
        return results

    def _take(self, known: Known, result: Run) -> None:
        _log_new_errors(known, result)
        known.take(result, self._clock() - (self._monotonic() - result.began))
        self._latencies[known.uuid] = result.latencies
        for function, tally in result.calls.items():
            self.calls.setdefault(function, Tally()).add(tally)

    def _view(self, known: Known, now: float) -> DeviceView:
        view = known.view(now, self._pace, resting=self._resting)
        if view.up is not known.up:
            known.since = self._clock()
        _log_turn(known, view)
        if known.overdue(now, self._pace.fast) and not known.abandoned:
            known.abandoned = True
            self.abandoned += 1
        known.up = view.up
        return replace(view, since=known.since)


def _log_turn(known: Known, view: DeviceView) -> None:
    """Log once that a device went, and that it is back; of all of them `Link` tells."""
    if view.reason and view.reason != DRIVER:
        if not known.why:
            remedy = REMEDIES.get(view.reason, "")
            _log.warning(
                "device %d (%s) is down, %s: %s", known.index, known.uuid, view.reason, remedy
            )
        known.why = view.reason
    elif view.up and known.why:
        known.why = ""
        _log.info("device %d (%s) is back", known.index, known.uuid)


def _log_new_errors(known: Known, result: Run) -> None:
    """Log failures once, not with every reading."""
    failed = {each.collector for each in known.last_outcomes(result.group) if each.error}
    for outcome in result.outcomes:
        if outcome.error is not None and outcome.collector not in failed:
            _log.warning(
                "collector %s failed on device %d (%s): %s",
                *(outcome.collector, known.index, known.uuid, outcome.error),
                exc_info=outcome.defect,
            )
