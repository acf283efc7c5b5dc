"""What was found about a model, as a page."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import pynvml

from exporter.node.asking import Versions
from exporter.node.fields import ALL_LINKS
from exporter.node.page.wording import ranges
from tools.hardware.recording import Answers, Question, Recording

_NO_FUNCTION = 13


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a model.

    Args:
        model: Its name.
        versions: Of the driver.
        runs: How often everything was asked.
        recording: What was asked and answered.
        families: How many series each family of a scrape has.
        failed: What collectors failed with.
        facts: What else is worth knowing, by name.
    """

    model: str
    versions: Versions
    runs: int
    recording: Recording
    families: dict[str, int]
    failed: tuple[str, ...]
    facts: dict[str, str]


def page(found: Found) -> str:
    """Return what is found as a page."""
    versions = found.versions
    facts = {
        "driver": versions.driver,
        "NVML": versions.nvml,
        "CUDA": versions.cuda,
        **found.facts,
        "runs": str(found.runs),
    }
    failed = [f"- {each}" for each in found.failed] or ["None."]
    families = [f"| `{name}` | {count} |" for name, count in sorted(found.families.items())]
    lines = [
        f"# {found.model}\n",
        "What the driver answered to all that the collectors ask, written by",
        "`python -m tools.hardware` ([how to read it](README.md)).\n",
        "| | |\n|---|---|",
        *(f"| {name} | {text} |" for name, text in facts.items()),
        "\n## Calls\n",
        *_table("call", found.recording.calls, "ms", 1e3),
        "\n## Fields\n",
        *_table("field, scope", found.recording.fields, "µs", 1e6),
        "\n## Families of a scrape\n\n| family | series |\n|---|---|",
        *families,
        "\n## Collectors that failed\n",
        *failed,
    ]
    return "\n".join(lines) + "\n"


def _table(title: str, asked: dict[Question, Answers], unit: str, scale: float) -> Iterator[str]:
    """Yield lines; what differs in its last number alone and was answered alike is one row."""
    yield f"| {title} | answers | p50 ({unit}) | max ({unit}) |\n|---|---|---|---|"
    rows: dict[tuple[Question, str], list[Question]] = {}
    for question in sorted(asked, key=lambda each: (str(each[0]), each[1:])):
        rows.setdefault((question[:-1] or question, _codes(asked[question])), []).append(question)
    for (stem, codes), questions in rows.items():
        seconds = [each for question in questions for each in asked[question].seconds]
        last = [ranges(int(question[-1]) for question in questions)] if questions[0][1:] else []
        words = " ".join((*map(str, stem), *last)).replace(str(ALL_LINKS), "all")
        middle, longest = scale * statistics.median(seconds), scale * max(seconds)
        yield f"| `{words}` | {codes} | {middle:.3f} | {longest:.3f} |"


def _codes(answers: Answers) -> str:
    words = ", ".join(_word(code) for code in sorted(answers.codes))
    return f"{words}, {answers.kind}" if answers.kind else words


def _word(code: int) -> str:
    if code in (0, _NO_FUNCTION):
        return {0: "ok"}.get(code, "no such function")
    names = (
        name.removeprefix("NVML_ERROR_").lower()
        for name, value in vars(pynvml).items()
        if name.startswith("NVML_ERROR_") and value == code
    )
    return f"{next(names, '?')} ({code})"
