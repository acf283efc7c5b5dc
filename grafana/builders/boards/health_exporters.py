"""Panels about the exporters: whether they are up, how old their readings are, what they cost."""

from typing import Final

from grafana.builders import links
from grafana.builders.panels import RATIO, Panel, Step, bars, graph, number
from grafana.builders.queries import CLUSTER, now, over_time

_MOST: Final = 10
_WORST: Final = f"The {_MOST} largest."
_WATCHED: Final = f'{CLUSTER}, job=~"gpu-node|gpu-cluster"'


def _rate(name: str, by: str) -> str:
    return f"sum by ({by}) (rate({name}{{{CLUSTER}}}[$__rate_interval]))"


_FRESH: Final = f"cluster:gpu_state_timestamp_seconds:min{{{CLUSTER}}}"
AVAILABILITY: Final[tuple[Panel, ...]] = (
    number(
        "Exporters up",
        "Node and cluster exporters that Prometheus can scrape.",
        now(f"sum(up{{{_WATCHED}}})"),
        unit="short",
    ),
    number(
        "Exporters down",
        "Those that it cannot: what they publish is missing everywhere.",
        now(f"sum(1 - up{{{_WATCHED}}})"),
        unit="short",
        steps=(Step(1, "red"),),
    ),
    number(
        "Services down",
        "Processes of the query API and for WebSockets.",
        now(f'sum(1 - up{{{CLUSTER}, job=~"gpuscope-api|gpuscope-stream"}})'),
        unit="short",
        steps=(Step(1, "red"),),
    ),
    number(
        "Age of the cluster's state",
        "Until when Kubernetes' objects are known to be true.",
        now(f"time() - min({_FRESH})"),
        unit="s",
        steps=(Step(60, "orange"), Step(120, "red")),
    ),
    number(
        "Oldest reading",
        "Of any device that is up and any group of values.",
        now(f"time() - min(gpu_last_reading_timestamp_seconds{{{CLUSTER}}})"),
        unit="s",
        steps=(Step(120, "orange"), Step(300, "red")),
    ),
    number(
        "Stuck calls",
        "Calls into the driver that do not return.",
        now(f"sum(gpu_exporter_stuck_calls{{{CLUSTER}}})"),
        unit="short",
        steps=(Step(1, "red"),),
    ),
    graph(
        "Targets up",
        "Of each scrape job, the share that answers.",
        over_time(f"avg by (cluster, job) (up{{{CLUSTER}}})", "{{cluster}} {{job}}"),
        unit=RATIO,
    ),
    graph(
        "Scrape duration",
        f"Of each target, as Prometheus has it. {_WORST}",
        over_time(f"topk({_MOST}, scrape_duration_seconds{{{CLUSTER}}})", "{{job}} {{instance}}"),
        unit="s",
    ),
)
"""What one looks at first: is anything down, or old."""


_AGE: Final = f"time() - min by (cluster, group) (gpu_last_reading_timestamp_seconds{{{CLUSTER}}})"
_BEHIND: Final = f"time() - gpu_exporter_last_collection_timestamp_seconds{{{CLUSTER}}}"
_GAPS: Final = f"1 - avg by (cluster, job) (avg_over_time(up{{{_WATCHED}}}[$__rate_interval]))"
READINGS: Final[tuple[Panel, ...]] = (
    graph(
        "Age of readings by group",
        "Of the device that was read longest ago.",
        over_time(_AGE, "{{cluster}} {{group}}"),
        unit="s",
    ),
    graph(
        "Age of collections by node",
        f"Since the last complete one. {_WORST}",
        over_time(f"topk({_MOST}, {_BEHIND})", "{{node}}"),
        unit="s",
        links=(links.LINE_NODE,),
    ),
    graph(
        "Collections that overran",
        "Per second; the next one began late.",
        over_time(
            f"topk({_MOST}, {_rate('gpu_exporter_collections_overrun_total', 'cluster, node')})",
            "{{node}}",
        ),
        unit="cps",
        links=(links.LINE_NODE,),
    ),
    graph(
        "Sample gaps",
        "Share of scrapes that brought nothing.",
        over_time(_GAPS, "{{cluster}} {{job}}"),
        unit=RATIO,
    ),
    graph(
        "Readings skipped and calls given up",
        "Per second: an earlier call into the device had not returned.",
        over_time(_rate("gpu_exporter_readings_skipped_total", "cluster"), "{{cluster}} skipped"),
        over_time(_rate("gpu_exporter_abandoned_calls_total", "cluster"), "{{cluster}} given up"),
        unit="cps",
    ),
    graph(
        "Errors of the driver",
        "Per second, by NVML's word for why.",
        over_time(
            _rate("gpu_exporter_driver_errors_total", "cluster, function, error"),
            "{{function}} {{error}}",
        ),
        unit="cps",
    ),
)
"""How fresh and how whole what node exporters read is."""


_CALLS: Final = _rate("gpu_exporter_driver_calls_total", "cluster, function")
_SPENT: Final = _rate("gpu_exporter_driver_seconds_total", "cluster, function")
COLLECTORS: Final[tuple[Panel, ...]] = (
    bars(
        "Collectors that fail",
        "Nodes on which the collector's last run raised an error.",
        now(
            f"sum by (collector) (1 - gpu_exporter_collector_success{{{CLUSTER}}})",
            "{{collector}}",
        ),
        unit="short",
        steps=(Step(1, "orange"),),
    ),
    bars(
        "Unsupported questions",
        "That a device or the driver has no answer to, at most on a node.",
        now(f"max by (collector) (gpu_exporter_unsupported{{{CLUSTER}}})", "{{collector}}"),
        unit="short",
    ),
    graph(
        "Duration of collectors",
        "The slowest node's.",
        over_time(
            f"max by (collector) (gpu_exporter_collector_duration_seconds{{{CLUSTER}}})",
            "{{collector}}",
        ),
        unit="s",
        width=8,
    ),
    graph(
        "Time in the driver",
        f"Mean of a call, by function. {_WORST}",
        over_time(f"topk({_MOST}, {_SPENT} / ({_CALLS} > 0))", "{{function}}"),
        unit="s",
    ),
    graph(
        "Who holds devices: the kubelet's answers",
        "Share of nodes whose kubelet said so when last asked.",
        over_time(f"avg by (cluster) (gpu_exporter_podresources_up{{{CLUSTER}}})", "{{cluster}}"),
        unit=RATIO,
    ),
    graph(
        "Who holds devices: failures",
        "Questions to kubelets that failed, per second, by why.",
        over_time(
            _rate("gpu_exporter_podresources_failures_total", "cluster, reason"),
            "{{cluster}} {{reason}}",
        ),
        unit="cps",
    ),
    graph(
        "Memory of exporters",
        f"Resident. {_WORST}",
        over_time(
            f"topk({_MOST}, process_resident_memory_bytes{{{_WATCHED}}})",
            "{{job}} {{instance}}",
        ),
        unit="bytes",
    ),
    graph(
        "Processor time of exporters",
        f"Of one core. {_WORST}",
        over_time(
            f"topk({_MOST}, rate(process_cpu_seconds_total{{{_WATCHED}}}[$__rate_interval]))",
            "{{job}} {{instance}}",
        ),
        unit="percentunit",
    ),
    graph(
        "Scrapes refused",
        "Requests to exporters that were sent away, per second, by why.",
        over_time(
            _rate("gpu_exporter_http_requests_rejected_total", "cluster, reason"),
            "{{cluster}} {{reason}}",
        ),
        unit="cps",
    ),
)
"""How node exporters' collectors do, and what they cost."""


_HEARD: Final = (
    f"time() - max by (cluster, resource) (gpu_exporter_last_heard_timestamp_seconds{{{CLUSTER}}})"
)
CLUSTER_EXPORTERS: Final[tuple[Panel, ...]] = (
    graph(
        "In step with the API server",
        "1 while nodes and pods are followed without trouble.",
        over_time(
            f"min by (cluster, instance) (gpu_exporter_apiserver_up{{{CLUSTER}}})",
            "{{cluster}} {{instance}}",
        ),
        unit="bool",
        width=8,
    ),
    graph(
        "Last word of the API server",
        "Of each resource, by a list, an event or a bookmark.",
        over_time(_HEARD, "{{cluster}} {{resource}}"),
        unit="s",
        width=8,
    ),
    graph(
        "Objects held",
        "In the memory of the cluster exporter, by resource.",
        over_time(
            f"max by (cluster, resource) (gpu_exporter_objects{{{CLUSTER}}})",
            "{{cluster}} {{resource}}",
        ),
        unit="short",
        width=8,
    ),
    graph(
        "Watch events",
        "Received per second, by resource.",
        over_time(
            _rate("gpu_exporter_watch_events_total", "cluster, resource"),
            "{{cluster}} {{resource}}",
        ),
        unit="cps",
        width=8,
    ),
    graph(
        "Lists",
        "Complete lists asked of the API server, per second, by result.",
        over_time(
            _rate("gpu_exporter_lists_total", "cluster, resource, result"),
            "{{resource}} {{result}}",
        ),
        unit="cps",
        width=8,
    ),
    graph(
        "Lists made anew",
        "Per second, by why a watch could not go on.",
        over_time(
            _rate("gpu_exporter_relists_total", "cluster, resource, reason"),
            "{{resource}} {{reason}}",
        ),
        unit="cps",
        width=8,
    ),
    graph(
        "Objects not understood",
        "Left out of every number, per second, by resource.",
        over_time(
            _rate("gpu_exporter_malformed_objects_total", "cluster, resource"),
            "{{cluster}} {{resource}}",
        ),
        unit="cps",
        width=8,
    ),
    bars(
        "First list",
        "Time from the exporter's start until it was complete, by resource.",
        now(
            f"max by (cluster, resource) (gpu_exporter_first_sync_seconds{{{CLUSTER}}})",
            "{{cluster}} {{resource}}",
        ),
        unit="s",
    ),
    bars(
        "Missing parts of clusters",
        "Where exporters share a cluster, those not _HEARD of.",
        now(f"cluster:gpu_shards_missing:sum{{{CLUSTER}}}", "{{cluster}}"),
        unit="short",
        steps=(Step(1, "red"),),
    ),
)
"""How cluster exporters follow their API servers."""
