"""The fields of a pool as callers write them: each one's rule, and everything that breaks them."""

from collections.abc import Callable, Collection, Iterable, Mapping

from queryapi.errors import InvalidParameter
from queryapi.services.pools.membership import FACTS
from queryapi.services.pools.registering.wording import (
    is_blank,
    is_piled,
    meant,
    normal,
    shown,
    unseen,
)
from queryapi.storage.records import NodeType, Selector

Body = Mapping[str, object]

NAME = 128
TEXT = 1024
WORD = 128
TAG = 64
TAGS = 32
NODE_TYPES = 64
COUNT = 10_000
VALUES = 32
VALUE = 253

_TOLD = 20


class Faults:
    """What is wrong with a body, in the order of its fields; the first few are told."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._more = 0

    def add(self, where: str, what: str) -> None:
        """Note that something is wrong at a place."""
        if self.full:
            self._more += 1
        else:
            self._told.append(f"{where} {what}")

    @property
    def full(self) -> bool:
        """Whether more would only be counted: nobody need work out words for it."""
        return len(self._told) >= _TOLD

    def finish(self) -> None:
        """Raise InvalidParameter if anything was wrong."""
        if self._told:
            more = (f"and {self._more} more",) if self._more else ()
            raise InvalidParameter("; ".join((*self._told, *more)))


Check = Callable[[object, str, Faults], object]
"""Returns what is kept of a value that stands at a place; what is wrong goes to the faults."""


def read(
    body: Body, checks: Mapping[str, Check], faults: Faults, *, inside: str = ""
) -> dict[str, object]:
    """Return what *checks* make of the fields that are there; others are refused.

    Args:
        body: An object of a body.
        checks: By field.
        faults: Where they go.
        inside: The place of the object, empty for the body itself.
    """
    found = {}
    for field, check in checks.items():
        if field in body:
            found[field] = check(body[field], _at(inside, field), faults)
    for field in body:
        if field not in checks:
            _unknown(field, checks, faults, inside)
    return found


def need(body: Body, fields: Iterable[str], faults: Faults, *, inside: str = "") -> None:
    """Note each of *fields* that is not there."""
    for field in fields:
        if field not in body:
            faults.add(_at(inside, field), "is required")


def as_name(value: object, where: str, faults: Faults) -> str:
    """Take what people call a pool."""
    return _text(value, where, faults, most=NAME)


def as_word(value: object, where: str, faults: Faults) -> str:
    """Take a name of something else, such as a region."""
    return _text(value, where, faults, most=WORD)


def as_text(value: object, where: str, faults: Faults) -> str:
    """Take a text that may be empty and have lines."""
    return _text(value, where, faults, most=TEXT, blank=True, breaks=True)


def as_echo(value: object, where: str, faults: Faults) -> str:
    """Take text that only has to be what it is already."""
    if not isinstance(value, str):
        faults.add(where, "must be a string")
        return ""
    return normal(value, VALUE)


def as_flag(value: object, where: str, faults: Faults) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        faults.add(where, "must be true or false")
    return value is True


def as_tags(value: object, where: str, faults: Faults) -> tuple[str, ...]:
    """Take words, each once."""
    items = _items(value, where, faults, most=TAGS)
    tags = (_text(tag, f"{where}[{at}]", faults, most=TAG) for at, tag in enumerate(items))
    return tuple(dict.fromkeys(tags))


def as_node_types(value: object, where: str, faults: Faults) -> tuple[NodeType, ...]:
    """Take types of nodes, each once, and how many of them are wanted."""
    items = _items(value, where, faults, most=NODE_TYPES, least=1)
    found: dict[str, NodeType] = {}
    for at, item in enumerate(items):
        here = f"{where}[{at}]"
        one = _node_type(item, here, faults)
        if one is None:
            continue
        if one.type in found:
            faults.add(f"{here}.type", f"is there twice: {shown(one.type)}")
        found[one.type] = one
    return tuple(found.values())


def as_selector(value: object, where: str, faults: Faults) -> Selector:
    """Take which nodes are meant: facts, and the values that each may have."""
    if not isinstance(value, dict):
        faults.add(where, "must be an object")
        return {}
    if not value:
        faults.add(where, f"must have at least one of {', '.join(FACTS)}")
    found = read(value, dict.fromkeys(FACTS, _values), faults, inside=where)
    return {FACTS[fact]: values for fact, values in found.items() if isinstance(values, tuple)}


def _at(inside: str, field: str) -> str:
    return f"{inside}.{field}" if inside else field


def _unknown(field: str, known: Collection[str], faults: Faults, inside: str) -> None:
    guess = None if faults.full else meant(field, known)
    told = shown(field)
    where = f"{inside}: {told}" if inside else told
    faults.add(where, f"is unknown: did you mean {guess}?" if guess else "is unknown")


def _text(
    value: object,
    where: str,
    faults: Faults,
    *,
    most: int,
    blank: bool = False,
    breaks: bool = False,
) -> str:
    if not isinstance(value, str):
        faults.add(where, "must be a string")
        return ""
    text = normal(value, most)
    hidden = unseen(text, breaks=breaks)
    if hidden is not None:
        faults.add(where, f"must not contain {hidden}")
    elif len(text) > most:
        faults.add(where, f"must be at most {most} characters long")
    elif is_piled(text):
        faults.add(where, "must not have more than 30 marks on one letter")
    elif not blank and is_blank(text):
        faults.add(where, "must not be blank")
    return text


def _items(value: object, where: str, faults: Faults, *, most: int, least: int = 0) -> list[object]:
    if not isinstance(value, list):
        faults.add(where, "must be an array")
    elif len(value) < least:
        faults.add(where, "must not be empty")
    elif len(value) > most:
        faults.add(where, f"must have at most {most} items")
    else:
        return value
    return []


def _node_type(item: object, where: str, faults: Faults) -> NodeType | None:
    if not isinstance(item, dict):
        faults.add(where, "must be an object")
        return None
    checks: Mapping[str, Check] = {"type": as_word, "count": _count}
    need(item, checks, faults, inside=where)
    found = read(item, checks, faults, inside=where)
    kind, count = found.get("type"), found.get("count")
    return NodeType(kind, count) if isinstance(kind, str) and isinstance(count, int) else None


def _count(value: object, where: str, faults: Faults) -> int:
    # true is an int to Python, and 8.0 is not one: both are refused.
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        faults.add(where, "must be a positive integer")
        return 1
    if value > COUNT:
        faults.add(where, f"must be at most {COUNT}")
    return value


def _values(value: object, where: str, faults: Faults) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_text(value, where, faults, most=VALUE),)
    if not isinstance(value, list):
        faults.add(where, "must be a string or an array of strings")
        return ()
    items = _items(value, where, faults, most=VALUES, least=1)
    texts = (_text(item, f"{where}[{at}]", faults, most=VALUE) for at, item in enumerate(items))
    return tuple(dict.fromkeys(texts))
