"""The cluster exporter's page beside prometheus_client's rendering of the same samples.

    .venv/bin/python bench/cluster_page.py [NODES] [PODS]

Prints the time to decode and take in the objects, to make the page from nothing, to make it again
after one pod changed, and what `generate_latest` needs for the same samples, all in one run.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from demo.fleet import objects
from demo.fleet.objects import Owner, Pod
from demo.fleet.placement import Machine, Placement, Request
from exporter.cluster.fleet import Fleet
from exporter.cluster.objects import nodes, pods, wire
from exporter.exposition import Page

T = TypeVar("T")

_NODES, _PODS = 1000, 3000
_REPEATS = 5


def main(arguments: list[str]) -> None:
    """Measure a fleet of the given size and print the figures."""
    node_count, pod_count = map(int, arguments or (_NODES, _PODS))
    raw_nodes, raw_pods = _objects(node_count, pod_count)
    fleet = Fleet(time.time)
    taken_in, _ = _timed(lambda: _take_in(fleet, raw_nodes, raw_pods), repeats=1)
    first, page = _timed(lambda: _scrape(fleet), repeats=1)
    again, _ = _timed(lambda: _after_one_change(fleet, raw_pods[0]))
    families = list(text_string_to_metric_families(page.body.decode()))
    registry = CollectorRegistry()
    registry.register(_Families(families))
    reference, _ = _timed(lambda: generate_latest(registry), repeats=2)
    samples = sum(len(family.samples) for family in families)
    size, smaller = len(page.body) / 1e6, len(page.compressed) / 1e6
    print(f"cluster page: {node_count} nodes, {pod_count} GPU pods, {samples} samples, "
          f"{size:.1f} MB, {smaller:.1f} MB as gzip")  # fmt: skip
    print(f"  decode and take in   {taken_in:8.3f} s")
    print(f"  page from nothing    {first:8.3f} s   {reference / first:6.1f} x faster")
    print(f"  page after a change  {again:8.3f} s   {reference / again:6.1f} x faster")
    print(f"  generate_latest      {reference:8.3f} s")


class _Families:
    """A collector of families that are there already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        return self._families


def _objects(node_count: int, pod_count: int) -> tuple[list[bytes], list[bytes]]:
    chance = random.Random(1)
    machines = [Machine(f"node-{n:05d}", 192_000, 2_000_000, 8, "H100") for n in range(node_count)]
    raw_nodes = [json.dumps(objects.node(each, created=0)).encode() for each in machines]
    raw_pods = []
    for number in range(pod_count):
        owner = Owner("batch/v1", "Job", "ml", f"job-{number // 4}")
        pod = Pod("ml", f"job-{number // 4}-{number}", Request(1000, 1000, 1), 0.0, owner)
        where = Placement(chance.choice(machines).name, (chance.randrange(8),))
        content = objects.pod(pod, where, phase="Running", started=1.0)
        raw_pods.append(json.dumps(content).encode())
    return raw_nodes, raw_pods


def _take_in(fleet: Fleet, raw_nodes: list[bytes], raw_pods: list[bytes]) -> None:
    for raw in raw_nodes:
        fleet.put_node(nodes.from_wire(wire.decode(raw, wire.NODE)))
    for raw in raw_pods:
        fleet.put_pod(pods.from_wire(wire.decode(raw, wire.POD)))


def _after_one_change(fleet: Fleet, raw: bytes) -> Page:
    fleet.put_pod(pods.from_wire(wire.decode(raw, wire.POD)))
    return _scrape(fleet)


def _scrape(fleet: Fleet) -> Page:
    """Make what a scrape gets, its compressed form included."""
    page = Page(fleet.blocks())
    page.gzipped()
    return page


def _timed(work: Callable[[], T], *, repeats: int = _REPEATS) -> tuple[float, T]:
    """Return the shortest time in seconds and the last result."""
    times = []
    while True:
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
        if len(times) >= repeats:
            return min(times), result


if __name__ == "__main__":
    main(sys.argv[1:])
