"""The cluster exporter's page, beside prometheus_client's rendering of the same samples.

    .venv/bin/python bench/cluster_page.py [NODES] [PODS]

Prints the time to decode and take in the objects, to make the page from nothing, to make it again
after one pod changed, and what `generate_latest` needs for the same samples, all in one run.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from figures import Figure
from reference import Reference

from demo.fleet import objects
from demo.fleet.objects import Owner, Pod
from demo.fleet.placement import Machine, Placement, Request
from exporter.cluster.fleet import Fleet
from exporter.cluster.objects import nodes, pods, wire
from exporter.exposition import Page

T = TypeVar("T")

_NODES, _PODS = 1000, 3000
_REPEATS = 5
_MEGA = 1e6
_GENERATE = "generate_latest of prometheus_client for as many samples, not compressed"
_TAKEN_IN = Figure("decode all objects and take them in", "s")
_FIRST = Figure("the page and its gzip from nothing", "s", beside=_GENERATE)
_AGAIN = Figure("the page and its gzip after a change", "s", beside=_GENERATE)
FIGURES = (_TAKEN_IN, _FIRST, _AGAIN)


def main(arguments: list[str]) -> None:
    """Measure a fleet of the given size and print the figures."""
    node_count, pod_count = map(int, arguments or (_NODES, _PODS))
    raw_nodes, raw_pods = _objects(node_count, pod_count)
    fleet = Fleet(time.time)
    taken_in, _ = _timed(lambda: _take_in(fleet, raw_nodes, raw_pods), repeats=1)
    first, page = _timed(lambda: _scrape(fleet), repeats=1)
    again, _ = _timed(lambda: _after_one_change(fleet, raw_pods[0]))
    reference = Reference(page.body.decode())
    rendered, _ = _timed(reference.render, repeats=2)
    print(f"  {len(page.body) / _MEGA:.1f} MB, {len(page.compressed) / _MEGA:.1f} MB as gzip")
    case = f"{node_count:,} nodes, {pod_count:,} GPU pods, {reference.samples:,} samples"
    _TAKEN_IN.tell(case, taken_in)
    _FIRST.tell(case, first, rendered)
    _AGAIN.tell(case, again, rendered)


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
