"""Panels about the process for WebSockets and about Prometheus."""

from typing import Final

from grafana.builders.boards.health_services import quantile, rate
from grafana.builders.panels import RATIO, Panel, graph
from grafana.builders.queries import CLUSTER, over_time

STREAM: Final[tuple[Panel, ...]] = (
    graph(
        "WebSocket clients",
        "Connected, and the jobs that they follow.",
        over_time(
            f"sum by (instance) (gpuscope_stream_clients{{{CLUSTER}}})", "{{instance}} clients"
        ),
        over_time(
            f"sum by (instance) (gpuscope_stream_subscriptions{{{CLUSTER}}})",
            "{{instance}} subscriptions",
        ),
        unit="short",
        width=8,
    ),
    graph(
        "Messages",
        "To clients per second: sent, and replaced by newer ones before.",
        over_time(rate("gpuscope_stream_messages_sent_total", "instance"), "{{instance}} sent"),
        over_time(
            rate("gpuscope_stream_messages_skipped_total", "instance"), "{{instance}} replaced"
        ),
        over_time(
            rate("gpuscope_stream_frames_sent_total", "instance"),
            "{{instance}} frames of jobs",
        ),
        unit="cps",
        width=8,
    ),
    graph(
        "Delivery",
        "From what a job's frame tells of to its sending.",
        *(
            over_time(
                quantile(of, "gpuscope_stream_delivery_seconds", "cluster"),
                f"{{{{cluster}}}} {name}",
            )
            for of, name in (("0.5", "p50"), ("0.99", "p99"))
        ),
        unit="s",
        width=8,
    ),
    graph(
        "Feeds",
        "Questions to the query API per second, by outcome.",
        over_time(rate("gpuscope_stream_poll_duration_seconds_count", "outcome"), "{{outcome}}"),
        unit="reqps",
        width=8,
    ),
    graph(
        "WebSockets that ended",
        "Per second, by close code; 1006 = cut off.",
        over_time(rate("gpuscope_stream_closed_total", "code"), "{{code}}"),
        unit="cps",
        width=8,
    ),
    graph(
        "Subscriptions behind",
        "Whose client has not taken all there is.",
        over_time(f"sum by (instance) (gpuscope_stream_behind{{{CLUSTER}}})", "{{instance}}"),
        unit="short",
        width=8,
    ),
)
"""Who is connected by WebSocket, and how fast they are told."""


_GROUP: Final = "prometheus_rule_group"
_SHARE: Final = (
    f"max by (rule_group) ({_GROUP}_last_duration_seconds{{{CLUSTER}}}"
    f" / {_GROUP}_interval_seconds{{{CLUSTER}}})"
)
STORES: Final[tuple[Panel, ...]] = (
    graph(
        "Rule evaluation",
        "Of each group's interval, the share that its evaluation takes.",
        over_time(f'label_replace({_SHARE}, "group", "$1", "rule_group", ".*;(.*)")', "{{group}}"),
        unit=RATIO,
        width=8,
    ),
    graph(
        "Rules that fail or are left out",
        "Per second: evaluations that failed, and groups whose turn was missed.",
        over_time(
            rate("prometheus_rule_evaluation_failures_total", "rule_group"),
            "failed {{rule_group}}",
        ),
        over_time(rate(f"{_GROUP}_iterations_missed_total", "rule_group"), "missed {{rule_group}}"),
        unit="cps",
        width=8,
    ),
    graph(
        "Notifications",
        "Alerts to Alertmanagers per second: sent, with errors, dropped.",
        over_time(
            rate("prometheus_notifications_sent_total", "instance, alertmanager"),
            "sent {{alertmanager}}",
        ),
        over_time(
            rate("prometheus_notifications_errors_total", "instance, alertmanager"),
            "errors {{alertmanager}}",
        ),
        over_time(rate("prometheus_notifications_dropped_total", "instance"), "dropped"),
        unit="cps",
        width=8,
    ),
    graph(
        "Series",
        "In Prometheus' memory.",
        over_time(f"max by (instance) (prometheus_tsdb_head_series{{{CLUSTER}}})", "{{instance}}"),
        unit="short",
        width=8,
    ),
    graph(
        "Samples scraped",
        "By each scrape job at a time.",
        over_time(f"sum by (job) (scrape_samples_scraped{{{CLUSTER}}})", "{{job}}"),
        unit="short",
        stacked=True,
        width=8,
    ),
    graph(
        "Disk of Prometheus",
        "Blocks that are written.",
        over_time(
            f"max by (instance) (prometheus_tsdb_storage_blocks_bytes{{{CLUSTER}}})",
            "{{instance}}",
        ),
        unit="bytes",
        width=8,
    ),
)
"""How Prometheus does: rules, notifications, size."""
