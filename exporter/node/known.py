"""One device: who it is, what is being asked of it, and what it last answered."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from exporter.catalogue import DEVICE_INFO
from exporter.node.asking import Device, Instance
from exporter.node.collector import Group, Pace
from exporter.node.holding import Part
from exporter.node.job import Job
from exporter.node.reading import Reading
from exporter.node.running import Outcome, Run
from exporter.node.snapshot import DeviceView
from exporter.node.writing import Lines, Pen

STALE_INTERVALS = 3
"""Values older than so many intervals of their group are published no more."""

# Words for why a device is down, beside those of NVML's return codes.
STUCK, ABSENT, DRIVER = "stuck", "absent", "driver"

_RESET = "reset it as docs/node.md says, or reboot the node"
REMEDIES = {
    "lost": f"look for its XID in the kernel's log, {_RESET}",
    "not_found": f"look for its XID in the kernel's log, {_RESET}",
    "unknown": f"look for its XID in the kernel's log, {_RESET}",
    "reset_required": _RESET,
    STUCK: "a call into it does not return: look at the kernel's log; often only a reboot helps",
    ABSENT: "the driver enumerates it no more: see whether lspci does, and the kernel's log",
    DRIVER: "the driver does not answer: see the state above",
}
"""What to do about a device that is down, by why."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a group was last read as: when (in Unix time), and as text."""

    run: Run
    at: float
    lines: Lines


@dataclass(slots=True)
class Known:
    """One device.

    Args:
        uuid: Its name.
        index: Where it was last enumerated.
        node: The node's name.
        device: For reading it; None while the driver does not enumerate it.
        job: The reading under way.
        asked: What *job* reads: an answer by way of an earlier handle says nothing any more.
        abandoned: Whether *job* was given up on.
        due: When each group is to be read again, by the monotonic clock.
        absent: Why there is no *device*.
        up: What was last said of it; None = nothing yet.
        why: What was logged of why it is down.
        since: Since when *up* is what it is, in Unix seconds.
    """

    uuid: str
    index: int
    node: str
    device: Device | None = None
    job: Job[list[Run]] | None = None
    asked: Device | None = None
    abandoned: bool = False
    due: dict[Group, float] = field(default_factory=dict)
    absent: str = ABSENT
    up: bool | None = None
    why: str = ""
    since: float | None = None
    _last: dict[Group, _Kept] = field(default_factory=dict)
    _pens: dict[Group, Pen] = field(default_factory=lambda: {group: Pen() for group in Group})
    _info: Reading | None = None
    _parts: tuple[Part, ...] = ()

    def meet(self, device: Device) -> None:
        """Read it by way of *device* from now on."""
        if device.index != self.index:
            # What is kept as text names the old one.
            self._last.clear()
        if device is not self.device:
            # What *job* may still answer is not taken in.
            self.due.clear()
        self.device, self.index = device, device.index

    def lose(self, why: str) -> None:
        """Note that there is no way to read it."""
        self.device = None
        self.absent = why
        if self.job is None:
            self.asked = None
        self._last.clear()
        self.due.clear()

    def take(self, run: Run, at: float) -> None:
        """Take in what a group was read as at a time, in Unix seconds."""
        if run.down is not None:
            self._last.clear()
            self.due.clear()
        infos = (reading for reading in run.readings if reading.family is DEVICE_INFO)
        self._info = next(infos, self._info)
        if run.instances is not None:
            self._meet_parts(tuple(map(_part, run.instances)))
        self._keep(run, at)

    def _meet_parts(self, parts: tuple[Part, ...]) -> None:
        if self._parts and parts != self._parts:
            # They may have the ids of those before, whose values must not stand for theirs.
            self.due.clear()
            for kept in tuple(self._last.values()):
                self._keep(kept.run.of_the_whole(), kept.at)
        self._parts = parts

    def _keep(self, run: Run, at: float) -> None:
        lines = self._pens[run.group].write(self._labels(), run.readings)
        self._last[run.group] = _Kept(run, at, lines)

    def last_outcomes(self, group: Group) -> tuple[Outcome, ...]:
        """Return how the collectors fared in the last reading of a group."""
        kept = self._last.get(group)
        return kept.run.outcomes if kept else ()

    def reason(self, now: float, patience: float) -> str:
        """Return why it is down, in a bounded word; empty when it is not."""
        if self.device is None:
            return self.absent
        if self.overdue(now, patience):
            return STUCK
        return next((each.run.down for each in self._last.values() if each.run.down), "")

    def overdue(self, now: float, patience: float) -> bool:
        """Tell whether a call has not returned for longer than *patience*."""
        return self.job is not None and now - self.job.began > patience

    def view(self, now: float, pace: Pace, *, resting: bool) -> DeviceView:
        """Return what can be said of it.

        Args:
            now: By the monotonic clock.
            pace: How often each group is read.
            resting: Whether the driver was let go of on purpose: then that it is not read says
                nothing about the device.
        """
        reason = "" if resting else self.reason(now, pace.fast)
        kept = list(self._fresh(now, pace))
        told = () if reason or resting else kept
        up = None if resting or not (reason or self._last) else not reason
        readings = tuple(reading for each in told for reading in each.run.readings)
        users = next((each.run.pids for each in told if each.run.group is Group.MEDIUM), {})
        lines = tuple(each.lines for each in told)
        # Its identity is remembered for when it is down, and while it is read again.
        if self._info is not None and not any(DEVICE_INFO in each for each in lines):
            readings = (self._info, *readings)
            lines = (Pen().write(self._labels(), [self._info]), *lines)
        return DeviceView(
            self.uuid,
            self.index,
            up,
            readings,
            lines,
            reason,
            {each.run.group: each.at for each in told},
            tuple(outcome for each in kept for outcome in each.run.outcomes),
            tuple(
                replace(each, pids=users.get(each.gpu_instance, frozenset()))
                for each in self._parts
            ),
            frozenset[int]().union(*users.values()) if users else None,
        )

    def _labels(self) -> tuple[str, str, str]:
        return self.uuid, str(self.index), self.node

    def _fresh(self, now: float, pace: Pace) -> Iterator[_Kept]:
        for group in Group:
            kept = self._last.get(group)
            if kept and now - kept.run.began <= STALE_INTERVALS * pace.of(group):
                yield kept


def _part(instance: Instance) -> Part:
    return Part(instance.uuid, instance.gpu_instance, instance.compute_instance, instance.index)
