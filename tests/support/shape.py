"""Whether an answer looks like a document's example of it."""

from collections.abc import Collection
from typing import Any


def misshapen(
    example: Any, answer: Any, *, free: Collection[str] = (), nullable: Collection[str] = ()
) -> list[str]:
    """Return in what *answer* differs from *example*: keys and JSON types; empty = in nothing.

    Args:
        example: Decoded JSON.
        answer: The same.
        free: Members whose keys differ from one answer to the next; their values do not.
        nullable: Members that may be null.
    """
    return list(_differences(example, answer, "", frozenset(free), frozenset(nullable)))


def _differences(
    example: Any, answer: Any, path: str, free: frozenset[str], nullable: frozenset[str]
) -> list[str]:
    name = path.rpartition(".")[2]
    if answer is None and name in nullable:
        return []
    if type(example) is not type(answer):
        return [f"{path}: {type(answer).__name__}, not {type(example).__name__}"]
    if isinstance(example, list):
        pairs = [(example[0], each) for each in answer]
    elif not isinstance(example, dict):
        return []
    elif name in free:
        pairs = [(next(iter(example.values())), each) for each in answer.values()]
    elif example.keys() != answer.keys():
        return [f"{path}: keys {sorted(example.keys() ^ answer.keys())}"]
    else:
        return [
            difference
            for key in example
            for difference in _differences(
                example[key], answer[key], f"{path}.{key}", free, nullable
            )
        ]
    return [
        difference
        for one, other in pairs
        for difference in _differences(one, other, path + "[]", free, nullable)
    ]
