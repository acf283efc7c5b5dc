"""What dashboards ask, and where they lead: nothing in them leads nowhere."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from exporter.catalogue import CATALOGUE, Kind
from queryapi.telemetry.jobpage import FAMILIES
from tests.support import metric_names
from tests.support.boards import (
    Query,
    annotations,
    boards,
    choices,
    expanded,
    queries,
    variables,
    variables_in,
)
from tests.support.promql_reading import Read, reads

BOARDS = boards()
ADDING = {"sum", "count", "avg", "quantile", "stddev", "stdvar", "count_values"}
REPLICATED = {
    family.name
    for family in CATALOGUE
    if family.kind is not Kind.HISTOGRAM and not family.name.startswith("gpu_exporter_")
} | {family.name for family in FAMILIES}
"""What two replicas of an exporter, or of the query API, tell twice."""

_TAKEN_ALONG = re.compile(r"\$\{(\w+):queryparam\}")


def _asked(board: dict[str, Any]) -> Iterator[Query]:
    yield from queries(board)
    yield from annotations(board)
    yield from choices(board)


def _read(board: dict[str, Any]) -> Iterator[tuple[str, Read]]:
    for query in _asked(board):
        for read in reads(expanded(query.expr)):
            yield query.where, read


def test_every_metric_that_is_asked_for_exists() -> None:
    """It is in the catalogue, recorded by a rule, told by the query API, or by Prometheus."""
    known = (
        metric_names.published()
        | metric_names.recorded()
        | metric_names.of_the_query_api()
        | metric_names.OTHERS
    )
    read = {(name.name, where) for board in BOARDS.values() for where, name in _read(board)}

    assert [] == sorted((name, where) for name, where in read if name not in known)


def test_what_prometheus_tells_of_itself_is_listed_only_where_it_is_read() -> None:
    """The list of other programs' metrics that dashboards may read has nothing in it unread."""
    read = {name.name for board in BOARDS.values() for _, name in _read(board)}

    assert set() == metric_names.OTHERS - read


def test_promtool_accepts_every_question(tmp_path: Path) -> None:
    """All of them are PromQL that Prometheus itself parses."""
    asked = [query for board in BOARDS.values() for query in _asked(board)]
    rules = [
        {"record": f"question:{place}:of", "expr": expanded(query.expr)}
        for place, query in enumerate(asked)
    ]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "questions", "rules": rules}]}))
    result = subprocess.run(
        ["promtool", "check", "rules", str(path)], capture_output=True, text=True, check=False
    )

    assert (0, "") == (result.returncode, result.stderr)


def test_what_begins_within_the_chosen_time_is_added_up(tmp_path: Path) -> None:
    """Two GPUs that are idle for the second half of an hour are one GPU-hour, and cost as much."""
    board = BOARDS["gpu-namespaces"]
    where = "gpu-namespaces: Totals of the chosen time "
    asked = {query.where.removeprefix(where): expanded(query.expr) for query in queries(board)}
    of = '{cluster="c", namespace="ml"}'
    values = {
        "gpu_allocated:sum": "4x60",
        "gpu_utilization_ratio:avg": "0.5x60",
        "gpu_idle:sum": "_x29 stale 2x30",
        "gpu_cost_per_hour:sum": "12x60",
        "gpu_idle_cost_per_hour:sum": "_x29 stale 6x30",
    }
    expected = {"B": 2 * 31 / 60, "E": 6 * 31 / 60}
    test = {
        "interval": "1m",
        "input_series": [
            {"series": f"namespace:{name}{of}", "values": told} for name, told in values.items()
        ],
        "promql_expr_test": [
            {
                "expr": f"round({asked[letter]}, 0.001)",
                "eval_time": "1h",
                "exp_samples": [{"labels": of, "value": round(value, 3)}],
            }
            for letter, value in expected.items()
        ],
    }
    path = tmp_path / "idle.test.yml"
    path.write_text(json.dumps({"rule_files": [], "tests": [test]}))
    done = subprocess.run(
        ["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("uid", BOARDS)
def test_what_replicas_tell_twice_counts_once(uid: str) -> None:
    """Nothing raw is added up: `max by` over what identifies it comes first."""
    assert [] == [
        f"{where}: {read.aggregation} of {read.name}"
        for where, read in _read(BOARDS[uid])
        if read.name in REPLICATED and read.aggregation in ADDING
    ]


@pytest.mark.parametrize("uid", BOARDS)
def test_every_question_keeps_to_the_chosen_clusters(uid: str) -> None:
    """Each selector has a matcher of `cluster`; thresholds are the same for all."""
    assert [] == [
        f"{where}: {read.name}"
        for where, read in _read(BOARDS[uid])
        if "cluster" not in read.labels
        and "$cluster" not in where
        and not read.name.startswith("threshold:")
    ]


@pytest.mark.parametrize("uid", BOARDS)
def test_every_variable_that_is_read_exists(uid: str) -> None:
    """Queries, titles and links read variables that the dashboard has."""
    assert set() == variables_in(json.dumps(BOARDS[uid])) - set(variables(BOARDS[uid]))


@pytest.mark.parametrize("uid", BOARDS)
def test_every_variable_is_read(uid: str) -> None:
    """No choice is without effect: each is read by a query."""
    text = " ".join(query.expr for query in _asked(BOARDS[uid]))

    assert set() == set(variables(BOARDS[uid])) - variables_in(text) - {"datasource"}


@pytest.mark.parametrize("uid", BOARDS)
def test_links_lead_to_dashboards_that_can_be_set_so(uid: str) -> None:
    """A link's uid is a dashboard of ours, which has each variable that the link sets."""
    assert [] == [fault for url in _links(BOARDS[uid]) for fault in _misled(url)]


def test_alerts_lead_to_dashboards_that_can_be_set_so() -> None:
    """The dashboard of an alert exists, with each variable that the address sets."""
    rules = [rule for group in metric_names.groups() for rule in group["rules"] if "alert" in rule]
    urls = {rule["alert"]: rule["annotations"].get("dashboard_url") for rule in rules}

    assert [] == [(alert, fault) for alert, url in urls.items() if url for fault in _misled(url)]


def _links(tree: Any) -> Iterator[str]:
    """Yield the addresses of all links in *tree*."""
    if isinstance(tree, list):
        for each in tree:
            yield from _links(each)
    elif isinstance(tree, dict):
        if isinstance(tree.get("url"), str):
            yield tree["url"]
        for each in tree.values():
            yield from _links(each)


def _misled(url: str) -> Iterator[str]:
    plain = re.sub(r"\$?\{+[^}]*\}+", "x", url)
    parts = urlsplit(plain)
    if not parts.path.startswith("/d/"):
        yield f"{url}: no address of a dashboard"
        return
    board = BOARDS.get(parts.path.removeprefix("/d/"))
    if board is None:
        yield f"{url}: no such dashboard"
        return
    named = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    taken = {name.removeprefix("var-") for name in named if name.startswith("var-")}
    for name in sorted((taken | set(_TAKEN_ALONG.findall(url))) - set(variables(board))):
        yield f"{url}: no variable {name}"
