"""A number now and a period before: the same expression over two short windows, in one question.

What an operator has configured is any PromQL: `offset` after a subquery shifts the whole of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from queryapi.promql.queries import Query
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, one_of
from queryapi.promql.values import Sample

WINDOW_SECONDS = 300
STEP_SECONDS = 15
EXPECTED = WINDOW_SECONDS / STEP_SECONDS
"""Samples of a window without gaps."""

# The label that tells the four numbers apart.
TOLD = "gpuscope_told"
NOW, BEFORE = "now", "before"
MEAN, SAMPLES = "mean", "samples"

UP, WELL, MILLISECONDS, ALERTMANAGERS = "up", "well", "milliseconds", "alertmanagers"


@dataclass(frozen=True, slots=True)
class Kin:
    """Targets that are well by the same share.

    Args:
        min_up: The share that must be up.
        jobs: Scrape jobs of which all targets count.
        instances: Single targets: a job and an instance each.
    """

    min_up: float
    jobs: Sequence[str] = ()
    instances: Sequence[tuple[str, str]] = ()


def compared(expression: str, seconds: int) -> str:
    """Return the question for the means and the samples of an expression, now and before.

    Args:
        expression: PromQL whose result is an instant vector, as the operator wrote it.
        seconds: The period.
    """
    return " or ".join(_sides(expression + "\n", seconds))


def compared_targets(kin: Sequence[Kin], seconds: int) -> Query:
    """Return the question for how targets were, now and *seconds* before.

    Each series carries a name, see told: `up` is the share of targets that were up, `well` the
    share of the time in which enough of them were, `milliseconds` the mean scrape of those that
    were up; the last two with the index of their kin. `alertmanagers` is of the whole cluster: the
    share of the time in which Prometheus sent to one.
    """

    def query(selection: Selection) -> str:
        found = selection.hardware("prometheus_notifications_alertmanagers_discovered")
        parts = list(_sides(f"max({found}) > bool 0", seconds, ALERTMANAGERS))
        for index, each in enumerate(kin):
            for labels, matchers in _targets(each):
                for name, expression in _shares(selection, each.min_up, labels, matchers):
                    parts += _sides(expression, seconds, f"{name} {index}")
        return " or ".join(parts)

    return query


def told(sample: Sample) -> tuple[str, str, str]:
    """Return which side a sample is of, what it says of it, and the name of the number."""
    side, _, rest = sample.label(TOLD).partition(" ")
    what, _, name = rest.partition(" ")
    return side, what, name


def _sides(expression: str, seconds: int, name: str = "") -> Iterator[str]:
    window = f"({expression})[{WINDOW_SECONDS}s:{STEP_SECONDS}s]"
    for side, shift in ((NOW, ""), (BEFORE, f" offset {seconds}s")):
        for what, function in ((MEAN, "avg_over_time"), (SAMPLES, "count_over_time")):
            label = f"{side} {what} {name}".rstrip()
            yield f'label_replace({function}({window}{shift}), "{TOLD}", "{label}", "", "")'


def _targets(kin: Kin) -> Iterator[tuple[str, tuple[Matcher, ...]]]:
    if kin.jobs:
        yield "job", (one_of("job", *sorted(set(kin.jobs))),)
    if kin.instances:
        jobs, instances = (sorted(set(names)) for names in zip(*kin.instances, strict=True))
        yield "job,instance", (one_of("job", *jobs), one_of("instance", *instances))


def _shares(
    selection: Selection, min_up: float, labels: str, matchers: tuple[Matcher, ...]
) -> Iterator[tuple[str, str]]:
    up = selection.hardware("up", *matchers)
    took = selection.hardware("scrape_duration_seconds", *matchers)
    share = f"sum by({labels}) ({up}) / count by({labels}) ({up})"
    yield UP, share
    yield WELL, f"{share} >= bool {min_up}"
    yield MILLISECONDS, f"avg by({labels}) ({took} and on(job,instance) {up} == 1) * 1000"
