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
