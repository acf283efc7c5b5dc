"""Histograms over time: how many of what took how long, as colours."""

from typing import Any

from grafana_foundation_sdk.builders import heatmap
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.builders.frames import Panel, framed
from grafana.builders.queries import over_time

_POINTS = 60
"""As many columns of cells as one can tell apart."""


def durations(title: str, description: str, buckets: str, *, width: int = 12) -> Panel:
    """Return the buckets of a histogram of seconds over time.

    Args:
        title: As of every panel.
        description: As of every panel.
        buckets: PromQL of the growth of each bucket, by `le`.
        width: Of 24.
    """
    query = over_time(buckets, "{{le}}").format(PromQueryFormat.HEATMAP)
    builder: Any = heatmap.Panel()
    framed(builder, title, description, (query,), "short")
    colours = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(64)
    builder.calculate(False).color(colours).cell_gap(1)
    builder.y_axis(heatmap.YAxisConfig().unit("s")).max_data_points(_POINTS)
    return Panel(builder, width, 8)
