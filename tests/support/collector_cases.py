"""A device and what its collector makes of it: rows for tables of tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter import catalogue
from exporter.node.collectors import enabled
from exporter.node.fields import Fi, FieldKey
from exporter.node.reading import Reading
from tests.support.fake_driver import FakeDevice


def told(family: catalogue.Family, value: float, *labels: str) -> Reading:
    """Return a reading."""
    return Reading(family, value, labels)


@dataclass(frozen=True)
class Case:
    """What a device answers, and what its collector makes of it.

    Args:
        collector: Its name.
        expected: Its readings.
        answers: To functions.
        fields: To fields, of scope 0.
        scoped: To fields of other scopes.
    """

    collector: str
    expected: list[Reading]
    answers: Mapping[object, object] = field(default_factory=dict)
    fields: Mapping[Fi, float] = field(default_factory=dict)
    scoped: Mapping[FieldKey, float] = field(default_factory=dict)

    def device(self) -> FakeDevice:
        """Return the device."""
        fields = {(field, 0): value for field, value in self.fields.items()}
        return FakeDevice("GPU-a", answers=self.answers, fields={**fields, **self.scoped})

    def readings(self) -> list[Reading]:
        """Return what the collector makes of it."""
        return readings(self.collector, self.device())


def readings(collector: str, device: FakeDevice) -> list[Reading]:
    """Return what the collector of this name makes of a device."""
    return [
        reading
        for each in enabled([collector])
        for part in each.parts
        for reading in part.collect(device)
    ]


def unannounced(case: Case) -> set[FieldKey]:
    """Return the fields its collector asks for one by one, or announces and does not ask for."""
    found: set[FieldKey] = set()
    for part in (part for each in enabled([case.collector]) for part in each.parts):
        device = Asked("GPU-a", answers=case.device().answers, fields=case.device().fields)
        list(part.collect(device))
        found |= set(part.fields) ^ device.asked
    return found


@dataclass(eq=False)
class Asked(FakeDevice):
    """A device that keeps which fields it was asked for."""

    asked: set[FieldKey] = field(default_factory=set)

    def field(self, field: Fi, scope: int = 0) -> float | None:
        """Keep, and answer."""
        self.asked.add((field, scope))
        return super().field(field, scope)
