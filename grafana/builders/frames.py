"""What panels of all kinds share: title, description, data source, unit, queries, colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models.dashboard import (
    Panel as PanelModel,
)
from grafana_foundation_sdk.models.dashboard import (
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from grafana.builders.queries import DATASOURCE

Query = prometheus.Dataquery
Link = dashboard.DashboardLink
Builder = stat.Panel | timeseries.Panel | table.Panel | bargauge.Panel | statetimeline.Panel

RATIO = "percentunit"
"""The unit of what goes from 0 to 1: such panels begin at 0 and end at 1."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel and how much room it takes, of 24 columns and rows of 30 pixels."""

    builder: Builder
    width: int
    height: int

    def build(self) -> PanelModel:
        """Return what Grafana knows of it, without a place and an id."""
        return self.builder.build()


@dataclass(frozen=True, slots=True)
class Step:
    """From which value on something has a colour."""

    value: float
    color: str


def framed(
    builder: Any,
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    steps: Sequence[Step] = (),
    base: str = "green",
) -> Any:
    """Give a panel what all kinds have; returns the builder.

    What its colours mean is told in its description too: not everybody sees them.
    """
    text = " ".join([description, *([legend(steps, base, unit)] if steps else [])])
    builder.title(title).description(text).datasource(DATASOURCE).unit(unit)
    builder.thresholds(thresholds(steps, base))
    if unit == RATIO:
        builder.min(0).max(1)
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        builder.with_target(query.ref_id(letter))
    return builder


def thresholds(steps: Sequence[Step], base: str = "green") -> dashboard.ThresholdsConfig:
    """Return the colours of values: `base` below the first step, text colour without steps."""
    first = Threshold(value=None, color=base if steps else "text")
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([first, *(Threshold(value=step.value, color=step.color) for step in steps)])
    )


def legend(steps: Sequence[Step], base: str, unit: str) -> str:
    """Return in words what the colours of values mean."""
    told = [f"{base} below {_value(steps[0].value, unit)}"]
    told += [f"{step.color} from {_value(step.value, unit)}" for step in steps]
    return f"{', '.join(told).capitalize()}."


def mapped(words: Mapping[str, tuple[str, str]]) -> ValueMap:
    """Return what values are shown as: value → (text, colour)."""
    results = {
        value: ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(words.items())
    }
    return ValueMap(options=results)


def _value(value: float, unit: str) -> str:
    return f"{value * 100:g} %" if unit == RATIO else f"{value:g}"
