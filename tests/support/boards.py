"""The committed dashboards, and what a reader of their JSON wants to know of them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from demo.stack import ROOT

FOLDER: Final = ROOT / "grafana" / "dashboards"
RATE_INTERVAL: Final = timedelta(minutes=4, seconds=59)
"""What `$__rate_interval` becomes here; nobody writes such a time by hand."""

_OWN: Final = {
    "__rate_interval": f"{RATE_INTERVAL.seconds}s",
    "__interval": "1m",
    "__range": "1h",
    "__range_s": "3600",
}
_VARIABLE = re.compile(r"\$(?:([a-zA-Z_]\w*)|\{(\w+)(?:[:.][^}]*)?\})")
_LABEL_VALUES = re.compile(r"label_values\((?:(?P<series>.+), *)?(?P<label>\w+)\)", re.DOTALL)
_QUERY_RESULT = re.compile(r"query_result\((?P<expr>.+)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel or of the annotations.

    Attributes:
        where: Uid of the board, title of the panel and letter of the query.
        expr: PromQL with variables.
        instant: Whether it is of one moment.
    """

    where: str
    expr: str
    instant: bool


def boards() -> dict[str, dict[str, Any]]:
    """Return every committed dashboard by the name of its file, which must be its uid."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all panels, headings and what they hide included."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels") or []


def drawn(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels that show something: all but headings."""
    return (panel for panel in panels(board) if panel["type"] != "row")


def queries(board: dict[str, Any]) -> Iterator[Query]:
    """Yield all queries of panels."""
    for panel in drawn(board):
        for target in panel.get("targets", ()):
            where = f"{board['uid']}: {panel['title']} {target['refId']}"
            yield Query(where, target["expr"], bool(target.get("instant")))


def annotations(board: dict[str, Any]) -> Iterator[Query]:
    """Yield the queries of what is marked in graphs."""
    for each in board["annotations"].get("list", ()):
        if each.get("expr"):
            yield Query(f"{board['uid']}: {each['name']}", each["expr"], instant=False)


def variables(board: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the variables by name, in the order in which readers choose them."""
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def choices(board: dict[str, Any]) -> Iterator[Query]:
    """Yield the PromQL that variables are made from."""
    for name, variable in variables(board).items():
        if variable["type"] == "query":
            expr, _ = asked(variable["query"]["query"])
            yield Query(f"{board['uid']}: ${name}", expr, instant=True)


def asked(text: str) -> tuple[str, str | None]:
    """Return what a variable's query asks of Prometheus: PromQL, and the label; None = the rows."""
    if found := _LABEL_VALUES.fullmatch(text):
        return found["series"] or '{__name__=~".+"}', found["label"]
    found = _QUERY_RESULT.fullmatch(text)
    assert found, f"neither label_values nor query_result: {text}"
    return found["expr"], None


def variables_in(text: str) -> set[str]:
    """Return the variables that *text* reads, Grafana's own (`__…`) left out."""
    names = {one or other for one, other in _VARIABLE.findall(text)}
    return {name for name in names if not name.startswith("__")}


def expanded(expr: str, values: Mapping[str, str] | None = None) -> str:
    """Return *expr* as Grafana sends it: variables are *values*, Grafana's own, or else `.+`."""
    known = {**_OWN, **(values or {})}
    return _VARIABLE.sub(lambda match: known.get(match[1] or match[2], ".+"), expr)
