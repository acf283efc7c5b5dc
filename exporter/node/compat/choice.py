"""Which of DCGM's fields are published, as what."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exporter.catalogue import Family, Kind
from exporter.catalogue.dcgm import FIELDS, Field, Generation, Source, Text, Type, Unit, is_dcgms
from exporter.node.compat.counters import Row
from exporter.node.compat.entities import base_labels
from exporter.node.compat.finding import (
    Find,
    finder,
    instance_finder,
    labels,
    resolves,
)

_log = logging.getLogger(__name__)

_BY_NAME: dict[str, Field] = {
    **{field.new: field for field in FIELDS if field.new},
    **{field.name: field for field in FIELDS},
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A field that is published as a metric; *of_instance* is None where instances lack it."""

    family: Family
    unit: Unit
    of_device: Find
    of_instance: Find | None


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A field that is published as a label of all metrics."""

    name: str
    source: Source
    unit: Unit


@dataclass(frozen=True, slots=True)
class Choice:
    """What is published.

    Args:
        metrics: As metrics.
        label_rows: As labels of all metrics.
        unknown: Names that no field of DCGM's has.
        unavailable: Names of fields that NVML has no values for.
    """

    metrics: tuple[Metric, ...]
    label_rows: tuple[LabelRow, ...]
    unknown: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()


def default(generation: Generation) -> tuple[Row, ...]:
    """Return what dcgm-exporter publishes when it is not told otherwise."""
    chosen = [field for field in FIELDS if generation in field.default.value]
    names = [(field, field.name_in(generation)) for field in chosen]
    return tuple(Row(name, field.type_of(name), field.help_of(name)) for field, name in names)


def choose(rows: Sequence[Row], generation: Generation) -> Choice:
    """Return what rows choose.

    A row is taken at its word, as dcgm-exporter does: an old name has the old unit with either
    generation, and a new name the new one.
    """
    unknown = tuple(r.field for r in rows if r.field not in _BY_NAME and not is_dcgms(r.field))
    usable = [found for row in rows if (found := _usable(row)) is not None]
    published = {*unknown, *(each.row.field for each in usable)}
    label_rows = tuple(each for each in usable if each.row.type is Type.LABEL)
    base = base_labels(generation, [each.row.field for each in label_rows])
    return Choice(
        tuple(_metric(each, base) for each in usable if each.row.type is not Type.LABEL),
        tuple(LabelRow(each.row.field, each.source, each.unit) for each in label_rows),
        unknown,
        tuple(row.field for row in rows if row.field not in published),
    )


def warn(choice: Choice, *, but: Iterable[str] = ()) -> None:
    """Log, once, what is asked for and will not come."""
    told = set(but)
    for name in choice.unknown:
        if name not in told:
            _log.warning("%s is no field of DCGM's: nothing is published for it", name)
    for name in choice.unavailable:
        if name not in told:
            _log.warning("%s is not to be had from NVML: nothing is published for it", name)


@dataclass(frozen=True, slots=True)
class _Usable:
    """A row for which there is something to publish."""

    row: Row
    source: Source
    unit: Unit


def _usable(row: Row) -> _Usable | None:
    field = _BY_NAME.get(row.field)
    if field is None or field.source is None or not resolves(field.source):
        return None
    if isinstance(field.source, Text) and row.type is not Type.LABEL:
        return None
    return _Usable(row, field.source, field.unit_of(row.field))


def _metric(chosen: _Usable, base: tuple[str, ...]) -> Metric:
    row, source = chosen.row, chosen.source
    family = Family(
        row.field,
        row.help,
        (*base, *labels(source)),
        kind=Kind(row.type),
    )
    return Metric(family, chosen.unit, finder(source), instance_finder(source))
