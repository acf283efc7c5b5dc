"""What the last runs measured, script by script: bench/measured.json."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from declared import HERE, Script
from figures import Told

MEASURED = HERE / "measured.json"


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a script measured, where and how."""

    machine: str
    options: tuple[str, ...]
    told: tuple[Told, ...]

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Run":
        """Read one as JSON keeps it."""
        told = tuple(Told(**each) for each in kept["told"])
        return cls(kept["machine"], tuple(kept["options"]), told)

    def kept(self) -> dict[str, Any]:
        """Return it as JSON keeps it."""
        told = [each.kept() for each in self.told]
        return {"machine": self.machine, "options": list(self.options), "told": told}

    def faults(self, script: Script) -> Iterator[str]:
        """Tell what of a script's declarations it does not bear out."""
        declared = {each.what: each for each in script.figures}
        told = {each.what for each in self.told}
        for what in declared:
            if what not in told:
                yield f"{script.name}: “{what}” was not measured"
        for each in self.told:
            figure = declared.get(each.what)
            if figure is None:
                yield f"{script.name}: “{each.what}” was measured and is not declared"
            elif not figure.missed and not all(
                budget.kept(each.measured, each.beside) for budget in figure.budgets
            ):
                case = f"“{each.what}, {each.case}”"
                yield f"{script.name}: {case} misses its budget without a reason"


def runs(path: Path = MEASURED) -> dict[str, Run]:
    """Return the last run of each script that was ever run."""
    if not path.exists():
        return {}
    return {name: Run.of(kept) for name, kept in json.loads(path.read_text()).items()}


def keep(found: Mapping[str, Run], path: Path = MEASURED) -> None:
    """Write the last run of each script."""
    told = {name: found[name].kept() for name in sorted(found)}
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
