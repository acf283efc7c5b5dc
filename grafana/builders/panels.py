"""The kinds of panels that our dashboards have, each with what all of its kind share."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import bargauge, common, statetimeline, timeseries
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana.builders.frames import RATIO, Link, Panel, Query, Step, framed, mapped
from grafana.builders.tables import Column, table

__all__ = ["RATIO", "Column", "Panel", "Step", "bars", "graph", "number", "states", "table"]


def number(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    steps: Sequence[Step] = (),
    links: Sequence[Link] = (),
    width: int = 4,
    base: str = "green",
    words: Mapping[str, tuple[str, str]] | None = None,
) -> Panel:
    """Return one or a few numbers, the newest ones; without data it says "No data".

    With `words` it shows texts in place of the numbers that are named there.
    """
    builder = (
        framed(stats.Panel(), title, description, queries, unit, steps, base)
        .data_links(list(links))
        .color_mode(BigValueColorMode.VALUE if steps or words else BigValueColorMode.NONE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    if words:
        builder.mappings([mapped(words)])
    return Panel(builder, width, 4)


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    stacked: bool = False,
    steps: Sequence[Step] = (),
    links: Sequence[Link] = (),
    width: int = 12,
    limits: Sequence[str] = (),
    base: str = "green",
) -> Panel:
    """Return lines over time, or areas upon each other; a gap stays a gap.

    Lines whose legend is in `limits` are dashed: what the others are compared with. `steps` are
    dashed lines too.
    """
    builder = (
        framed(timeseries.Panel(), title, description, queries, unit, steps, base)
        .data_links(list(links))
        .line_width(1)
        .fill_opacity(60 if stacked else 5)
        .show_points(VisibilityMode.AUTO)
        .span_nulls(False)
        .legend(_legend())
        .tooltip(
            common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
    )
    if stacked:
        builder.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if steps:
        dashed = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        builder.thresholds_style(dashed)
    for name in limits:
        builder.override_by_name(name, _limit())
    return Panel(builder, width, 8)


def bars(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    steps: Sequence[Step] = (),
    links: Sequence[Link] = (),
    width: int = 8,
) -> Panel:
    """Return a bar for each series, the newest value of each."""
    builder = (
        framed(bargauge.Panel(), title, description, queries, unit, steps)
        .data_links(list(links))
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    if unit != RATIO:
        builder.min(0)
    return Panel(builder, width, 8)


def states(
    title: str,
    description: str,
    *queries: Query,
    words: Mapping[str, tuple[str, str]],
    width: int = 24,
    height: int = 8,
) -> Panel:
    """Return a band per series that shows when it was in which state: value → (text, colour)."""
    builder = (
        framed(statetimeline.Panel(), title, description, queries, "none")
        .mappings([mapped(words)])
        .show_value(VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.9)
    )
    return Panel(builder, width, height)


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
    )


def _limit() -> list[DynamicConfigValue]:
    return [
        DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [10, 10]}),
        DynamicConfigValue(id_val="custom.fillOpacity", value=0),
    ]
