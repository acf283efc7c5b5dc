"""Panels about the query API: what it is asked, what it asks, and its objectives."""

from typing import Final

from grafana.builders.panels import RATIO, Panel, Step, graph
from grafana.builders.queries import CLUSTER, over_time

_SERVED: Final = f'{CLUSTER}, route!~"/(?:metrics|healthz|readyz)"'


def rate(name: str, by: str, matchers: str = CLUSTER) -> str:
    """Return the growth of a counter per second, added up over processes."""
    return f"sum by ({by}) (rate({name}{{{matchers}}}[$__rate_interval]))"


def quantile(of: str, family: str, by: str, matchers: str = CLUSTER) -> str:
    """Return which seconds such a share of a histogram's observations stays below."""
    return f"histogram_quantile({of}, {rate(f'{family}_bucket', f'le, {by}', matchers)})"


def objectives() -> tuple[Panel, ...]:
    """Return how fast what 30 days allow is used up: 1 is just as fast as is allowed."""
    hour, day = "1h", "1d"
    burns = {
        "Errors of the query API": ("api_errors:rate5m", "api_requests:rate5m", "api_error_ratio"),
        "Slow answers of the query API": (
            "api_slow:rate5m",
            "api_requests:rate5m",
            "api_slow_ratio",
        ),
        "Nodes without fresh readings": (
            "gpu_nodes_unread:count",
            "gpu_nodes_to_read:count",
            "gpu_unread_node_ratio",
        ),
    }

    def burn(part: str, whole: str, budget: str, span: str) -> str:
        return (
            f"avg_over_time(cluster:{part}{{{CLUSTER}}}[{span}])"
            f" / (avg_over_time(cluster:{whole}{{{CLUSTER}}}[{span}]) > 0)"
            f" / scalar(threshold:{budget}:budget)"
        )

    return tuple(
        graph(
            title,
            "How many times as fast as the objective allows, over an hour and over a day.",
            over_time(burn(*names, hour), f"{{{{cluster}}}} {hour}"),
            over_time(burn(*names, day), f"{{{{cluster}}}} {day}"),
            unit="none",
            steps=(Step(1, "orange"), Step(14.4, "red")),
            width=8,
        )
        for title, names in burns.items()
    )


_ASKED: Final = "gpuscope_api_request_duration_seconds"
_FAILED: Final = rate(f"{_ASKED}_count", "cluster", f'{_SERVED}, status=~"5.."')
_EVERY: Final = rate(f"{_ASKED}_count", "cluster", _SERVED)
_READY: Final = rate("gpuscope_api_ready_answers_total", "cluster, outcome")
REQUESTS: Final[tuple[Panel, ...]] = (
    graph(
        "Requests",
        "Per second, by route.",
        over_time(rate(f"{_ASKED}_count", "route", _SERVED), "{{route}}"),
        unit="reqps",
        stacked=True,
    ),
    graph(
        "Request errors",
        "Share of requests that failed through the service's own fault.",
        over_time(f"({_FAILED} or 0 * {_EVERY}) / ({_EVERY} > 0)", "{{cluster}}"),
        unit=RATIO,
    ),
    graph(
        "Request latency",
        "Of all routes: half, 95 and 99 of 100 are faster.",
        *(
            over_time(quantile(of, _ASKED, "cluster", _SERVED), f"{{{{cluster}}}} {name}")
            for of, name in (("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99"))
        ),
        unit="s",
    ),
    graph(
        "Answers that were ready",
        "Of requests for what may be, by whether it was.",
        over_time(_READY, "{{cluster}} {{outcome}}"),
        unit="reqps",
    ),
    graph(
        "Requests in flight",
        "That are being answered, by process.",
        over_time(
            f"sum by (cluster, instance) (gpuscope_api_requests_in_flight{{{CLUSTER}}})",
            "{{instance}}",
        ),
        unit="short",
        width=8,
    ),
    graph(
        "Requests refused",
        "Per second: too many by one client.",
        over_time(rate("gpuscope_api_rate_limited_requests_total", "cluster, route"), "{{route}}"),
        unit="reqps",
        width=8,
    ),
    graph(
        "Callers judged",
        "Per second, by what judged them and how.",
        over_time(
            rate("gpuscope_api_authentications_total", "source, outcome"),
            "{{source}} {{outcome}}",
        ),
        unit="reqps",
        width=8,
    ),
)
"""What clients ask of the query API, and how it answers."""


_QUERY: Final = "gpuscope_api_upstream_query_duration_seconds"
UPSTREAM: Final[tuple[Panel, ...]] = (
    graph(
        "Queries to Prometheus",
        "Per second, by how they ended.",
        over_time(rate(f"{_QUERY}_count", "cluster, outcome"), "{{cluster}} {{outcome}}"),
        unit="reqps",
        width=8,
    ),
    graph(
        "Latency of queries",
        "Retries included: half and 99 of 100 are faster.",
        *(
            over_time(quantile(of, _QUERY, "cluster"), f"{{{{cluster}}}} {name}")
            for of, name in (("0.5", "p50"), ("0.99", "p99"))
        ),
        unit="s",
        width=8,
    ),
    graph(
        "Replicas that are left alone",
        "1 for a Prometheus that failed again and again.",
        over_time(
            f"max by (cluster, replica) (gpuscope_api_upstream_open{{{CLUSTER}}})",
            "{{cluster}} {{replica}}",
        ),
        unit="bool",
        width=8,
    ),
    graph(
        "Parts of snapshots",
        "That answers were made of, per second, by how they were had.",
        over_time(
            rate("gpuscope_api_snapshot_part_requests_total", "part, outcome"),
            "{{part}} {{outcome}}",
        ),
        unit="cps",
        width=8,
    ),
    graph(
        "Looks at services",
        "Half of the looks of /health are faster, by outcome.",
        over_time(quantile("0.5", "gpuscope_api_look_duration_seconds", "outcome"), "{{outcome}}"),
        unit="s",
        width=8,
    ),
    graph(
        "Looks at pools",
        "Per second, by outcome.",
        over_time(
            rate("gpuscope_api_pool_looks_total", "cluster, outcome"),
            "{{cluster}} {{outcome}}",
        ),
        unit="cps",
        width=8,
    ),
    graph(
        "Database and Redis",
        "1 when it answered the last time.",
        over_time(
            f"min by (instance) (gpuscope_api_database_up{{{CLUSTER}}})",
            "database of {{instance}}",
        ),
        over_time(
            f"min by (instance) (gpuscope_api_shared_up{{{CLUSTER}}})", "Redis of {{instance}}"
        ),
        unit="bool",
        width=8,
    ),
    graph(
        "Uses of the database",
        "Per second, by kind and outcome.",
        over_time(
            rate("gpuscope_api_database_transactions_total", "kind, outcome"),
            "{{kind}} {{outcome}}",
        ),
        unit="cps",
        width=8,
    ),
    graph(
        "Reports of jobs",
        "Taken in per second, by outcome.",
        over_time(rate("gpuscope_api_job_reports_total", "outcome"), "{{outcome}}"),
        unit="cps",
        width=8,
    ),
)
"""What the query API asks of Prometheus, Redis and its database."""
