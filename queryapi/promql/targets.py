"""What Prometheus tells of its own targets: the question of how services are."""

from collections.abc import Sequence

from queryapi.promql.queries import Query
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher, one_of

PERIOD = "5m"
"""How far back the counts of checks go."""


def targets(jobs: Sequence[str], instances: Sequence[tuple[str, str]]) -> Query:
    """Return the question for the targets of *jobs* and for single *instances* of jobs.

    Its answer has a few series for each, however many targets there are. Label `told` says which:
    `targets` and those `up`, mean scrape `seconds` and the earliest `started` of those that are
    up, `checks` and those `passed` of the last minutes. Of the whole cluster are
    `alertmanagers`, and how many exporters have `lost` their API server, when some have.
    """

    def query(selection: Selection) -> str:
        told = [("alertmanagers", _alertmanagers(selection)), ("lost", _lost(selection))]
        if jobs:
            told += _numbers(selection, ("job",), one_of("job", *jobs))
        if instances:
            of = (one_of("job", *_each(0, instances)), one_of("instance", *_each(1, instances)))
            told += _numbers(selection, ("job", "instance"), *of)
        return " or ".join(
            f'label_replace({expression}, "told", "{name}", "", "")' for name, expression in told
        )

    return query


def _alertmanagers(selection: Selection) -> str:
    return f"max({selection.hardware('prometheus_notifications_alertmanagers_discovered')})"


def _lost(selection: Selection) -> str:
    return f"count({selection.hardware('gpu_exporter_apiserver_up')} == 0)"


def _numbers(
    selection: Selection, labels: tuple[str, ...], *matchers: Matcher
) -> list[tuple[str, str]]:
    by = f"by({','.join(labels)})"
    up = selection.hardware("up", *matchers)
    answered = f"and on(job,instance) {up} == 1"
    seconds = selection.hardware("scrape_duration_seconds", *matchers)
    started = selection.hardware("process_start_time_seconds", *matchers)
    return [
        ("targets", f"count {by} ({up})"),
        ("up", f"sum {by} ({up})"),
        ("seconds", f"avg {by} ({seconds} {answered})"),
        ("started", f"min {by} ({started} {answered})"),
        ("checks", f"sum {by} (count_over_time({up}[{PERIOD}]))"),
        ("passed", f"sum {by} (sum_over_time({up}[{PERIOD}]))"),
    ]


def _each(index: int, pairs: Sequence[tuple[str, str]]) -> list[str]:
    return sorted({pair[index] for pair in pairs})
