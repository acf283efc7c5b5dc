"""What the rules of compute pools cost a real Prometheus: each rule of both groups, and questions.

    .venv/bin/python bench/pool_rules.py [--nodes N] [--pools N] [--gpus N] [--cores N] [--shards N]

One target says what exporters say of a fleet; Prometheus itself tells what each rule took, and so
what a group takes with the pools' rules for every second that it takes without: of one evaluation
on one machine, however busy. `--without` leaves them out altogether. Bounded in time.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
import yaml
from figures import Figure

from demo.processes import wait_for
from demo.stack import ROOT
from queryapi.promql import poolqueries, queries
from queryapi.promql.selection import Selection
from queryapi.promql.text import Matcher
from tests.support.prometheus import Prometheus, Target, prometheus

_ROUNDS = 5
_SECONDS = 15
_PATIENCE_SECONDS = 300
_TIMED = {
    "nodes of a status": queries.nodes,
    "poolstock": poolqueries.stock,
    "poolheld": poolqueries.held,
    "poolblocks": poolqueries.blocks,
    "pooldemand": poolqueries.demand,
    "poolnodes": poolqueries.pool_nodes,
}

_WHOLE = Figure(
    "an evaluation of a group of 15 s", "ms", beside="its rules that are not about pools, alone"
)
_QUESTION = Figure("a question of the API", "ms")
FIGURES = (_WHOLE, _QUESTION)
OPTIONS = ("--nodes=4000", "--pools=400", "--rounds=3")
NOTES = (
    (
        "Two thirds of what the rules of pools cost were there before pools, half of it three "
        "rules that go over all devices."
    ),
)


def main() -> None:
    """Measure and print."""
    options = _options()
    print(f"pool rules: {vars(options)}", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        _Living(options) as target,
        prometheus(
            Path(folder), target, rules=_rules(without=options.without), seconds=_SECONDS
        ) as server,
    ):
        # Rates need two scrapes.
        wait_for(lambda: _evaluated(server), seconds=_PATIENCE_SECONDS, what="a full evaluation")
        rounds = []
        for _ in range(options.rounds):
            time.sleep(_SECONDS)
            rounds.append(_groups(server))
        case = f"{options.nodes:,} nodes, {options.pools:,} pools"
        for name in rounds[0]:
            _tell_group(f"{name}, {case}", [each[name] for each in rounds])
        if not options.without:
            for name, question in _TIMED.items():
                _tell_query(server, f"{name}, {case}", question)


class _Living(Target):
    """A fleet that stands still, but for its hosts' clocks."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__()
        self._hosts = options.nodes
        self._page = "\n".join(sorted(_page(options))) + "\n"

    @property
    def text(self) -> str:
        """What is scraped now."""
        now = time.time()
        clocks = (
            f'node_time_seconds{{instance="i{number}",job="node"}} {now}\n'
            for number in range(self._hosts)
        )
        return self._page + "".join(clocks)

    @text.setter
    def text(self, _: str) -> None:
        """Nobody else says what is scraped."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name, default in (
        ("nodes", 10_000),
        ("pools", 1_000),
        ("gpus", 8),
        ("cores", 8),
        ("shards", 1),
        ("rounds", _ROUNDS),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--without", action="store_true")
    return parser.parse_args()


def _rules(*, without: bool) -> str:
    totals, nodes = (
        yaml.safe_load((ROOT / "prometheus" / "rules" / f"{name}.yml").read_text())
        for name in ("totals", "nodes")
    )
    groups = [*totals["groups"], *([] if without else nodes["groups"])]
    for group in groups:
        group.setdefault("interval", f"{_SECONDS}s")
        group["rules"] = [r for r in group["rules"] if not (without and _of_pools(r["record"]))]
    return yaml.safe_dump({"groups": groups})


def _of_pools(record: str) -> bool:
    return "pool" in record


def _page(options: argparse.Namespace) -> Iterator[str]:
    for shard in range(options.shards):
        yield f'gpu_pods{{phase="Running",shard="{shard}"}} 1'
    for number in range(options.nodes):
        node = f'node="n{number}",instance="exporter-{number % options.shards}"'
        pool = f'pool="p{number % options.pools}",instance_type="t{number % 3}",region="r"'
        yield f'gpu_node_info{{{node},model="H100",{pool},zone="z",provider="AWS",os="linux"}} 1'
        yield f"gpu_node_ready{{{node}}} 1"
        yield f"gpu_node_cordoned{{{node}}} 0"
        for name, value in (("capacity", 8), ("allocatable", 8), ("allocated", 5), ("free", 3)):
            yield f'gpu_node_{name}{{{node},resource="nvidia.com/gpu"}} {value}'
        for gpu in range(options.gpus):
            yield f'gpu_utilization_ratio{{node="n{number}",gpu="{gpu}",uuid="{number}-{gpu}"}} 0.5'
        for pod in range(3):
            who = f'namespace="ns{pod}",pod="{number}-{pod}",uid="{number}-{pod}"'
            yield f"gpu_pod_allocated{{{who},{node}}} 2"
        host = f'instance="i{number}",job="node"'
        yield f'node_uname_info{{{host},nodename="n{number}"}} 1'
        yield f"node_time_seconds{{{host}}} 5"
        yield f"node_memory_MemTotal_bytes{{{host}}} 8"
        yield f"node_memory_MemAvailable_bytes{{{host}}} 2"
        yield f'node_network_speed_bytes{{{host},device="eth0"}} 1e9'
        for way in ("receive", "transmit"):
            yield f'node_network_{way}_bytes_total{{{host},device="eth0"}} 5'
        for core in range(options.cores):
            yield f'node_cpu_seconds_total{{{host},cpu="{core}",mode="idle"}} 5'


def _groups(server: Prometheus) -> dict[str, Any]:
    told = requests.get(f"{server.url}/api/v1/rules", timeout=60).json()
    return {group["name"]: group for group in told["data"]["groups"]}


def _evaluated(server: Prometheus) -> bool:
    found = requests.get(
        f"{server.url}/api/v1/query",
        {"query": "count_over_time(cluster:gpu_capacity:sum[5m]) > 3"},
        timeout=60,
    )
    return bool(found.json()["data"]["result"])


def _tell_group(case: str, rounds: list[dict[str, Any]]) -> None:
    whole, without = (
        1000 * statistics.median(_took(each, of_pools=of_pools) for each in rounds)
        for of_pools in (True, False)
    )
    _WHOLE.tell(case, whole, without)
    for number, rule in enumerate(rounds[0]["rules"]):
        took = statistics.median(each["rules"][number]["evaluationTime"] for each in rounds)
        wrong = rule.get("lastError", "")
        print(f"    {rule['name']:50} {took * 1000:9.1f} ms {wrong}")


def _took(group: dict[str, Any], *, of_pools: bool) -> float:
    """Return the seconds of one evaluation; without rules *of_pools*, if they do not count."""
    rules = [rule for rule in group["rules"] if of_pools or not _of_pools(rule["name"])]
    return float(sum(rule["evaluationTime"] for rule in rules))


def _tell_query(server: Prometheus, case: str, question: Callable[[Selection], str]) -> None:
    asked = {"query": question(Selection((Matcher("cluster", "=", "prod-cluster"),)))}
    took: list[float] = []
    answer = requests.Response()
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        answer = requests.post(f"{server.url}/api/v1/query", asked, timeout=60)
        took.append(time.perf_counter() - began)
    found = len(answer.json()["data"]["result"])
    size = len(answer.content) / 1e6
    _QUESTION.tell(f"{case}: {found:,} series, {size:.1f} MB", 1000 * statistics.median(took))


if __name__ == "__main__":
    main()
