"""Many of a kind in few words: for people who read the landing page."""

from collections.abc import Iterable, Sequence


def ranges(numbers: Iterable[int]) -> str:
    """Return numbers in ascending order, neighbours as 2-5."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join("-".join(dict.fromkeys(map(str, (run[0], run[-1])))) for run in runs)


def folded(questions: Sequence[str]) -> str:
    """Return questions, those that differ in their last number alone as one: `ENERGY 1-2`."""
    stems: dict[str, list[int]] = {}
    for question in questions:
        stem, _, last = question.rpartition(" ")
        if last.isdecimal():
            stems.setdefault(stem, []).append(int(last))
        else:
            stems.setdefault(question, [])
    return ", ".join(
        f"{stem} {ranges(numbers)}" if numbers else stem for stem, numbers in stems.items()
    )
