"""What Prometheus answers, typed: https://prometheus.io/docs/prometheus/latest/querying/api/."""

from collections.abc import Iterator
from typing import Generic, Literal, TypeVar

import msgspec

# Numbers come as texts, as Go's strconv.FormatFloat writes them. A decoder that is not strict
# reads all of them but this one.
Value = float | Literal["+Inf"]
Point = tuple[float, Value]


class Element(msgspec.Struct, frozen=True, gc=False):
    """What every element of an answer has: labels, `__name__` included."""

    metric: dict[str, str]

    @property
    def name(self) -> str:
        """The metric name; empty for the result of an operation."""
        return self.metric.get("__name__", "")

    def label(self, name: str) -> str:
        """Return a label's value; PromQL does not tell an absent label from an empty one."""
        return self.metric.get(name, "")


class Sample(Element, frozen=True, gc=False):
    """One element of an instant vector: labels and (time, value)."""

    point: Point = msgspec.field(name="value")

    @property
    def value(self) -> float:
        """The value; NaN and infinities are possible."""
        return float(self.point[1])


class Series(Element, frozen=True, gc=False):
    """One element of a range: labels, and its points in order; a gap is no point."""

    values: tuple[Point, ...]

    def points(self) -> Iterator[tuple[float, float]]:
        """Return (Unix time, value) of each point."""
        return ((at, float(value)) for at, value in self.values)


E = TypeVar("E", bound=Element)
Vector = tuple[Sample, ...]
Matrix = tuple[Series, ...]


class Data(msgspec.Struct, Generic[E], frozen=True):
    """The data of an answer."""

    kind: Literal["vector", "matrix"] = msgspec.field(name="resultType")
    result: list[E]


class Success(msgspec.Struct, Generic[E], frozen=True):
    """A whole answer.

    Warnings mean that something may be missing from it. VictoriaMetrics has none and says
    `isPartial` instead; some servers write null for none.
    """

    status: Literal["success"]
    data: Data[E]
    warnings: tuple[str, ...] | None = None
    infos: tuple[str, ...] | None = None
    partial: bool | None = msgspec.field(name="isPartial", default=None)


class Failure(msgspec.Struct, frozen=True):
    """Prometheus' own words about why there is no answer."""

    kind: str = msgspec.field(name="errorType")
    error: str = ""
