"""`python -m demo.container`: the demo fleet in one container, for docker-compose.yml.

It is what `make up` starts where there is no real fleet, reachable under the container's name. A
folder that other containers mount tells them where: `config` is a kubeconfig, and
`targets/` holds Prometheus' target files. They appear when everything runs.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from demo import stack
from demo.foreground import refuse_death, until_stopped
from demo.kubernetes.cli import write_kubeconfig
from demo.processes import LOOPBACK, Process, StopSignal, wait_for

_READY_SECONDS = 300.0
"""Of a machine that starts the whole stack at once."""
_GPU_NODES, _NODES = "gpu-node.yml", "node.yml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the fleet until a stop signal; return the exit status."""
    options = _parser().parse_args(arguments)
    return until_stopped(
        "demo.container",
        lambda directory, cleanup, stop: _run(options, directory, cleanup, stop),
        prefix="fleet-",
    )


def _run(options: argparse.Namespace, directory: Path, cleanup: ExitStack, stop: StopSignal) -> int:
    shared: Path = options.shared
    targets = shared / "targets"
    targets.mkdir(exist_ok=True)
    for name in (_GPU_NODES, _NODES):
        # What an earlier container has left names ports that may be others now.
        (targets / name).unlink(missing_ok=True)
    running: list[Process] = []
    for process in _processes(options, directory):
        running.append(cleanup.enter_context(process))
        process.wait_ready(seconds=_READY_SECONDS, unless=stop.came)
    url = f"http://{options.host}:{options.port}"
    write_kubeconfig(shared / "config", url)
    stack.write_node_targets(targets / _NODES, options.port, host=options.host)
    wait_for(
        lambda: _told(targets, running) or stop.came(),
        seconds=_READY_SECONDS,
        what="the node exporters",
    )
    print(f"ready: {url}", flush=True)
    while not stop.wait(1.0):
        refuse_death(running)
    return 0


def _processes(options: argparse.Namespace, directory: Path) -> Iterator[Process]:
    where = (f"--listen={options.listen}", f"--host={options.host}")
    fewer = () if options.exporters is None else (f"--at-most={options.exporters}",)
    yield stack.living_fleet(directory, options.port, options.listen)
    yield stack.demo_kubelets(directory)
    yield stack.demo_nodes(directory, options.shared / "targets" / _GPU_NODES, *where, *fewer)


def _told(targets: Path, running: Sequence[Process]) -> bool:
    refuse_death(running)
    return (targets / _GPU_NODES).exists()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.container", description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder that others mount")
    parser.add_argument("--host", default=LOOPBACK, help="what others call this container")
    parser.add_argument("--listen", default=LOOPBACK, metavar="ADDRESS", help="where all listen")
    parser.add_argument("--port", type=int, default=6443, help="of the Kubernetes API")
    parser.add_argument(
        "--exporters", type=int, metavar="N", help="nodes with a node exporter; default: all"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
