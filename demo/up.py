"""`make up`: the whole stack on loopback until Ctrl-C, with real parts where there are any.

Nothing that the user runs is touched: a port that is taken is left alone and the next one is used.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from demo import jobs, pools, real, stack
from demo.asking import AskError, asked, patiently
from demo.fleet import living
from demo.fleet.faults import FAULTS
from demo.fleet.traits import telling
from demo.foreground import refuse_death, until_stopped
from demo.processes import (
    LOOPBACK,
    Process,
    StopSignal,
    answers,
    next_free_port,
    wait_for,
)

_SCRAPE_SECONDS = 5
_NODE_SCRAPE_SECONDS = 10
"""Of the forty nodes with more than a thousand series each; their devices are read as often."""
_READY_SECONDS = 300.0
"""Of a small machine that does much else."""
_GPU_NODES = sum(bool(machine.gpus) for machine in living.machines())
_PATIENT: dict[str, object] = {"node": "gpu-h100-00", "gpu": 0}
"""The device that something befalls."""
_PORTS = {
    "query API": 8080,
    "scheduler monitoring": 50062,
    "WebSockets": 8081,
    "Prometheus": 9090,
    "Alertmanager": 9093,
    "node_exporter": 9100,
    "node exporter": 9400,
    "cluster exporter": 9401,
    "Kubernetes API": 6443,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is real here, where everything listens and where its files are."""

    directory: Path
    ports: dict[str, int]
    kubeconfig: Path | None
    driver: bool
    fault: str | None
    exporters: int | None

    @property
    def cluster_of_this_machine(self) -> str:
        """The `cluster` label of this machine's own devices: they are no part of a demo fleet."""
        return stack.CLUSTER if self.kubeconfig else "this-machine"

    @property
    def telling(self) -> list[str]:
        """The nodes of a demo fleet that have a node exporter."""
        return telling((each.name for each in living.machines() if each.gpus), self.exporters)

    @property
    def status_url(self) -> str:
        """The documents' first request."""
        return f"{self.api_url}/api/v1/realtime/status?cluster={stack.CLUSTER}"

    @property
    def faults_url(self) -> str:
        """Where the demo fleet is told what befalls a device."""
        return f"http://{LOOPBACK}:{self.ports['Kubernetes API']}/_demo/ailments"

    @property
    def api_url(self) -> str:
        """Where the query API is."""
        return f"http://{LOOPBACK}:{self.ports['query API']}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stack until SIGINT or SIGTERM; return the exit status."""
    options = _parser().parse_args(arguments)
    return until_stopped(
        "make up",
        lambda directory, cleanup, stop: _run(_plan(directory, options), cleanup, stop),
        prefix="gpuscope-",
    )


def _run(plan: Plan, cleanup: ExitStack, stop: StopSignal) -> int:
    for sentence in _about(plan):
        print(sentence, flush=True)
    running: list[Process] = []
    for process in _processes(plan):
        if stop.came():
            return 0
        running.append(cleanup.enter_context(process))
        process.wait_ready(seconds=_READY_SECONDS, unless=stop.came)
    wait_for(
        lambda: stop.came() or _is_whole(plan),
        seconds=_READY_SECONDS,
        what=f"an answer from {plan.status_url}",
        every=1.0,
    )
    if not stop.came():
        if not plan.kubeconfig:
            # Real clusters have pools of their own: nobody registers any for their people.
            pools.seed(plan.api_url)
            workers = stack.demo_jobs(plan.directory, plan.api_url)
            running.append(cleanup.enter_context(workers))
        _show(plan)
    while not stop.wait(1.0):
        refuse_death(running)
    print("\nstopping", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.up", description=__doc__)
    parser.add_argument(
        "--fault", choices=FAULTS, help="what befalls a device of the demo fleet once all is ready"
    )
    parser.add_argument(
        "--exporters",
        type=int,
        choices=range(1, _GPU_NODES + 1),
        metavar=f"1..{_GPU_NODES}",
        help="nodes of the demo fleet that have a node exporter: few spare a small machine"
        " (default: all)",
    )
    return parser


def _plan(directory: Path, options: argparse.Namespace) -> Plan:
    kubeconfig, driver = real.kubeconfig(), real.has_driver()
    unused = {"Kubernetes API": kubeconfig, "node exporter": not driver}
    ports: dict[str, int] = {}
    for name, preferred in _PORTS.items():
        if not unused.get(name):
            ports[name] = next_free_port(preferred)
    fault = None if kubeconfig else options.fault
    return Plan(directory, ports, kubeconfig, driver, fault, options.exporters)


def _about(plan: Plan) -> Iterator[str]:
    if plan.kubeconfig:
        yield f"Kubernetes: the cluster of {plan.kubeconfig}"
    else:
        yield "Kubernetes: no reachable cluster; a demo fleet of 44 nodes and 300 GPUs stands in"
    if plan.driver:
        label = f'cluster="{plan.cluster_of_this_machine}"'
        yield f"GPUs: this machine's own, through the NVIDIA driver, as {label} in Prometheus"
    if not plan.kubeconfig:
        yield f"GPUs: the demo fleet's devices stand in for those of {stack.CLUSTER}"
        if plan.exporters:
            yield f"GPUs: {plan.exporters} of {_GPU_NODES} nodes have an exporter, as asked for"
        yield "CPU, memory, network: the demo fleet stands in for a node_exporter on each node"
    elif not plan.driver:
        yield "GPUs: no NVIDIA driver here; scrape node exporters of your nodes to see devices"
    for name, port in plan.ports.items():
        if port != _PORTS[name]:
            yield f"{name}: port {_PORTS[name]} is in use and left alone, using {port}"


def _processes(plan: Plan) -> Iterator[Process]:
    directory, ports = plan.directory, plan.ports
    kubeconfig = plan.kubeconfig or directory / "kubeconfig"
    targets = directory / "prometheus" / "targets"
    if plan.driver:
        yield stack.node_exporter_of_this_host(directory, ports["node exporter"])
    if not plan.kubeconfig:
        yield stack.living_fleet(directory, ports["Kubernetes API"])
        yield stack.demo_kubelets(directory)
    yield stack.cluster_exporter(directory, ports["cluster exporter"], kubeconfig)
    yield stack.node_exporter(directory, ports["node_exporter"])
    yield stack.alertmanager(directory, ports["Alertmanager"])
    prometheus = _prometheus(plan)
    if plan.driver:
        local = [ports["node exporter"]]
        stack.write_targets(targets / "gpu-node.yml", local, plan.cluster_of_this_machine)
    if not plan.kubeconfig:
        fleet, own = ports["Kubernetes API"], ports["node_exporter"]
        stack.write_node_targets(targets / "node.yml", fleet, own)
    yield prometheus
    if not plan.kubeconfig:
        yield stack.demo_nodes(
            directory, targets / "gpu-node-demo.yml", f"--at-most={len(plan.telling)}"
        )
    yield stack.query_api(
        directory,
        [ports["query API"], ports["scheduler monitoring"]],
        {
            "default_cluster": stack.CLUSTER,
            "clusters": [_cluster(plan)],
            # The port may be another than the documents'.
            "listen_apis": {ports["scheduler monitoring"]: ["monitoring"]},
        },
        stream=ports["WebSockets"],
    )


def _prometheus(plan: Plan) -> Process:
    ports = plan.ports
    jobs = {
        "gpu-cluster": ports["cluster exporter"],
        "gpuscope-api": ports["query API"],
        "gpuscope-stream": ports["WebSockets"],
        "node": ports["node_exporter"],
        "prometheus": ports["Prometheus"],
        "alertmanager": ports["Alertmanager"],
    }
    return stack.prometheus(
        plan.directory,
        ports["Prometheus"],
        targets=jobs,
        seconds=_SCRAPE_SECONDS,
        node_seconds=_NODE_SCRAPE_SECONDS,
    )


def _cluster(plan: Plan) -> dict[str, object]:
    url = f"http://{LOOPBACK}:{plan.ports['Prometheus']}"
    return {"name": stack.CLUSTER, "prometheus_url": url}


def _show(plan: Plan) -> None:
    urls = {name: f"http://{LOOPBACK}:{port}" for name, port in plan.ports.items()}
    print("\nready:")
    for name in ("query API", "Prometheus", "Alertmanager", "cluster exporter"):
        print(f"  {name:17} {urls[name]}")
    print(f"  {'scheduler':17} {urls['scheduler monitoring']}/api/v1/scheduler/status")
    print(f"  {'routes':17} {urls['query API']}/docs")
    live = f"ws://{LOOPBACK}:{plan.ports['WebSockets']}/api/v1/real-time-metrics/ws"
    print(f"  {'WebSocket':17} {live}")
    print(f"  {'clusters':17} {urls['query API']}/api/v1/clusters")
    settings = plan.directory / "gpuscope.yml"
    print(f"  {'doctor':17} .venv/bin/gpuscope-api doctor --config {settings}")
    if not plan.kubeconfig:
        print(f"  {'kubectl':17} KUBECONFIG={plan.directory / 'kubeconfig'} kubectl get pods -A")
    print(f"\n$ curl '{plan.status_url}'")
    print(json.dumps(patiently(lambda: asked(plan.status_url)), indent=2))
    print(f"\n$ curl '{plan.api_url}/api/pools'    # compute pools: docs/pools.md")
    if not plan.kubeconfig:
        _show_jobs(plan.api_url, f"ws://{LOOPBACK}:{plan.ports['WebSockets']}/ws")
        _show_fault(plan)
    print("\nCtrl-C ends everything.", flush=True)


def _show_jobs(url: str, stream: str) -> None:
    print(f"$ curl '{url}/api/jobs'    # what they get done: docs/workers.md")
    for pod in patiently(lambda: jobs.pods(url, stack.CLUSTER))[:1]:
        options = f"--url {url} --stream-url {stream}"
        print(f"$ .venv/bin/gpuscope-api job watch {pod.name} {options}")


def _show_fault(plan: Plan) -> None:
    """Say how a device is let ail, or let one ail as it was asked for."""
    told = {**_PATIENT, "fault": plan.fault or next(iter(FAULTS))}
    if plan.fault:
        patiently(lambda: asked(plan.faults_url, told))
        print(f"\nGPU {told['gpu']} of {told['node']} ails now: {plan.fault}. It is well again by")
        told["fault"] = None
    else:
        print("\nTo see alerts let a GPU ail (docs/alerting.md):")
    print(f"$ curl {plan.faults_url} -d '{json.dumps(told)}'")
    print(f"$ curl '{plan.status_url}&include=alerts'")


def _is_whole(plan: Plan) -> bool:
    """Tell whether there is an answer, in which whatever has an exporter is measured already."""
    if not answers(plan.status_url):
        return False
    if plan.kubeconfig:
        return True
    try:
        nodes = asked(f"{plan.status_url}&include=nodes")["data"]["nodes"]
    except AskError:
        return False
    measured = {node["node_name"] for node in nodes if node["utilization"] is not None}
    return measured.issuperset(plan.telling)


if __name__ == "__main__":
    sys.exit(main())
