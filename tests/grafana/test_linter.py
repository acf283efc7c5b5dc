"""What a Grafana of any version from 10 on, and Grafana's linter, ask of a dashboard."""

from collections import Counter
from itertools import combinations
from typing import Any

import pytest
import yaml

from grafana.builders.__main__ import main
from tests.support.boards import FOLDER, boards, drawn, panels, variables
from tests.support.grafana_lint import RULES, lint

BOARDS = boards()
EXCLUDED: dict[str, Any] = yaml.safe_load((FOLDER / ".lint").read_text())["exclusions"]
KINDS = {
    *("timeseries", "stat", "gauge", "bargauge", "table", "state-timeline", "status-history"),
    *("heatmap", "piechart", "text", "row", "dashlist", "alertlist"),
}
"""What Grafana 10 to 13 draw alike, without plugins."""


@pytest.mark.parametrize("uid", BOARDS)
def test_grafanas_linter_has_nothing_to_say(uid: str) -> None:
    """Each of its rules for Prometheus is kept, but for those that `.lint` gives a reason for."""
    assert [] == lint(BOARDS[uid], EXCLUDED)


def test_no_rule_is_left_out_for_nothing() -> None:
    """Each exclusion names a rule, has a reason, and something would be found without it."""
    for name, exclusion in EXCLUDED.items():
        titles = [entry["dashboard"] for entry in exclusion.get("entries", ())]
        named = [board for board in BOARDS.values() if not titles or board["title"] in titles]

        assert exclusion["reason"]
        assert len(titles) <= len(named)
        assert all(any(RULES[name](board)) for board in named if titles)
        assert any(any(RULES[name](board)) for board in named)


def test_committed_dashboards_are_what_the_builders_make(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Building them again changes nothing."""
    status = main(["--check"])

    assert (0, "") == (status, capsys.readouterr().err)


def test_every_dashboard_has_an_address_and_a_title_of_its_own() -> None:
    """File and uid are one, short enough for Grafana; no title is there twice."""
    assert {uid: uid for uid in BOARDS} == {uid: board["uid"] for uid, board in BOARDS.items()}
    assert all(len(uid) <= 40 and uid.startswith("gpu-") for uid in BOARDS)
    assert [] == _twice(board["title"] for board in BOARDS.values())


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_can_be_linked_to(uid: str) -> None:
    """Each has an id of its own that a browser can hold, and a title of its own."""
    found = list(panels(BOARDS[uid]))

    assert [] == _twice(panel["id"] for panel in found)
    assert all(0 < panel["id"] < 2**31 for panel in found)
    assert [] == _twice(panel["title"] for panel in drawn(BOARDS[uid]))


@pytest.mark.parametrize("uid", BOARDS)
def test_every_version_from_10_on_shows_the_same(uid: str) -> None:
    """Schema 39, nothing in it that 40 to 42 moved, no panel that needs a plugin."""
    board = BOARDS[uid]

    assert 39 == board["schemaVersion"]
    assert isinstance(board["refresh"], str)
    assert "time_options" not in board.get("timepicker", {})
    assert [] == [
        panel["title"]
        for panel in drawn(board)
        for hidden in _values(panel, "hideFrom")
        if hidden.get("viz") and not hidden.get("tooltip")
    ]
    assert set() == {panel["type"] for panel in panels(board)} - KINDS
    assert not {"__inputs", "__requires", "id", "version", "iteration"} & board.keys()


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_lie_beside_each_other(uid: str) -> None:
    """None covers another, and none leaves the 24 columns."""
    board = BOARDS[uid]
    shown = [panel["gridPos"] | {"of": panel["title"]} for panel in board["panels"]]
    hidden = [
        [inner["gridPos"] | {"of": inner["title"]} for inner in panel.get("panels") or ()]
        for panel in board["panels"]
    ]

    for places in (shown, *hidden):
        assert all(0 <= place["x"] and place["x"] + place["w"] <= 24 for place in places)
        assert [] == [
            (one["of"], other["of"]) for one, other in combinations(places, 2) if _cover(one, other)
        ]


@pytest.mark.parametrize("uid", BOARDS)
def test_ratios_fill_their_panel_from_0_to_1(uid: str) -> None:
    """A share is drawn between nothing and all, and a colour's first step has no number."""
    for panel in drawn(BOARDS[uid]):
        defaults = panel["fieldConfig"]["defaults"]
        if panel["type"] != "table" and defaults.get("unit") == "percentunit":
            assert (0, 1) == (defaults["min"], defaults["max"])
        for thresholds in _values(panel, "thresholds"):
            assert thresholds["steps"][0]["value"] is None


@pytest.mark.parametrize("uid", BOARDS)
def test_choices_depend_on_those_before_them_only(uid: str) -> None:
    """A variable reads what is chosen above it, and a board begins with data source and cluster."""
    names = list(variables(BOARDS[uid]))

    assert ["datasource"] == names[:1]
    assert set(names) <= {"datasource", "cluster", "pool", "node", "uuid", "namespace", "job_id"}
    for place, variable in enumerate(variables(BOARDS[uid]).values()):
        text = str(variable.get("query"))
        assert not [later for later in names[place:] if f"${later}" in text]


def _twice(values: Any) -> list[Any]:
    return [value for value, times in Counter(values).items() if times > 1]


def _values(tree: Any, key: str) -> list[Any]:
    """Return every value that *key* has anywhere in *tree*."""
    if isinstance(tree, list):
        return [value for each in tree for value in _values(each, key)]
    if not isinstance(tree, dict):
        return []
    own = [tree[key]] if key in tree else []
    return own + [value for each in tree.values() for value in _values(each, key)]


def _cover(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
