"""Every panel's questions, asked of a living Prometheus as Grafana asks them."""

import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import requests

from tests.support.boards import (
    Query,
    annotations,
    asked,
    boards,
    drawn,
    expanded,
    queries,
    variables,
)

_NOBODY_CONNECTED = "nobody is connected by WebSocket"
_NOTHING_FIRES = "whether an alert fires is up to the demo's clock"
_WELL = "nothing ails so, unless a test lets it"
_IDLE = "idle is what did nothing for half an hour"
_NEW = "needs pods that were placed, or waited, since the demo began"

RIGHTLY_EMPTY: Final[Mapping[str, str]] = {
    "gpu-health: Missing parts of clusters A": "no cluster is shared by several exporters",
    "gpu-health: Database and Redis B": "the demo has no Redis",
    "gpu-device: Fans A": "devices of data centres have no fans",
    "gpu-namespaces: Share of the monthly budget A": "no namespace has a budget",
    **dict.fromkeys(
        (
            *("gpu-node: NVLink errors A", "gpu-device: NVLink errors, by link A"),
            *("gpu-device: NVLink fabric A", "gpu-incidents: Fabric degraded A"),
            *("gpu-incidents: NVLinks down A", "gpu-incidents: PCIe lanes lost A"),
            *("gpu-incidents: Banks without spare rows A", "gpu-incidents: Repairs wanted A"),
        ),
        _WELL,
    ),
}
"""What has no data in the demo, as `uid: panel query`, and why that is right.

One that has data does not belong here: `surprises` names it.
"""

BY_CHANCE: Final[Mapping[str, str]] = {
    "gpu-capacity: Room by cluster H": "room need not become less",
    "gpu-capacity: Pools H": "room need not become less",
    "gpu-fleet: Allocated and idle A": _IDLE,
    "gpu-capacity: Queue wait A": _NEW,
    "gpu-capacity: Queue wait B": _NEW,
    "gpu-device: XIDs A": "one program's only, once a minute",
    "gpu-device: XIDs B": "one program's only, once a minute",
    "gpu-node: Devices H": "one program's only, once a minute",
    "gpu-device: Up, listened to, recovery C": "no device need ask to be recovered",
    "gpu-capacity: Nodes with problems A": "no node need be cordoned",
    "gpu-node: Problems of the node A": "no node need be cordoned",
    "gpu-device: PCIe errors A": "there need not be any",
    "gpu-fleet: Unavailable A": "every GPU may be free or held",
    "gpu-health: Errors of the driver A": "a demo driver may be asked at a bad moment",
    "gpu-health: Requests refused A": "nobody need ask too much",
    "gpu-health: Looks at services A": "nobody need look at /health",
    "gpu-health: Messages C": _NOBODY_CONNECTED,
    "gpu-health: Delivery A": _NOBODY_CONNECTED,
    "gpu-health: Delivery B": _NOBODY_CONNECTED,
    "gpu-health: Feeds A": _NOBODY_CONNECTED,
    "gpu-health: WebSockets that ended A": _NOBODY_CONNECTED,
    "gpu-workloads: Wait for a node A": _NEW,
    "gpu-workloads: Pending pods by reason A": _NEW,
    "gpu-workloads: Pending pods A": _NEW,
    "gpu-workloads: Pending pods B": _NEW,
    "gpu-workloads: Warnings of Kubernetes A": "Kubernetes need not warn of anything",
    **{
        f"gpu-workloads: {panel}": _IDLE
        for panel in (
            *(f"Idle, and who holds it {letter}" for letter in "ABCD"),
            "Idle GPUs by namespace A",
        )
    },
    **{
        f"{uid}: Firing alerts A": _NOTHING_FIRES
        for uid in ("gpu-device", "gpu-health", "gpu-jobs", "gpu-node", "gpu-workloads")
    },
}
"""What has data or not by what has happened in the demo so far."""

_SPAN, _STEP = 300, 15
_TIMES: Final = {
    # Four scrapes of prometheus.yml's interval.
    "__rate_interval": "60s",
    "__interval": f"{_STEP}s",
    "__range": "1h",
    "__range_s": "3600",
}
_NOTHING: Final = {"NaN", "+Inf", "-Inf"}
_NOT_MEASURED = "-1"
_ANSWER_SECONDS = 60
_AT_ONCE = 4


def empty_panels(prometheus_url: str) -> dict[str, str]:
    """Return each question that nothing answers, with its PromQL: `uid: panel query` → what.

    A variable without choices is one of them. A table's "not measured" is no data. Where one
    node or device is chosen, what the first one does not have is asked of all.
    """
    empty: dict[str, str] = {}
    for board in boards().values():
        values, lacking = _chosen(prometheus_url, board)
        found = _unanswered(prometheus_url, board, values)
        if everywhere := {name: ".+" for name in variables(board) if values.get(name) != ".+"}:
            again = _unanswered(prometheus_url, board, values | everywhere)
            found = {where: text for where, text in found.items() if where in again}
        empty |= lacking | found
        for mark in annotations(board):
            # That nothing is marked is well; that it cannot be asked is not.
            _values(prometheus_url, mark, expanded(mark.expr, values))
    return empty


def _unanswered(url: str, board: dict[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    tables = {panel["title"] for panel in drawn(board) if panel["type"] == "table"}
    every = list(queries(board))
    texts = [expanded(query.expr, values) for query in every]
    empty = {}
    with ThreadPoolExecutor(_AT_ONCE) as askers:
        found = askers.map(lambda query, text: _values(url, query, text), every, texts)
        for query, text, numbers in zip(every, texts, found, strict=True):
            title = query.where.partition(": ")[2][:-2]
            if set(numbers) <= _NOTHING | ({_NOT_MEASURED} if title in tables else set()):
                empty[query.where] = text
    return empty


def surprises(prometheus_url: str) -> list[str]:
    """Return what is empty without a reason, and what has data although a reason says otherwise."""
    empty = empty_panels(prometheus_url)
    without = [f"{where} is empty: {text}" for where, text in empty.items()]
    excused = RIGHTLY_EMPTY.keys() | BY_CHANCE.keys()
    return [each for each in without if each.partition(" is empty: ")[0] not in excused] + [
        f"{where} has data: take it off the list" for where in RIGHTLY_EMPTY if where not in empty
    ]


def _chosen(url: str, board: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what variables stand for at first, and those that have no choices."""
    values, lacking = dict(_TIMES), {}
    for name, variable in variables(board).items():
        if variable["type"] != "query":
            continue
        expr, label = asked(variable["query"]["query"])
        expr = expanded(expr, values)
        choices = sorted(set(_choices(url, expr, label, variable.get("regex", ""))))
        if not choices:
            lacking[f"{board['uid']}: ${name}"] = expr
        if variable["includeAll"]:
            values[name] = variable["allValue"]
        else:
            values[name] = choices[0] if choices else ""
    return values, lacking


def _choices(url: str, expr: str, label: str | None, regex: str) -> Iterator[str]:
    if label is not None:
        now = time.time()
        span = {"match[]": expr, "start": now - _SPAN, "end": now}
        for series in _asked(f"{url}/api/v1/series", span):
            if label in series:
                yield series[label]
        return
    # JavaScript's named groups, in Python's words.
    pattern = re.compile(regex.strip("/").replace("(?<", "(?P<"))
    for row in _asked(f"{url}/api/v1/query", {"query": expr})["result"]:
        labels = ",".join(f'{name}="{value}"' for name, value in sorted(row["metric"].items()))
        name = labels.replace("__name__=", "", 1)
        if found := pattern.search(f"{name} {row['value'][1]}"):
            yield found["value"]


def _values(url: str, query: Query, text: str) -> list[str]:
    if query.instant:
        rows = _asked(f"{url}/api/v1/query", {"query": text})["result"]
        return [row["value"][1] for row in rows]
    now = time.time()
    span = {"query": text, "start": now - _SPAN, "end": now, "step": _STEP}
    rows = _asked(f"{url}/api/v1/query_range", span)["result"]
    return [value for row in rows for _, value in row["values"]]


def _asked(url: str, parameters: dict[str, Any]) -> Any:
    answer = requests.post(url, data=parameters, timeout=_ANSWER_SECONDS).json()
    assert answer["status"] == "success", f"{answer.get('error')}: {parameters}"
    return answer["data"]
