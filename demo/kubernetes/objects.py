"""Files of Kubernetes objects: JSON, JSON lines or YAML, single objects or Lists."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from demo.kubernetes.errors import ObjectFileError

Content = dict[str, Any]


def load(path: Path) -> list[Content]:
    """Read all objects of a file; a `List` (or `PodList`, ...) counts as its items.

    Args:
        path: `.json` (one document), `.jsonl` (one object a line), else YAML (any number of
            documents).

    Raises:
        ObjectFileError: When it cannot be read or holds something else.
    """
    try:
        documents = list(_documents(path))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ObjectFileError(f"cannot read objects from {path}: {error}") from error
    return list(_flattened(path, documents))


def _documents(path: Path) -> Iterable[Any]:
    if path.suffix == ".json":
        return [msgspec.json.decode(path.read_bytes())]
    if path.suffix == ".jsonl":
        return msgspec.json.Decoder().decode_lines(path.read_bytes())
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # YAML reads timestamps as datetimes; the store, as the API server, wants RFC 3339 text.
    return [
        msgspec.to_builtins(document)
        for document in yaml.load_all(path.read_text(), loader)
        if document is not None
    ]


def _flattened(path: Path, documents: Iterable[Any]) -> Iterator[Content]:
    for document in documents:
        if not isinstance(document, dict) or "kind" not in document:
            raise ObjectFileError(f"{path}: not a Kubernetes object: {document!r:.60}")
        if "items" not in document:
            yield document
            continue
        # Items of a PodList carry no kind of their own.
        kind = document["kind"].removesuffix("List")
        inherited = {"kind": kind, "apiVersion": document.get("apiVersion", "v1")} if kind else {}
        yield from _flattened(path, [inherited | item for item in document["items"]])
