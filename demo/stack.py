"""The stack's programs as processes on loopback: what `make up` and the end-to-end tests start."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from demo.fleet import hosts, living
from demo.nvml.build import build
from demo.processes import LOOPBACK, Process

ROOT = Path(__file__).parent.parent
CLUSTER = "prod-cluster"
"""The cluster's name in the documents' own samples, so that they work as they are."""


def fleet(directory: Path, port: int, use: str, *arguments: str, listen: str = LOOPBACK) -> Process:
    """Return the Kubernetes API server with a fleet behind it; writes `kubeconfig`.

    Args:
        directory: Where logs and files go.
        port: Where it listens.
        use: `living`, `packed` or `timeline`; see `python -m demo.fleet --help`.
        arguments: More of that command's arguments.
        listen: The address it listens on.
    """
    command = [
        *(sys.executable, "-m", "demo.fleet", use),
        f"--listen={listen}:{port}",
        f"--kubeconfig-out={directory / 'kubeconfig'}",
        *arguments,
    ]
    return _process("kubernetes", command, directory, f"http://{LOOPBACK}:{port}/readyz")


def living_fleet(directory: Path, port: int, listen: str = LOOPBACK) -> Process:
    """Return the living fleet, which tells its nodes' drivers and kubelets what to show."""
    drivers, pods = directory / "drivers", directory / "pods.json"
    shown = (f"--drivers={drivers}", f"--pods={pods}")
    return fleet(directory, port, "living", *shown, listen=listen)


def demo_kubelets(directory: Path) -> Process:
    """Return the kubelets of the living fleet's nodes: they say which pods hold which devices."""
    sockets = directory / "kubelets"
    sockets.mkdir(exist_ok=True)
    command = [
        *(sys.executable, "-m", "demo.kubelet"),
        *(f"--pods={directory / 'pods.json'}", f"--sockets={sockets}"),
    ]
    return _process("demo-kubelets", command, directory, None)


def demo_nodes(directory: Path, targets: Path, *arguments: str) -> Process:
    """Return the node exporters of the living fleet; they write *targets* when all are started.

    Args:
        directory: Where logs and files go.
        targets: The target file.
        arguments: More of that command's arguments; see `python -m demo.nodes --help`.
    """
    command = [
        *(sys.executable, "-m", "demo.nodes", f"--drivers={directory / 'drivers'}"),
        f"--kubelets={directory / 'kubelets'}",
        *(f"--targets={targets}", f"--cluster={CLUSTER}", *arguments),
    ]
    environment = {"LD_LIBRARY_PATH": str(build().parent)}
    return _process("demo-nodes", command, directory, None, environment)


def demo_jobs(directory: Path, url: str) -> Process:
    """Return the workers of some of the living fleet's pods; they report to the query API *url*."""
    command = [sys.executable, "-m", "demo.jobs", f"--url={url}", f"--cluster={CLUSTER}"]
    return _process("demo-jobs", command, directory, None)


def node_exporter_of_this_host(directory: Path, port: int) -> Process:
    """Return gpuscope's node exporter on this machine's own driver."""
    command = [_script("gpuscope-exporter"), "node", _listen(port)]
    return _process("gpu-node", command, directory, f"http://{LOOPBACK}:{port}/readyz")


def cluster_exporter(directory: Path, port: int, kubeconfig: Path, *arguments: str) -> Process:
    """Return gpuscope's cluster exporter; ready when it is in step with the API server."""
    command = [_script("gpuscope-exporter"), "cluster", _listen(port)]
    command += [f"--kubeconfig={kubeconfig}", *arguments]
    return _process("gpu-cluster", command, directory, f"http://{LOOPBACK}:{port}/readyz")


def query_api(
    directory: Path,
    ports: Sequence[int],
    settings: Mapping[str, object],
    *,
    stream: int | None = None,
) -> Process:
    """Return the query API on *ports* with *settings*; alive before it is ready.

    Args:
        directory: Where `gpuscope.yml` is written, and pools are kept.
        ports: Where it listens.
        settings: Keys of gpuscope.yml beside those of listeners.
        stream: Where it listens for WebSockets; None = nowhere.
    """
    path = directory / "gpuscope.yml"
    listen = [f"{LOOPBACK}:{port}" for port in ports]
    listeners = {"listen": listen, "stream_listen": stream and f"{LOOPBACK}:{stream}"}
    kept = {"database_url": f"sqlite:///{directory / 'gpuscope.db'}"}
    path.write_text(yaml.safe_dump({**listeners, **kept, **settings}))
    command = [_script("gpuscope-api"), f"--config={path}"]
    return _process("gpuscope-api", command, directory, f"http://{LOOPBACK}:{ports[0]}/healthz")


def prometheus(
    directory: Path,
    port: int,
    *,
    targets: Mapping[str, int],
    seconds: int,
    node_seconds: int | None = None,
    rules: Sequence[str] = (),
) -> Process:
    """Return a Prometheus with the shipped configuration.

    Args:
        directory: Where its copy of `prometheus/` and its data go.
        port: Where it listens.
        targets: Scrape job → port; a job that is not named has no targets yet.
        seconds: Scrape and evaluation interval, in place of the shipped ones; of all rules.
        node_seconds: Scrape interval of the node exporters, if it is another one.
        rules: The files of rules and alerts to load, by their patterns; none given: all.
    """
    home = directory / "prometheus"
    shutil.copytree(ROOT / "prometheus", home, dirs_exist_ok=True)
    config = yaml.safe_load((home / "prometheus.yml").read_text())
    config["global"] = dict.fromkeys(
        ("scrape_interval", "scrape_timeout", "evaluation_interval"), f"{seconds}s"
    )
    if rules:
        config["rule_files"] = list(rules)
    for job in config["scrape_configs"]:
        if node_seconds and job["job_name"] == "gpu-node":
            job["scrape_interval"] = f"{node_seconds}s"
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    for path in (*home.glob("rules/**/*.yml"), *home.glob("alerts/*.yml")):
        text = re.sub(r"^    interval: .*\n", "", path.read_text(), flags=re.MULTILINE)
        # A scrape ends within its interval: no rule need wait for longer.
        path.write_text(re.sub(r"offset 5s\b", f"offset {min(5, seconds)}s", text))
    for path in (home / "targets").iterdir():
        path.unlink()
    for job, target in targets.items():
        write_targets(home / "targets" / f"{job}.yml", [target], CLUSTER)
    command = [
        *("prometheus", f"--config.file={home / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={home / 'data'}", "--storage.tsdb.retention.time=6h"),
        *(_listen(port), "--log.level=warn"),
    ]
    return _process("prometheus", command, directory, f"http://{LOOPBACK}:{port}/-/ready")


def alertmanager(directory: Path, port: int, config: Path | None = None) -> Process:
    """Return an Alertmanager with the shipped configuration, or another."""
    command = [
        debian("alertmanager"),
        f"--config.file={config or ROOT / 'prometheus' / 'alertmanager.yml'}",
        *(f"--storage.path={directory / 'alertmanager'}", _listen(port)),
        "--cluster.listen-address=",
    ]
    return _process("alertmanager", command, directory, f"http://{LOOPBACK}:{port}/-/ready")


def node_exporter(directory: Path, port: int) -> Process:
    """Return Prometheus' own node_exporter."""
    command = [debian("node-exporter"), _listen(port), "--no-collector.systemd"]
    return _process("node-exporter", command, directory, f"http://{LOOPBACK}:{port}/metrics")


def write_targets(path: Path, ports: Iterable[int], cluster: str, host: str = LOOPBACK) -> None:
    """Write a Prometheus target file for *ports* of *host*, all of one cluster."""
    _write(path, [_targets(ports, host, cluster=cluster)])


def write_node_targets(path: Path, fleet_port: int, *own: int, host: str = LOOPBACK) -> None:
    """Write the targets of the scrape job `node`: node_exporters, and the living fleet's nodes.

    Args:
        path: The target file.
        fleet_port: Where the living fleet is; it stands in for a node_exporter on each node.
        own: Ports of real ones; what they tell is of no node of the fleet.
        host: Where all of them are.
    """
    demo = [
        _targets(
            [fleet_port],
            host,
            cluster=CLUSTER,
            node=machine.name,
            instance=f"{machine.name}:9100",
            __metrics_path__=hosts.PATH.format(node=machine.name),
        )
        for machine in living.machines()
    ]
    real = [_targets(own, host, cluster=CLUSTER)] if own else []
    _write(path, [*real, *demo])


def _targets(ports: Iterable[int], host: str, **labels: str) -> dict[str, object]:
    return {"targets": [f"{host}:{port}" for port in ports], "labels": labels}


def _write(path: Path, content: object) -> None:
    # Prometheus may read at any moment: the file is complete or not there.
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(content))
    draft.replace(path)


def _process(
    name: str,
    command: Sequence[str],
    directory: Path,
    ready_url: str | None,
    environment: Mapping[str, str] | None = None,
) -> Process:
    return Process(
        name,
        command,
        log=directory / f"{name}.log",
        environment={"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **(environment or {})},
        ready_url=ready_url,
    )


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _listen(port: int) -> str:
    return f"--web.listen-address={LOOPBACK}:{port}"


def debian(name: str) -> str:
    """Return the program's name: Debian's has a prefix, upstream's own builds have none."""
    prefixed = f"prometheus-{name}"
    if shutil.which(prefixed, path=os.environ.get("PATH")):
        return prefixed
    return name.replace("-", "_")
