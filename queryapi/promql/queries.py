"""One question, one function, one text.

Every function takes the matchers that select the cluster and puts them into every selector it
writes, so that no query can see another cluster's series.
"""

from collections.abc import Callable

from queryapi.promql.text import Matcher, name_starts_with, one_of, selector

ClusterMatchers = tuple[Matcher, ...]
Query = Callable[[ClusterMatchers], str]

EVENTS_SHOWN = 10

_TASK_LABELS = (
    "__name__",
    "namespace",
    "pod",
    "uid",
    "node",
    "workload_type",
    "workload_name",
    "owner",
)


def evaluation(cluster: ClusterMatchers) -> str:
    """Return the time of the newest complete evaluation of the rules."""
    return selector("cluster:gpu_evaluation_timestamp_seconds:max", *cluster)


def totals(cluster: ClusterMatchers) -> str:
    """Return every recorded total of the cluster, one series each."""
    return selector(name_starts_with("cluster:gpu_"), *cluster)


def nodes(cluster: ClusterMatchers) -> str:
    """Return every recorded number of every GPU node."""
    return selector(name_starts_with("node:gpu_"), *cluster)


def running_tasks(cluster: ClusterMatchers) -> str:
    """Return who each running GPU pod is, what it holds and since when."""
    described = one_of(
        "__name__", "gpu_pod_info", "gpu_pod_allocated", "gpu_pod_start_timestamp_seconds"
    )
    running = selector("gpu_pod_state", Matcher("phase", "=", "Running"), *cluster)
    told = f"{selector(described, *cluster)} and on(namespace,pod,uid) {running}"
    # gpu_pod_info says far more than a task shows: what is not asked for is not sent.
    return f"max by({','.join(_TASK_LABELS)}) ({told})"


def firing_alerts(cluster: ClusterMatchers) -> str:
    """Return the firing alerts, and since when each alert's condition holds."""
    # ALERTS_FOR_STATE has no alertstate: an empty alternative matches its absence.
    return selector(
        one_of("__name__", "ALERTS", "ALERTS_FOR_STATE"),
        one_of("alertstate", "firing", ""),
        *cluster,
    )


def recent_events(cluster: ClusterMatchers) -> str:
    """Return when the newest happenings took place, however many exporters tell of each."""
    told = selector("gpu_event_timestamp_seconds", *cluster)
    return f"topk({EVENTS_SHOWN}, max by(id,type,object,message) ({told}))"
