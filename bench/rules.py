"""What rules and alerts cost a real Prometheus, group by group, beside the group of totals.

    .venv/bin/python bench/rules.py [--nodes N] [--seconds S]

A fleet is turned into blocks by `promtool`, so that every rule finds what it looks back at;
Prometheus evaluates all groups, so that they find each other's series. Then it is asked for each
expression alone, as of that time, and its CPU is read: what counts is what a group takes of its own
interval, on however busy a machine. At 80,000 GPUs that is as many times as much: extrapolated, not
measured. Bounded in time.
"""

import argparse
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import promises
import requests
import yaml
from figures import Figure
from rules_parts import GPUS_A_NODE, fill
from spent import cpu_seconds

from demo.processes import wait_for
from demo.stack import ROOT
from tests.support.prometheus import Prometheus, Target, prometheus

_TOTALS = "totals: gpuscope-totals"
_DEFAULT_SECONDS = 15.0
_PATIENCE_SECONDS = 120
_ROUNDS = 2
_TIMES = 3
_ANSWER_SECONDS = 120
_LARGE = 80_000
_WORTH_A_LINE = 0.01
_WORTH_A_FIGURE = 1.0
_SHARE = Figure(
    "CPU of a group's interval, 80,000 GPUs", "%", beside="totals",
    budgets=(promises.RULES,),
    missed="a group reads each series of each device once an interval, on one core: 80,000 "
    "GPUs have millions. Half of NVLink's is GpuNvlinkErrors, which reads three "
    "counters of 18 links of each device twice. Prometheus evaluates groups side by "
    "side, so none is late while it is below 100 %.",
)  # fmt: skip
_ALL = Figure("CPU of all groups of 80,000 GPUs", "cores")
FIGURES = (_SHARE, _ALL)
OPTIONS = ("--nodes=100",)
NOTES = (
    (
        "Extrapolated from the fleet that is measured, not measured: CPU of each expression alone, "
        "as many times as there are more GPUs. Groups below one percent are left out; what does "
        "not grow with the fleet (thresholds, gpuscope about itself) is far less than it seems "
        "here."
    ),
)
# What node_exporter tells is no part of the fleet; bench/pool_rules.py measures it.
_ELSEWHERE = ("nodes",)


def main() -> None:
    """Measure and print."""
    options = _options()
    devices = options.nodes * GPUS_A_NODE
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        series = fill(folder, options.nodes, int(time.time()))
        print(
            f"rules: {options.nodes} nodes, {devices} devices, {series} series,"
            f" filled in {time.monotonic() - began:.0f} s",
            flush=True,
        )
        text = _rules(options.seconds)
        with Target() as target, prometheus(folder, target, rules=text) as server:
            for _ in range(_ROUNDS):
                _wait(server)
            at = time.time()
            _forget_rules(folder, server)
            asking = _ask(server, "vector(1)", at, times=20)
            took = {
                group["name"]: [
                    (rule.get("record") or rule["alert"], _ask(server, rule["expr"], at) - asking)
                    for rule in group["rules"]
                ]
                for group in _groups()
            }
    _tell(took, devices)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=5, help="between two evaluations")
    return parser.parse_args()


def _groups() -> list[dict[str, Any]]:
    files = [
        path for part in ("rules", "alerts") for path in (ROOT / "prometheus" / part).glob("*.yml")
    ]
    return [
        # Files of rules and of alerts name groups alike.
        group
        | {"name": f"{path.stem if path.parent.name == 'rules' else 'alerts'}: {group['name']}"}
        for path in sorted(files)
        if path.stem not in _ELSEWHERE
        for group in yaml.safe_load(path.read_text())["groups"]
    ]


def _intervals() -> dict[str, float]:
    units = {"s": 1.0, "m": 60.0}
    told = {group["name"]: group.get("interval") for group in _groups()}
    return {
        name: float(text[:-1]) * units[text[-1]] if text else _DEFAULT_SECONDS
        for name, text in told.items()
    }


def _rules(seconds: int) -> str:
    return yaml.safe_dump({"groups": [group | {"interval": f"{seconds}s"} for group in _groups()]})


def _wait(server: Prometheus) -> None:
    """Return when each group has been evaluated once more."""
    began = time.time()

    def evaluated() -> bool:
        told = requests.get(f"{server.url}/api/v1/rules", timeout=60).json()["data"]["groups"]
        return all(_when(group["lastEvaluation"]) > began for group in told)

    wait_for(evaluated, seconds=_PATIENCE_SECONDS, what="an evaluation of each group")


def _forget_rules(folder: Path, server: Prometheus) -> None:
    (folder / "rules.yml").write_text("groups: []\n")
    os.kill(server.process.pid, signal.SIGHUP)

    def forgotten() -> bool:
        told = requests.get(f"{server.url}/api/v1/rules", timeout=60).json()
        return not told["data"]["groups"]

    wait_for(forgotten, seconds=_PATIENCE_SECONDS, what="Prometheus without rules")


def _ask(server: Prometheus, expression: str, at: float, *, times: int = _TIMES) -> float:
    """Return the seconds of CPU that an answer takes."""
    before = cpu_seconds(server.process.pid)
    for _ in range(times):
        asked = {"query": expression, "time": str(at)}
        answer = requests.post(f"{server.url}/api/v1/query", data=asked, timeout=_ANSWER_SECONDS)
        if not answer.ok:
            print(f"  {expression}: {answer.text[:300]}")
    return (cpu_seconds(server.process.pid) - before) / times


def _when(told: str) -> float:
    # Of a group that has not been evaluated: the year 1.
    text = told[:19]
    return 0.0 if text.startswith("0001") else time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


def _tell(took: dict[str, list[tuple[str, float]]], devices: int) -> None:
    times = _LARGE / devices
    every = _intervals()
    share = {
        name: 100 * times * sum(cost for _, cost in rules) / every[name]
        for name, rules in took.items()
    }
    for name in sorted(share, key=lambda name: -share[name]):
        if share[name] < _WORTH_A_FIGURE:
            continue
        _SHARE.tell(f"{name}, every {every[name]:.0f} s", share[name], share[_TOTALS])
        for rule, cost in sorted(took[name], key=lambda rule: -rule[1]):
            if cost / every[name] * times > _WORTH_A_LINE:
                print(f"    {rule:46} {cost * 1000:8.0f} ms")
    _ALL.tell(f"{devices:,} GPUs", sum(share.values()) / 100)


if __name__ == "__main__":
    main()
