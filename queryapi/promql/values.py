"""What Prometheus answers, typed: https://prometheus.io/docs/prometheus/latest/querying/api/."""

from typing import Annotated, Literal

import msgspec

# Go's strconv.FormatFloat: a text that passes here is one that float() accepts.
_NUMBER = r"^(NaN|[+-]?Inf|-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?)$"


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One element of an instant vector: labels, `__name__` included, and (time, value)."""

    metric: dict[str, str]
    point: tuple[float, Annotated[str, msgspec.Meta(pattern=_NUMBER)]] = msgspec.field(name="value")

    @property
    def name(self) -> str:
        """The metric name; empty for the result of an operation."""
        return self.metric.get("__name__", "")

    @property
    def value(self) -> float:
        """The value; NaN and infinities are possible."""
        return float(self.point[1])

    def label(self, name: str) -> str:
        """Return a label's value; PromQL does not tell an absent label from an empty one."""
        return self.metric.get(name, "")


Vector = tuple[Sample, ...]


class VectorData(msgspec.Struct, frozen=True):
    """The data of an instant query that returns a vector."""

    kind: Literal["vector"] = msgspec.field(name="resultType")
    result: Vector


class Success(msgspec.Struct, frozen=True):
    """An answer; warnings mean that something may be missing from it."""

    status: Literal["success"]
    data: VectorData
    warnings: tuple[str, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """Prometheus' own words about why there is no answer."""

    kind: str = msgspec.field(name="errorType")
    error: str = ""
