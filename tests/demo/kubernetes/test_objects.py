"""Files of objects in every form people have them in."""

import json
from pathlib import Path

import pytest
import yaml

from demo.kubernetes import objects
from demo.kubernetes.errors import ObjectFileError
from tests.support.cluster_objects import node, pod

BOTH = [node("n1"), pod("p1")]
POD_LIST = {"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "p1"}}]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.json", json.dumps({"kind": "List", "apiVersion": "v1", "items": BOTH})),
        ("lines.jsonl", "\n".join(map(json.dumps, BOTH))),
        ("documents.yaml", yaml.safe_dump_all(BOTH)),
        ("list.yml", yaml.safe_dump({"kind": "List", "items": BOTH}) + "\n---\n"),
    ],
)
def test_every_form_gives_the_same_objects(tmp_path: Path, name: str, text: str) -> None:
    """A List is its items; empty documents are nothing."""
    path = tmp_path / name
    path.write_text(text)

    assert BOTH == objects.load(path)


def test_items_of_a_typed_list_get_its_kind(tmp_path: Path) -> None:
    """What `kubectl get --raw /api/v1/pods` saved can be served again."""
    path = tmp_path / "pods.json"
    path.write_text(json.dumps(POD_LIST))

    assert [{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p1"}}] == objects.load(path)


def test_yaml_timestamps_stay_text(tmp_path: Path) -> None:
    """An unquoted time is the RFC 3339 text it was."""
    path = tmp_path / "node.yaml"
    path.write_text("{kind: Node, metadata: {name: n, creationTimestamp: 2024-01-02T03:04:05Z}}")

    assert "2024-01-02T03:04:05Z" == objects.load(path)[0]["metadata"]["creationTimestamp"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", "{"), ("a.jsonl", "{}\n{"), ("a.yaml", "{"), ("a.json", "[1]"), ("a.yaml", "a: b")],
)
def test_a_file_that_holds_something_else_is_named(tmp_path: Path, name: str, text: str) -> None:
    """The message says which file."""
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(ObjectFileError, match=name):
        objects.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No traceback for a typing error."""
    with pytest.raises(ObjectFileError, match="absent"):
        objects.load(tmp_path / "absent.yaml")
