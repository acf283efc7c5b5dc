"""What a PromQL expression reads, and what it does to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

import promql_parser as promql


@dataclass(frozen=True, slots=True)
class Read:
    """A selector and what is around it.

    Attributes:
        name: Of the metric; empty where there is none.
        labels: Those that it is chosen by.
        call: The function right around it, as `rate`; empty if none.
        aggregation: The innermost aggregation that it is in, as `max`; empty if none.
        window: Its range; None for an instant vector.
    """

    name: str
    labels: frozenset[str]
    call: str = ""
    aggregation: str = ""
    window: timedelta | None = None


Matched = tuple[str, str, str]
"""A matcher: its label, `=`, `!=`, `=~` or `!~`, and the value as it is compared."""
_OPERATORS = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}


def chosen(expr: str) -> list[frozenset[Matched]]:
    """Return the matchers of every selector of *expr*, its name among them."""
    nodes = _nodes(promql.parse(expr))
    return [_matched(node) for node in nodes if isinstance(node, promql.VectorSelector)]


def shape(expr: str) -> tuple[object, ...]:
    """Return what *expr* does, in its order, whatever the values are that it is asked with."""
    return tuple(_told(node) for node in _nodes(promql.parse(expr)))


def reads(expr: str) -> list[Read]:
    """Return every selector of *expr*; raises ValueError when it does not parse."""
    return list(_reads(promql.parse(expr), "", ""))


def _reads(node: promql.Expr, call: str, aggregation: str) -> Iterator[Read]:
    match node:
        case promql.VectorSelector():
            yield _read(node, call, aggregation, None)
        case promql.MatrixSelector():
            yield _read(node.vector_selector, call, aggregation, node.range)
        case promql.Call():
            for argument in node.args:
                yield from _reads(argument, node.func.name, aggregation)
        case promql.AggregateExpr():
            yield from _reads(node.expr, call, str(node.op))
            if node.param is not None:
                yield from _reads(node.param, call, "")
        case promql.BinaryExpr():
            yield from _reads(node.lhs, call, aggregation)
            # What only chooses among the others is not added up with them.
            chooses = str(node.op) in {"and", "unless"}
            yield from _reads(node.rhs, call, "" if chooses else aggregation)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from _reads(node.expr, call, aggregation)


def _read(
    node: promql.VectorSelector, call: str, aggregation: str, window: timedelta | None
) -> Read:
    matchers = [*node.matchers.matchers, *chain(*node.matchers.or_matchers)]
    name = node.name or next((m.value for m in matchers if m.name == "__name__"), "")
    return Read(name, frozenset(m.name for m in matchers), call, aggregation, window)


def _nodes(node: promql.Expr) -> Iterator[promql.Expr]:
    """Yield a node and all below it, each before what is in it."""
    yield node
    match node:
        case promql.MatrixSelector():
            yield node.vector_selector
        case promql.Call():
            for argument in node.args:
                yield from _nodes(argument)
        case promql.AggregateExpr():
            yield from _nodes(node.expr)
            if node.param is not None:
                yield from _nodes(node.param)
        case promql.BinaryExpr():
            yield from _nodes(node.lhs)
            yield from _nodes(node.rhs)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from _nodes(node.expr)


def _matched(node: promql.VectorSelector) -> frozenset[Matched]:
    assert not node.matchers.or_matchers, "no selector of ours offers a choice"
    found = [(m.name, _OPERATORS[str(m.op)], m.value) for m in node.matchers.matchers]
    return frozenset([*found, ("__name__", "=", node.name)] if node.name else found)


def _told(node: promql.Expr) -> object:
    match node:
        case promql.VectorSelector():
            labels = sorted((m.name, _OPERATORS[str(m.op)]) for m in node.matchers.matchers)
            return node.name, tuple(labels), node.offset is None, node.at is None
        case promql.Call():
            return node.func.name, len(node.args)
        case promql.AggregateExpr():
            return str(node.op), str(node.modifier)
        case promql.BinaryExpr():
            return str(node.op), str(node.modifier)
        case _:
            return type(node).__name__
