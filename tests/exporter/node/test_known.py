"""Promises about one device: what it last said is told for so long and no longer."""

from collections.abc import Sequence

from exporter.catalogue import MEMORY_USED, POWER
from exporter.node.collector import Group, Pace
from exporter.node.known import Known
from exporter.node.reading import Reading
from exporter.node.running import Run
from tests.support.fake_driver import FakeDevice

PACE = Pace(fast=5, medium=15, slow=60)


def _told(known: Known, now: float) -> Sequence[str]:
    return [reading.family.name for reading in known.view(now, PACE, resting=False).readings]


def test_each_group_goes_when_it_is_three_intervals_old() -> None:
    """A group that was not read again disappears by its own interval; the others stay."""
    known = Known("GPU-a", 0, "n", FakeDevice("GPU-a"))
    known.take(Run(Group.FAST, 100, (Reading(POWER, 1),)), at=1.7e9)
    known.take(Run(Group.MEDIUM, 100, (Reading(MEMORY_USED, 1),)), at=1.7e9)
    both = {POWER.name, MEMORY_USED.name}

    assert both == set(_told(known, 115))
    assert [MEMORY_USED.name] == _told(known, 115.1)
    assert [MEMORY_USED.name] == _told(known, 145)
    assert [] == _told(known, 145.1)
