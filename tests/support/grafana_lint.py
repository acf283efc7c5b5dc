"""The rules of Grafana's dashboard-linter for Prometheus, by the names it has for them.

Its findings here are sentences; what a folder's `.lint` file leaves out is left out by `lint`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.support import boards
from tests.support.promql_reading import Read, reads

Board = dict[str, Any]
Rule = Callable[[Board], Iterator[str]]

_SOURCES = {"$datasource", "${datasource}"}
_WITH_UNIT = {"stat", "graph", "table", "timeseries", "gauge"}
_UNITS: Final = {
    *("none", "string", "short", "percent", "percentunit", "bool", "celsius", "hertz"),
    *("watt", "kwatt", "joule", "watth", "kwatth", "currencyUSD", "rotrpm"),
    *("bytes", "decbytes", "Bps", "binBps", "bits", "bps", "reqps", "ops", "cps"),
    *("s", "ms", "m", "h", "d", "dtdurations", "dateTimeAsIso", "dateTimeFromNow"),
}
"""Of the linter's fixed list, what is about what we measure."""


def template_datasource(board: Board) -> Iterator[str]:
    """There is a choice of data source, under the name that others know."""
    found = [v for v in board["templating"]["list"] if v["type"] == "datasource"]
    if [("datasource", "Data source", "prometheus")] != [
        (v["name"], v["label"], v["query"]) for v in found
    ]:
        yield "no data source variable that is called so"


def _template(name: str) -> Rule:
    def rule(board: Board) -> Iterator[str]:
        found = boards.variables(board).get(name)
        if found is None:
            yield f"no variable {name}"
        elif not (
            found["type"] == "query"
            and found["datasource"]["uid"] in _SOURCES
            and found["multi"]
            and found["allValue"] == ".+"
        ):
            yield f"${name} is not a choice of several with `.+` for all"

    return rule


def template_label_promql(board: Board) -> Iterator[str]:
    """What choices are made from parses."""
    for query in boards.choices(board):
        if _parsed(query.expr) is None:
            yield query.where


def template_reload(board: Board) -> Iterator[str]:
    """Choices follow the time."""
    for variable in board["templating"]["list"]:
        if variable["type"] == "query" and variable["refresh"] != 2:
            yield f"${variable['name']} is not asked anew when the time changes"


def panel_datasource(board: Board) -> Iterator[str]:
    """Each panel follows the choice of data source, as a whole and in each query."""
    for panel in boards.drawn(board):
        named = [panel.get("datasource"), *(t["datasource"] for t in panel.get("targets", ()))]
        if any(not each or each["uid"] not in _SOURCES for each in named):
            yield panel["title"]


def panel_title_description(board: Board) -> Iterator[str]:
    """Each panel says what it shows."""
    for panel in boards.drawn(board):
        if not panel.get("title") or not panel.get("description"):
            yield panel.get("title") or f"panel {panel['id']}"


def panel_units(board: Board) -> Iterator[str]:
    """Each number has a unit, one that Grafana knows."""
    for panel in boards.drawn(board):
        if panel["type"] not in _WITH_UNIT:
            continue
        config = panel["fieldConfig"]
        units = [config["defaults"].get("unit")]
        units += [
            each["value"]
            for override in config["overrides"]
            for each in override["properties"]
            if each["id"] == "unit"
        ]
        if not set(units) <= _UNITS:
            yield f"{panel['title']}: {units}"


def panel_no_targets(board: Board) -> Iterator[str]:
    """Each panel asks something."""
    for panel in boards.drawn(board):
        if not panel.get("targets") and panel["type"] not in {"text", "dashlist", "alertlist"}:
            yield panel["title"]


def target_promql(board: Board) -> Iterator[str]:
    """Each query parses."""
    for query in (*boards.queries(board), *boards.annotations(board)):
        if _parsed(query.expr) is None:
            yield f"{query.where}: {query.expr}"


def target_rate_interval(board: Board) -> Iterator[str]:
    """A rate is of as much time as a point of the graph needs."""
    for where, read in _selectors(board):
        if read.call in {"rate", "irate"} and read.window != boards.RATE_INTERVAL:
            yield f"{where}: {read.name}"


def _target(label: str) -> Rule:
    def rule(board: Board) -> Iterator[str]:
        for where, read in _selectors(board):
            if label not in read.labels:
                yield f"{where}: {read.name}"

    return rule


def target_counter_agg(board: Board) -> Iterator[str]:
    """Of a counter its growth is read, never its value."""
    for where, read in _selectors(board):
        if read.name.endswith("_total") and read.call not in {"rate", "irate", "increase"}:
            yield f"{where}: {read.name}"


def uneditable(board: Board) -> Iterator[str]:
    """Nobody edits in Grafana what the next release overwrites."""
    if board["editable"]:
        yield "it can be edited"


RULES: Final[Mapping[str, Rule]] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": _template("job"),
    "template-instance-rule": _template("instance"),
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": _target("job"),
    "target-instance-rule": _target("instance"),
    "target-counter-agg-rule": target_counter_agg,
    "uneditable-dashboard": uneditable,
}
"""The linter's names; its other rules are about Loki."""


def lint(board: Board, excluded: Mapping[str, Any]) -> list[str]:
    """Return what all rules find in *board* but for those that are *excluded* for it."""
    return [
        f"{name}: {finding}"
        for name, rule in RULES.items()
        for finding in rule(board)
        if not _left_out(excluded.get(name), board["title"], finding)
    ]


def _left_out(exclusion: Mapping[str, Any] | None, title: str, finding: str) -> bool:
    if exclusion is None:
        return False
    entries = exclusion.get("entries")
    return entries is None or any(
        entry["dashboard"] == title and entry.get("panel", "") in finding for entry in entries
    )


def _selectors(board: Board) -> Iterator[tuple[str, Read]]:
    for query in boards.queries(board):
        for read in _parsed(query.expr) or ():
            yield query.where, read


def _parsed(expr: str) -> list[Read] | None:
    try:
        return reads(re.sub(r"\s+", " ", boards.expanded(expr)))
    except ValueError:
        return None
