"""Every metric that rules, dashboards and pages may read, by who publishes it."""

from functools import cache
from typing import Any, Final

import yaml
from prometheus_client import CollectorRegistry

from demo.stack import ROOT
from exporter.catalogue import CATALOGUE, Kind
from queryapi.telemetry.jobpage import FAMILIES, JOBS, LEFT_OUT
from queryapi.telemetry.metrics import Metrics, StreamMetrics

RULE_FILES: Final = sorted((ROOT / "prometheus").rglob("*.yml"))
_HISTOGRAM: Final = ("_bucket", "_count", "_sum")

OTHERS: Final = {
    "ALERTS",
    "ALERTS_FOR_STATE",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "prometheus_notifications_dropped_total",
    "prometheus_notifications_errors_total",
    "prometheus_notifications_sent_total",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_rule_group_interval_seconds",
    "prometheus_rule_group_iterations_missed_total",
    "prometheus_rule_group_last_duration_seconds",
    "prometheus_tsdb_head_series",
    "prometheus_tsdb_storage_blocks_bytes",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "up",
}
"""What dashboards read of Prometheus itself, of its targets, and of processes."""


@cache
def groups() -> list[dict[str, Any]]:
    """Return the groups of all rules and alerts."""
    # The loader in C: ten times as fast. Tests of rules are longer than the rules and have none.
    texts = (path.read_text() for path in RULE_FILES)
    contents = (yaml.load(text, yaml.CSafeLoader) for text in texts if "\ngroups:" in f"\n{text}")
    return [group for content in contents if "groups" in content for group in content["groups"]]


def recorded() -> set[str]:
    """Return the names that rules record."""
    return {rule["record"] for group in groups() for rule in group["rules"] if "record" in rule}


def published() -> set[str]:
    """Return the names of exporters' samples, those of histograms in their three forms."""
    return {
        name
        for family in CATALOGUE
        for name in (
            [family.name + suffix for suffix in _HISTOGRAM]
            if family.kind is Kind.HISTOGRAM
            else [family.name]
        )
    }


def of_the_query_api() -> set[str]:
    """Return the names of what the query API's two processes tell of themselves and of jobs."""
    metrics, stream = Metrics("0"), StreamMetrics("0")
    _ = (metrics.sharing, metrics.storing, metrics.ingesting, metrics.keeping, metrics.observing)
    return _samples(metrics._registry) | _samples(stream._registry) | of_jobs()


def of_jobs() -> set[str]:
    """Return the names of what the query API tells of jobs."""
    return {family.name for family in FAMILIES} | {JOBS[0], LEFT_OUT[0]}


def _samples(registry: CollectorRegistry) -> set[str]:
    names = set()
    for family in registry.collect():
        if family.type == "histogram":
            names |= {family.name + suffix for suffix in _HISTOGRAM}
        else:
            names.add(family.name + ("_total" if family.type == "counter" else ""))
    return names
