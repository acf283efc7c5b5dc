"""A dashboard from its parts: places and ids of panels, variables, links, annotations."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    GridPos,
    RowPanel,
)
from grafana_foundation_sdk.models.dashboard import (
    Panel as PanelModel,
)

from grafana.builders import links, variables
from grafana.builders.panels import Panel
from grafana.builders.queries import DATASOURCE
from grafana.builders.variables import Variable

SCHEMA_VERSION: Final = 39
"""Read by Grafana 10 to 13; nothing here is what a later version moved."""

_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading, placed from left to right and then below.

    Attributes:
        title: The heading, unique within its dashboard.
        panels: Those in it.
        collapsed: Whether it opens only when it is clicked: its queries wait until then.
    """

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard.

    Attributes:
        uid: Its address: never changes, since alerts and people link to it.
        title: Unique within its folder.
        description: What one sees in it, in a sentence.
        variables: What readers choose, after the data source.
        rows: Its panels.
        annotations: PromQL of what is marked in all graphs, by name.
        span: How far back it looks at first.
    """

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    annotations: tuple[tuple[str, str], ...] = ()
    span: str = "6h"

    def render(self) -> str:
        """Return the JSON that Grafana provisions."""
        return json.dumps(self._model(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"

    def _model(self) -> dict[str, Any]:
        board = (
            dashboard.Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags([links.TAG])
            .timezone("browser")
            .readonly()
            .refresh("30s")
            .time(f"now-{self.span}", "now")
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .link(links.all_dashboards())
        )
        for variable in (variables.datasource(), *self.variables):
            board.with_variable(variable)
        for name, expr in self.annotations:
            board.annotation(_annotation(name, expr))
        model = board.build()
        model.schema_version = SCHEMA_VERSION
        model.panels = list(_placed(self.rows))
        _check_titles(self)
        return json.loads(json.dumps(model, cls=JSONEncoder))  # type: ignore[no-any-return]


def panel_id(title: str) -> int:
    """Return a panel's id: it stays while panels come, go and move, and changes with the title."""
    return zlib.crc32(title.encode()) % 1_000_000 + 1


def _check_titles(board: Board) -> None:
    titles = [panel.build().title for row in board.rows for panel in row.panels]
    twice = sorted({str(title) for title in titles if titles.count(title) > 1})
    if twice:
        message = (
            f"{board.uid}: give these panels titles of their own, ids are made of them: {twice}"
        )
        raise ValueError(message)


def _annotation(name: str, expr: str) -> dashboard.AnnotationQuery:
    return (
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)
        .hide(False)
        .icon_color("red")
        .expr(" ".join(expr.split()))
        .title_format("{{alertname}}")
        .text_format("{{node}} {{gpu}} {{namespace}}")
        .step("60s")
    )


def _placed(rows: tuple[Row, ...]) -> Iterator[PanelModel | RowPanel]:
    top = 0
    for row in rows:
        heading = RowPanel(
            id_val=panel_id(f"row {row.title}"),
            title=row.title,
            collapsed=row.collapsed,
            grid_pos=GridPos(h=1, w=_WIDTH, x=0, y=top),
        )
        panels, bottom = _flow(row.panels, top + 1)
        if row.collapsed:
            heading.panels = panels
            top += 1
        else:
            top = bottom
        yield heading
        if not row.collapsed:
            yield from panels


def _flow(panels: tuple[Panel, ...], top: int) -> tuple[list[PanelModel], int]:
    """Place panels from left to right; returns them and where the next row begins."""
    placed, left, height = [], 0, 0
    for panel in panels:
        if left + panel.width > _WIDTH:
            top, left, height = top + height, 0, 0
        model = panel.build()
        model.id_val = panel_id(model.title or "")
        model.grid_pos = GridPos(h=panel.height, w=panel.width, x=left, y=top)
        placed.append(model)
        left, height = left + panel.width, max(height, panel.height)
    return placed, top + height
