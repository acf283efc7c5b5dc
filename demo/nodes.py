"""One real node exporter per scenario file: a fleet of nodes on one machine.

`python -m demo.nodes --drivers DIR --targets FILE`: the exporters are forked from one process, so
that forty of them share their code in memory. The stand-in driver must be on LD_LIBRARY_PATH
already; each exporter reads its own node's scenario.
"""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from demo import stack
from demo.nvml.build import SCENARIO_VARIABLE
from demo.processes import LOOPBACK, StopSignal, next_free_port
from exporter import cli

_FIRST_PORT = 19400


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the exporters until SIGTERM or SIGINT; return the exit status."""
    options = _parser().parse_args(arguments)
    ports = _ports(sorted(path.stem for path in options.drivers.glob("*.ini")))
    # The exporters must be forked before this process has handlers of its own.
    exporters = [_start(options, node, port) for node, port in ports.items()]
    stop = StopSignal()
    stack.write_targets(options.targets, ports.values(), options.cluster)
    print(f"ready: {len(exporters)} node exporters", flush=True)
    stop.wait()
    _end(exporters)
    return 0


def _ports(nodes: Sequence[str]) -> dict[str, int]:
    taken: set[int] = set()
    ports: dict[str, int] = {}
    for node in nodes:
        ports[node] = next_free_port(_FIRST_PORT, taken=taken, tries=1000)
        taken.add(ports[node])
    return ports


def _start(options: argparse.Namespace, node: str, port: int) -> BaseProcess:
    process = multiprocessing.get_context("fork").Process(
        target=_run, args=(options.drivers / f"{node}.ini", node, port), name=node
    )
    process.start()
    return process


def _run(scenario: Path, node: str, port: int) -> None:
    os.environ[SCENARIO_VARIABLE] = str(scenario)
    address = f"--web.listen-address={LOOPBACK}:{port}"
    sys.exit(cli.main(["node", address, f"--node-name={node}", "--log.level=warn"]))


def _end(exporters: list[BaseProcess]) -> None:
    for exporter in exporters:
        exporter.terminate()
    for exporter in exporters:
        exporter.join()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.nodes", description=__doc__)
    parser.add_argument("--drivers", type=Path, required=True, help="folder of scenario files")
    parser.add_argument(
        "--targets", type=Path, required=True, help="Prometheus target file to write"
    )
    parser.add_argument("--cluster", default="prod-cluster", help="`cluster` label of the targets")
    return parser


if __name__ == "__main__":
    sys.exit(main())
