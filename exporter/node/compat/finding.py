"""Sources of DCGM's fields → what they yield from the readings of one device or instance."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from exporter.catalogue import CATALOGUE, DEVICE, Family
from exporter.catalogue.dcgm import (
    Coded,
    Latest,
    Mask,
    PerLabel,
    Rate,
    Read,
    Recent,
    Share,
    Source,
    States,
    Text,
    Unit,
)
from exporter.exposition import number
from exporter.node.compat.xids import meaning

Labels = tuple[str, ...]
Readings = Mapping[str, Sequence[tuple[Labels, float]]]
"""By family: the labels that say neither which device nor which instance, and the value."""

Find = Callable[[Readings], Iterator[tuple[Labels, float]]]
"""Yields values, and the values of the labels that the field has of its own."""

FAMILIES = {family.name: family for family in CATALOGUE}
INSTANCE = "gpu_instance"

_WHOLE = {
    Unit.MEGAHERTZ: 1e-6,
    Unit.MEGABYTES_PER_SECOND: 1e-6,
    Unit.KILOBYTES_PER_SECOND: 1e-3,
    Unit.PERCENT: 1e2,
    Unit.MILLIJOULES: 1e3,
    Unit.NANOSECONDS: 1e9,
}
"""How many whole ones a base unit is."""


WINDOW_SECONDS = 300
"""What is counted of late: dcgm-exporter's own default."""


def by_the_second(family: str) -> str:
    """Return where among readings stands how fast the sum of a counter grows."""
    return f"{family} by the second"


def lately(family: str) -> str:
    """Return where among readings stands how much a counter grew in the last WINDOW_SECONDS."""
    return f"{family} lately"


def own_labels(family: Family) -> Labels:
    """Return the labels that say neither which device nor which instance."""
    return tuple(name for name in family.labels if name not in (*DEVICE, INSTANCE))


def families(source: Source) -> tuple[str, ...]:
    """Return the names of the families that a source reads."""
    match source:
        case Latest(family, _, counted) | Rate(family, counted):
            return (family, counted)
        case Share(family, of, less):
            return (family, of, less)
        case _:
            return (source.family,)


def labels(source: Source) -> Labels:
    """Return the labels that a field with this source has of its own."""
    match source:
        case PerLabel():
            return (source.becomes,)
        case Latest():
            return ("err_code", "err_msg")
        case Recent():
            return ("window_size_in_ms", source.becomes)
        case _:
            return ()


def resolves(source: Source) -> bool:
    """Tell whether all that a source names is in the catalogue."""
    found = [FAMILIES.get(name) for name in families(source)]
    return all(found) and set(_named(source)) <= set(found[0].labels if found[0] else ())


def instance_family(name: str) -> str:
    """Return the family that tells of a MIG instance what another tells of a device."""
    return f"gpu_instance_{name.removeprefix('gpu_')}"


def finder(source: Source) -> Find:
    """Return what finds a number of a device."""
    match source:
        case Read() | Share() | Rate():
            return _figure(source)
        case Coded() | Mask():
            return _bits(source)
        case States():
            return _states(source)
        case PerLabel() | Recent():
            return _per_label(source)
        case Latest():
            return _latest(source)
        case Text():
            return _nothing


def instance_finder(source: Source) -> Find | None:
    """Return what finds the same of an instance; None when instances do not have it."""
    if isinstance(source, Read) and instance_family(source.family) in FAMILIES:
        return _sum(Read(instance_family(source.family), source.where))
    if isinstance(source, Share):
        names = [instance_family(name) for name in families(source)]
        return _share(Share(*names)) if names[0] in FAMILIES else None
    return None


def text(source: Source, unit: Unit, readings: Readings) -> str:
    """Return what a row of the type `label` says; empty when nothing is known."""
    if isinstance(source, Text):
        at = _position(source.family, source.label)
        return next((labels[at] for labels, _ in readings.get(source.family, ())), "")
    found = next(finder(source)(readings), None)
    return "" if found is None else number(in_unit(unit, found[1]))


def in_unit(unit: Unit, value: float) -> float:
    """Return a value in one of DCGM's units: whole ones, as DCGM tells them."""
    if unit is Unit.MEBIBYTES:
        return value // 2**20
    factor = _WHOLE.get(unit)
    return value if factor is None else round(value * factor)


def _named(source: Source) -> Labels:
    match source:
        case Read():
            return tuple(label for label, _ in source.where)
        case Share() | States() | Rate():
            return ()
        case _:
            return (source.label,)


def _figure(source: Read | Share | Rate) -> Find:
    match source:
        case Read():
            return _sum(source)
        case Share():
            return _share(source)
        case Rate():
            return _rate(source)


def _nothing(_: Readings) -> Iterator[tuple[Labels, float]]:
    return iter(())


def _position(family: str, label: str) -> int:
    return own_labels(FAMILIES[family]).index(label)


def _sum(source: Read) -> Find:
    wanted = [(_position(source.family, label), value) for label, value in source.where]

    def find(readings: Readings) -> Iterator[tuple[Labels, float]]:
        found = [
            value
            for labels, value in readings.get(source.family, ())
            if all(labels[at] == text for at, text in wanted)
        ]
        if found:
            yield (), sum(found)

    return find


def _bits(source: Coded | Mask) -> Find:
    at = _position(source.family, source.label)
    bits: Mapping[str, tuple[int | None, int | None]] = (
        source.bits
        if isinstance(source, Mask)
        else {state: (0, code) for state, code in source.codes.items()}
    )

    def find(readings: Readings) -> Iterator[tuple[Labels, float]]:
        found = readings.get(source.family, ())
        told = [bits.get(labels[at], (0, None))[bool(value)] for labels, value in found]
        known = [each for each in told if each is not None]
        if known and len(known) == len(told):
            yield (), sum(known)

    return find


def _rate(source: Rate) -> Find:
    told = _sum(Read(source.family))

    def find(readings: Readings) -> Iterator[tuple[Labels, float]]:
        yield from (
            told(readings)
            if source.family in readings
            else readings.get(by_the_second(source.counted), ())
        )

    return find


def _states(source: States) -> Find:
    def find(readings: Readings) -> Iterator[tuple[Labels, float]]:
        for _, value in readings.get(source.family, ()):
            if value in source.codes:
                yield (), source.codes[value]

    return find


def _per_label(source: PerLabel | Recent) -> Find:
    at = _position(source.family, source.label)
    is_recent = isinstance(source, Recent)
    name = lately(source.family) if is_recent else source.family
    before = (str(WINDOW_SECONDS * 1000),) if is_recent else ()

    def find(readings: Readings) -> Iterator[tuple[Labels, float]]:
        for labels, value in readings.get(name, ()):
            yield (*before, labels[at]), value

    return find


def _latest(source: Latest) -> Find:
    at = _position(source.family, source.label)

    def find(readings: Readings) -> Iterator[tuple[Labels, float]]:
        moments = [
            (moment, int(labels[at]))
            for labels, moment in readings.get(source.family, ())
            if labels[at].isdecimal()
        ]
        if moments:
            _, number = max(moments)
            yield (str(number), meaning(number)), number
        elif source.counted in readings:
            yield ("0", meaning(0)), 0

    return find


def _share(source: Share) -> Find:
    def find(readings: Readings) -> Iterator[tuple[Labels, float]]:
        part, whole, less = (readings.get(name, ()) for name in families(source))
        if part and whole:
            can_be_had = whole[0][1] - (less[0][1] if less else 0)
            if can_be_had > 0:
                yield (), part[0][1] / can_be_had

    return find
