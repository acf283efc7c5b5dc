"""Dockerfiles as lists of stages and instructions, as far as rules about them need that."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its name, what it begins from, and its instructions after FROM."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def of(self, instruction: str) -> list[str]:
        """Return what follows each use of an instruction."""
        return [text for word, text in self.steps if word == instruction]


def stages(path: Path) -> tuple[dict[str, str], list[Stage]]:
    """Return the default of each argument before the first stage, and the stages."""
    text = path.read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    arguments: dict[str, str] = {}
    found: list[Stage] = []
    for line in lines:
        if not line or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(name, base))
        elif word == "ARG" and not found:
            name, _, value = rest.partition("=")
            arguments[name] = value
        else:
            found[-1].steps.append((word, rest.strip()))
    return arguments, found
