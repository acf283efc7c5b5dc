"""What a part of a snapshot is: a question, the shape of its answer, the moment it is read at."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

import msgspec

from queryapi.cache.windows import Key
from queryapi.promql.values import Sample

T = TypeVar("T")


class Moment(Enum):
    """Which moment a part is read at."""

    NOW = "when the window was opened"
    # Rules are committed one by one: only a complete evaluation's values belong together.
    EVALUATION = "the newest complete evaluation of the rules"
    # Rules record what an earlier scrape said. The raw series of that same scrape agree with them.
    SCRAPE = "the scrape that this evaluation saw"


@dataclass(frozen=True, slots=True, eq=False)
class Part(Generic[T]):
    """One part of a snapshot.

    Args:
        name: What it is called in metrics and in keys.
        kind: The type of its value, for other processes.
        query: Its question, by a selection and the value of *about*, if there is one; empty = the
            answer is known to be empty.
        shape: Makes the value of the samples, which it goes over once.
        moment: The moment it is read at.
        tidy: Makes a value that came from another process as small as one of our own.
        about: A part that is read before, at the same moment: what this one is about.
    """

    name: str
    kind: Any
    query: Callable[..., str]
    shape: Callable[[Iterable[Sample]], T]
    moment: Moment = Moment.EVALUATION
    tidy: Callable[[T], T] | None = None
    about: "Part[Any] | None" = None

    @property
    def key(self) -> Key["Reading[T]"]:
        """The name under which a window holds it."""
        return Key(self.name)


class Reading(msgspec.Struct, Generic[T], frozen=True):
    """A part as it was read.

    Args:
        value: What was read.
        replica: Which replica of Prometheus told it.
        warnings: What Prometheus says may be missing from it.
    """

    value: T
    replica: int
    warnings: tuple[str, ...] = ()
