"""Tables: what queries answer, a row per series, and what their columns look like."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue

from grafana.builders.frames import Link, Panel, Query, Step, framed, legend, mapped, thresholds


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        source: The label that it shows; `Value #A` is the first query's value, `#B` the second's.
        title: Its heading.
        unit: Of numbers.
        links: Where a click leads.
        steps: Colours of its numbers.
        states: What a number means → text and colour.
        base: The colour of numbers below the first step.
    """

    source: str
    title: str
    unit: str | None = None
    links: tuple[Link, ...] = ()
    steps: tuple[Step, ...] = ()
    states: Mapping[str, tuple[str, str]] | None = None
    base: str = "green"


def table(
    title: str,
    description: str,
    *queries: Query,
    columns: Sequence[Column],
    width: int = 24,
    height: int = 9,
    sort: str = "",
    ascending: bool = False,
) -> Panel:
    """Return a row per series, joined over the labels that the queries share.

    Columns that are not named are hidden; they stand in the order of their names here. Each query
    answers for every row, by a sentinel (`queries.or_none`) where there is no reading: an empty
    answer would change the name of the other's column.

    Args:
        title: As of every panel.
        description: As of every panel.
        queries: Made by `queries.rows`.
        columns: What it shows.
        width: Of 24.
        height: In rows of 30 pixels.
        sort: The title of the column whose largest value comes first.
        ascending: Whether its smallest does instead.
    """
    explained = " ".join([description, *_colours(columns)])
    builder = framed(tables.Panel(), title, explained, queries, "none")
    builder.transformations(_merged(queries, columns))
    builder.cell_height("sm").filterable(True)
    if sort:
        order = common.TableSortByFieldState().display_name(sort).desc(not ascending)
        builder.sort_by([order])
    for column in columns:
        builder.override_by_name(column.title, _properties(column))
    return Panel(builder, width, height)


def _colours(columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        if column.steps:
            yield f"{column.title}: {legend(column.steps, column.base, column.unit or '')}"


def _merged(queries: Sequence[Query], columns: Sequence[Column]) -> list[DataTransformerConfig]:
    # One query alone calls its value `Value`, several `Value #A`, `Value #B`.
    names = {
        "Value" if len(queries) == 1 and column.source == "Value #A" else column.source: column
        for column in columns
    }
    order = {name: index for index, name in enumerate(names)}
    renamed = {name: column.title for name, column in names.items()}
    return [
        DataTransformerConfig(id_val="merge", options={}),
        DataTransformerConfig(
            id_val="filterFieldsByName", options={"include": {"names": list(names)}}
        ),
        DataTransformerConfig(
            id_val="organize", options={"indexByName": order, "renameByName": renamed}
        ),
    ]


def _properties(column: Column) -> list[DynamicConfigValue]:
    told: list[DynamicConfigValue] = []
    if column.unit:
        told.append(DynamicConfigValue(id_val="unit", value=column.unit))
    if column.links:
        links = [link.build() for link in column.links]
        told.append(DynamicConfigValue(id_val="links", value=links))
    if column.steps:
        colours = thresholds(column.steps, column.base).build()
        told.append(DynamicConfigValue(id_val="thresholds", value=colours))
    if column.states:
        told.append(DynamicConfigValue(id_val="mappings", value=[mapped(column.states)]))
    if column.steps or column.states:
        cell = {"type": "color-text"}
        told.append(DynamicConfigValue(id_val="custom.cellOptions", value=cell))
    return told
