"""The form of dashboards: what a schema stricter than Grafana's, and its makers' library, allow."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.support.boards import boards, panels

BOARDS = boards()
SCHEMA = json.loads((Path(__file__).parent / "dashboard.schema.json").read_text())
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)

ROW = {
    "type": "row",
    "id": 1,
    "title": "x",
    "collapsed": False,
    "panels": [],
    "gridPos": {"h": 1, "w": 24, "x": 0, "y": 0},
}


@pytest.mark.parametrize("uid", BOARDS)
def test_a_dashboard_has_nothing_that_we_did_not_mean(uid: str) -> None:
    """Its JSON holds to the schema, in which every key that may be is named."""
    board = BOARDS[uid]
    bare = {**board, "panels": [ROW, ROW]}

    assert [] == [error.message for error in VALIDATOR.iter_errors(bare)]
    assert [] == [fault for panel in panels(board) for fault in _faults(panel)]
    assert VALIDATOR.is_valid(board)


@pytest.mark.parametrize("uid", BOARDS)
def test_grafanas_own_library_reads_a_dashboard_without_loss(uid: str) -> None:
    """Loaded into its model and written again, it is what it was."""
    model = Dashboard.from_json(BOARDS[uid])

    assert BOARDS[uid] == json.loads(json.dumps(model, cls=JSONEncoder))


@pytest.mark.parametrize(
    ("place", "key"),
    [((), "__inputs"), (("panels", 1), "alert"), (("panels", 1, "targets", 0), "intervall")],
)
def test_a_stray_key_is_found(place: tuple[Any, ...], key: str) -> None:
    """The schema is strict: a misspelt or foreign key is a fault wherever it is."""
    board = json.loads(json.dumps(BOARDS["gpu-fleet"]))
    part = board
    for step in place:
        part = part[step]
    part[key] = "x"

    assert not VALIDATOR.is_valid(board)


def test_the_schema_is_one() -> None:
    """It says what it means in JSON Schema's own terms."""
    assert jsonschema_rs.meta.is_valid(SCHEMA)


def _faults(panel: dict[str, Any]) -> list[str]:
    """Return what is wrong with a panel, by its kind's own part of the schema."""
    kind = "heading" if panel["type"] == "row" else panel["type"]
    part = {"$ref": f"#/$defs/{kind}", "$defs": SCHEMA["$defs"]}
    errors = jsonschema_rs.Draft202012Validator(part).iter_errors(panel)
    return [f"{panel['title']}: {error.instance_path} {error.message[:200]}" for error in errors]
