"""The page of all figures, docs/performance.md: what scripts declare, and what was measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import promises
from declared import HERE, SUBJECTS, Script
from figures import Budget, Figure, Of, Told, ratio, shown
from measured import Run

PAGE = HERE.parent / "docs" / "performance.md"
_HEAD = """<!-- Written by `make bench`, of what the scripts of bench/ declare and measured. -->
# Performance

Each figure stands beside what it is compared with, taken in the same run: on a shared machine the
ratio says more than the milliseconds. `make bench` measures all of it anew in some 25 minutes,
`.venv/bin/python bench --only SCRIPT …` a few, and each script takes options for other sizes.

Budgets are gpuscope's own, or promised by one of the documents 000 to 004 of its APIs. One that is
missed says why in its section. A section's first line names the machine: figures that were taken at
a load of 10 and more, or at 23 ms for a million additions, tell by their ratios only. On the same
machine, idle, those take 12 ms.
"""
_ELSEWHERE = """Numbers of the documents that are no speed and no size:

| of | promised | held by |
|---|---|---|"""


def text(declared: Sequence[Script], found: Mapping[str, Run]) -> str:
    """Return the page."""
    by_name = {script.name: script for script in declared}
    parts = [_HEAD, _budgets(declared, found)]
    for subject, names in SUBJECTS.items():
        parts.append(f"## {subject}\n")
        parts += [_section(by_name[name], found.get(name)) for name in names if name in by_name]
    return "\n".join(parts)


def faults(declared: Sequence[Script], found: Mapping[str, Run]) -> list[str]:
    """Tell what is wrong with the page as it is, and with what was measured."""
    wrong = [
        fault
        for script in declared
        for fault in (
            found[script.name].faults(script)
            if script.name in found
            else [f"{script.name}: has not been run"]
        )
    ]
    if not PAGE.exists() or PAGE.read_text() != text(declared, found):
        wrong.append(f"{PAGE.name} is not what the scripts declare: .venv/bin/python bench --page")
    return wrong


# --- all budgets ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bounded:
    """A measurement that a budget bounds."""

    script: Script
    told: Told
    value: float | None


def _budgets(declared: Sequence[Script], found: Mapping[str, Run]) -> str:
    rows = ["## Budgets\n", "| promised | of | budget | measured | |", "|---|---|---|---|---|"]
    rows += [_promise(budget, list(_bounded(budget, declared, found))) for budget in promises.ALL]
    rows += ["", _ELSEWHERE]
    rows += [f"| {' | '.join(each)} |" for each in promises.ELSEWHERE]
    return "\n".join([*rows, ""])


def _bounded(
    budget: Budget, declared: Sequence[Script], found: Mapping[str, Run]
) -> Iterator[_Bounded]:
    for script in declared:
        of = {figure.what for figure in script.figures if budget in figure.budgets}
        for told in found[script.name].told if script.name in found else ():
            if told.what in of:
                yield _Bounded(script, told, budget.value(told.measured, told.beside))


def _promise(budget: Budget, bounded: Sequence[_Bounded]) -> str:
    """Return the row of a budget, with what is worst of all that it bounds."""
    known = [(each.value, each) for each in bounded if each.value is not None]
    measured, verdict = "", "not measured"
    if known:
        choose = min if budget.least else max
        value, worst = choose(known, key=lambda each: each[0])
        script = worst.script
        link = f"[{worst.told.case}](#{_anchor(script.about)})"
        measured = f"{_in_its_unit(budget, value)}: {link}"
        kept = all(budget.kept(each.told.measured, each.told.beside) for each in bounded)
        verdict = "kept" if kept else "**missed**"
    return f"| {budget.promise} | {budget.source} | {_bound(budget)} | {measured} | {verdict} |"


def _anchor(title: str) -> str:
    """Return the link of a heading, as GitHub makes it."""
    kept = (char for char in title.lower() if char.isalnum() or char in " -_")
    return "".join(kept).replace(" ", "-")


# --- a script ------------------------------------------------------------------------------------


def _section(script: Script, run: Run | None) -> str:
    rows = [f"### {script.about.removesuffix('.')}\n"]
    if run is None:
        rows.append(f"`bench/{script.name}.py` has not been run.\n")
        return "\n".join(rows)
    command = " ".join([f"bench/{script.name}.py", *run.options])
    rows.append(f"`{command}` on {run.machine}.\n")
    rows.append("| figure | case | measured | beside | ratio | budget |")
    rows.append("|---|---|---|---|---|---|")
    rows += [
        _row(figure, told)
        for figure in script.figures
        for told in run.told
        if told.what == figure.what
    ]
    reasons = [f"- {each.what}: {each.missed}" for each in script.figures if _missed(each, run)]
    notes = [f"- {note}" for note in script.notes]
    return "\n".join([*rows, "", *reasons, *notes, *([""] if reasons or notes else [])])


def _missed(figure: Figure, run: Run) -> bool:
    return any(
        not budget.kept(told.measured, told.beside)
        for told in run.told
        if told.what == figure.what
        for budget in figure.budgets
    )


def _row(figure: Figure, told: Told) -> str:
    beside = "" if told.beside is None else f"{shown(told.beside)} {figure.unit}, {figure.beside}"
    of_both = ratio(told.measured, told.beside)
    cells = (
        figure.what,
        told.case,
        f"{shown(told.measured)} {figure.unit}",
        beside,
        "" if of_both is None else f"{of_both:.2f}",
        "; ".join(_verdict(budget, told) for budget in figure.budgets),
    )
    return f"| {' | '.join(cells)} |"


def _verdict(budget: Budget, told: Told) -> str:
    kept = budget.kept(told.measured, told.beside)
    return f"{_bound(budget)}: {'kept' if kept else '**missed**'}"


def _bound(budget: Budget) -> str:
    words = f"{'≥' if budget.least else '≤'} {_in_its_unit(budget, budget.limit)}"
    return f"aim {words}" if budget.aim else words


def _in_its_unit(budget: Budget, value: float) -> str:
    return f"{shown(value)} {budget.unit}" if budget.of is Of.MEASURED else f"{value:.2f} times"
