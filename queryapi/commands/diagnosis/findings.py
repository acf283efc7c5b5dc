"""What was found out about a Prometheus, in words for an operator."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec


class Level(StrEnum):
    """Whether something is to be done."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; `told` says what it is like and, if need be, what to do."""

    level: Level
    subject: str
    told: str


class Diagnosis(msgspec.Struct, frozen=True):
    """All that was found of one cluster at one Prometheus."""

    cluster: str
    url: str
    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        """Whether there is no problem."""
        return all(finding.level is not Level.PROBLEM for finding in self.findings)


class Report(msgspec.Struct, frozen=True):
    """Every cluster that was looked at; what `--json` prints."""

    well: bool
    diagnoses: tuple[Diagnosis, ...]


def report(diagnoses: Sequence[Diagnosis]) -> Report:
    """Return the report of *diagnoses*."""
    return Report(all(diagnosis.well for diagnosis in diagnoses), tuple(diagnoses))


def text(told: Report) -> str:
    """Return the report as lines for a person; what Prometheus said cannot steer a terminal.

    What is to be done about several things is said once.
    """
    lines: list[str] = []
    problems = 0
    for diagnosis in told.diagnoses:
        lines.append(f"cluster {diagnosis.cluster}, {diagnosis.url}")
        for (level, said), subjects in _grouped(diagnosis.findings):
            problems += level is Level.PROBLEM
            lines.append(f"  {level:<8} {', '.join(subjects)}: {said}")
    lines.append("all is well" if told.well else f"problems: {problems}")
    return "".join(f"{_printable(line)}\n" for line in lines)


def _grouped(findings: Sequence[Finding]) -> Iterable[tuple[tuple[Level, str], list[str]]]:
    """Return the subjects of each sentence, in the order in which it comes up first.

    Of what is well each has its line.
    """
    groups: dict[tuple[Level, str, str], list[str]] = {}
    for finding in findings:
        own = finding.subject if finding.level is Level.OK else ""
        groups.setdefault((finding.level, finding.told, own), []).append(finding.subject)
    return (((level, said), subjects) for (level, said, _), subjects in groups.items())


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in line)
