"""Looks for what a NativeLink tells of itself, under either of its names."""

from collections.abc import Iterator, Sequence

from queryapi.commands.diagnosis import absence
from queryapi.commands.diagnosis.findings import Finding, Level
from queryapi.commands.diagnosis.reader import Reader
from queryapi.promql.nativelinkqueries import SILENT_SECONDS
from queryapi.promql.series import ACTIONS, CONNECTED, NATIVELINK, Series, variants
from queryapi.promql.text import Matcher, selector

_SHOWN = 10


def findings(reader: Reader, matchers: Sequence[Matcher], *, now: float) -> Iterator[Finding]:
    """Yield what is found of each instrument.

    Args:
        reader: Reads the Prometheus.
        matchers: What selects the cluster.
        now: Unix time of the Prometheus.
    """
    yield from _clusters(reader, matchers)
    ages = {
        series.name: {
            name: max(0.0, now - at)
            for name in variants(series.name)
            if (at := reader.value(f"max(timestamp({selector(name, *matchers)}))")) is not None
        }
        for series in NATIVELINK
    }
    alone = not (ages[CONNECTED] or ages[ACTIONS])
    for series in NATIVELINK:
        found = ages[series.name]
        if found:
            yield from _present(series, found)
        elif alone and series.name == CONNECTED:
            yield Finding(Level.PROBLEM, series.name, _why(reader, matchers, now))
        else:
            yield Finding(Level.NOTE, series.name, f"missing: {series.otherwise}")


def _present(series: Series, ages: dict[str, float]) -> Iterator[Finding]:
    for name, age in ages.items():
        if age > SILENT_SECONDS:
            yield Finding(
                Level.PROBLEM,
                name,
                f"{age:.0f} s old, and not used beyond {SILENT_SECONDS} s:"
                f" {absence.remedy(series.source)}",
            )
        else:
            yield Finding(Level.OK, name, f"{age:.0f} s old")
    if len(ages) > 1:
        first, second = ages
        yield Finding(
            Level.NOTE,
            series.name,
            f"it is there under two names: {first} counts, {second} does not",
        )


def _why(reader: Reader, matchers: Sequence[Matcher], now: float) -> str:
    """Return why there are neither workers nor actions."""
    for series in NATIVELINK:
        for name in variants(series.name):
            if reader.vector(f"count({selector(name)})"):
                known = Series(name, series.source)
                why = absence.explanation(reader, known, matchers, now=now, loaded=False)
                return f"missing, and execution_active_count too: {name}: {why}"
    return f"missing, and execution_active_count too: {absence.remedy(NATIVELINK[0].source)}"


def _clusters(reader: Reader, matchers: Sequence[Matcher]) -> Iterator[Finding]:
    """Tell of matchers that would add up several clusters."""
    names = {
        found.labels.get("cluster", "")
        for series in NATIVELINK
        for name in variants(series.name)
        for found in reader.vector(f"count by (cluster) ({selector(name, *matchers)})")
    }
    if len(names) > 1:
        shown = ", ".join(sorted(names)[:_SHOWN])
        yield Finding(
            Level.PROBLEM,
            "matchers",
            f"they select {len(names)} clusters ({shown}), whose numbers are added up: make"
            " `matchers` of this cluster name one",
        )
