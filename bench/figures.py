"""What a bench finds out: declared with its budget, told for a person and kept for `make bench`.

A figure stands beside what it is compared with, taken in the same run: on a shared machine the
ratio says more than the milliseconds.
"""

import json
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

KEPT_IN = "GPUSCOPE_BENCH_FIGURES"
"""The variable of the environment that names the file which figures are added to, a line each."""
_MANY, _SOME = 100, 10
OWN = "own"
"""The source of what gpuscope promises of itself."""


class Of(StrEnum):
    """What a budget bounds."""

    MEASURED = "measured"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound that somebody promised; all of them are in `promises`.

    Attributes:
        promise: What is promised, in a phrase of its own.
        source: Who promised it: the number of a document of the API, or `own` for gpuscope itself.
        limit: In the unit, or of the ratio.
        unit: Of the figures that it is a budget of.
        of: What is bounded.
        least: Whether it is the least there must be; else the most.
        aim: Whether it is what is worked towards; else it is promised.
    """

    promise: str
    source: str
    limit: float
    unit: str
    of: Of = Of.MEASURED
    least: bool = False
    aim: bool = False

    def value(self, measured: float, beside: float | None) -> float | None:
        """Return what is bounded; *beside* is what a measurement is compared with."""
        return measured if self.of is Of.MEASURED else ratio(measured, beside)

    def kept(self, measured: float, beside: float | None) -> bool:
        """Tell whether a measurement is within."""
        value = self.value(measured, beside)
        return value is not None and (value >= self.limit if self.least else value <= self.limit)


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that a script measures, in one or several cases.

    Attributes:
        what: One phrase, unique within the script.
        unit: `ms`, `s`, `requests/s`, `MB`, `KiB`, `%`, `queries`, …
        beside: What it is compared with in the same run; empty = nothing.
        budgets: What bounds every case of it; empty = no one promised anything.
        missed: The physical reason why a run may miss a budget; empty = none may.
    """

    what: str
    unit: str
    beside: str = ""
    budgets: tuple[Budget, ...] = ()
    missed: str = ""

    def __post_init__(self) -> None:
        for budget in self.budgets:
            if budget.unit != self.unit:
                raise ValueError(f"{self.what}: in {self.unit}, its budget in {budget.unit}")
            if budget.of is Of.RATIO and not self.beside:
                raise ValueError(f"{self.what}: a ratio needs something to compare with")

    def tell(self, case: str, measured: float, beside: float | None = None) -> None:
        """Print the figure of one case, and keep it where `make bench` asks for it.

        Args:
            case: What it was measured with, such as a size; unique for the figure.
            measured: In the figure's unit.
            beside: The same of what it is compared with.
        """
        if (beside is None) is bool(self.beside):
            raise ValueError(f"{self.what}: what it is compared with is told iff it is declared")
        told = Told(Path(sys.argv[0]).stem, self.what, case, measured, beside)
        print(f"  {told.line(self)}", flush=True)
        if path := os.environ.get(KEPT_IN):
            with Path(path).open("a") as file:
                file.write(json.dumps(told.kept()) + "\n")


@dataclass(frozen=True, slots=True)
class Told:
    """One measurement of a figure."""

    script: str
    what: str
    case: str
    measured: float
    beside: float | None

    def kept(self) -> dict[str, Any]:
        """Return it as JSON keeps it."""
        return {name: getattr(self, name) for name in self.__slots__}

    def line(self, figure: Figure) -> str:
        """Return what a person reads."""
        words = [f"{self.what}, {self.case}: {shown(self.measured)} {figure.unit}"]
        if self.beside is not None:
            words.append(f"beside {shown(self.beside)} ({figure.beside})")
        if (of_both := ratio(self.measured, self.beside)) is not None:
            words.append(f"ratio {of_both:.2f}")
        words += [
            f"missed: {budget.promise}"
            for budget in figure.budgets
            if not budget.kept(self.measured, self.beside)
        ]
        return "; ".join(words)


def ratio(measured: float, beside: float | None) -> float | None:
    """Return *measured* in units of *beside*; None where there is nothing to compare with."""
    return measured / beside if beside else None


def shown(value: float) -> str:
    """Return a number with as many digits as mean something."""
    if value == int(value) or abs(value) >= _MANY:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= _SOME else f"{value:.2f}"
