"""Series as panels read them: each once, however many exporters tell of it."""

from typing import Final

from grafana_foundation_sdk.builders import prometheus

from grafana.builders.queries import CLUSTER, or_none, over_time

IDENTITY: Final = ("cluster", "node", "gpu", "uuid")


def by_cluster(series: str) -> str:
    """Return what rules record of the chosen clusters."""
    return f"max by (cluster) ({series}{{{CLUSTER}}})"


def row_of_cluster(series: str) -> str:
    """Return the same for a table's column: a value for each cluster that has a capacity."""
    return or_none(by_cluster(series), by_cluster("cluster:gpu_capacity:sum"))


def read(metric: str, chosen: str, *labels: str, op: str = "max") -> str:
    """Return a metric of devices.

    Args:
        metric: Its name.
        chosen: Matchers.
        labels: Those that it has beside the device's own, where they are kept apart.
        op: How several of one device are made one.
    """
    return f"{op} by ({', '.join([*IDENTITY, *labels])}) ({metric}{{{chosen}}})"


def rated(metric: str, chosen: str, *labels: str, over: str = "") -> str:
    """Return what a counter of devices grows by in a second.

    Args:
        metric: Its name.
        chosen: Matchers.
        labels: Those that it has beside the device's own, where they are kept apart.
        over: One that it is added up over.
    """
    kept = ", ".join([*IDENTITY, *labels])
    rate = f"rate({metric}{{{chosen}}}[$__rate_interval])"
    if over:
        return f"sum by ({kept}) (max by ({kept}, {over}) ({rate}))"
    return f"max by ({kept}) ({rate})"


def lines(metric: str, chosen: str, legend: str, *labels: str) -> prometheus.Dataquery:
    """Return a metric of devices over time, a line for each device and value of the labels."""
    return over_time(read(metric, chosen, *labels), legend)


def known(chosen: str) -> str:
    """Return a series for each device that anybody tells of, also where no exporter is ours."""
    up = read("gpu_up", chosen)
    return f"{up} or on (cluster, node, uuid) {read('device:gpu_activity_ratio:max', chosen)}"


def holders(chosen: str) -> str:
    """Return who holds devices, with their workload where it is known; values mean nothing."""
    labels = ", ".join(
        [*IDENTITY, "gpu_instance", "namespace", "pod", "uid", "container", "resource", "source"]
    )
    held = f"max by ({labels}) (gpu_device_pod_info{{{chosen}}})"
    pods = f"gpu_pod_info{{{CLUSTER}}}"
    work = f"max by (cluster, uid, workload_type, workload_name, queue) ({pods})"
    joined = (
        f"({held}) * on (cluster, uid) group_left (workload_type, workload_name, queue) "
        f"topk by (cluster, uid) (1, {work} and on (cluster, uid) ({held}))"
    )
    return f"({joined}) or ({held} unless on (cluster, uid) {pods})"
