"""One real node exporter per scenario file: a fleet of nodes on one machine.

`python -m demo.nodes --drivers DIR --kubelets DIR --targets FILE`: the exporters are forked from
one process, so that forty of them share their code in memory. The stand-in driver must be on
LD_LIBRARY_PATH already; each exporter reads its own node's scenario and asks its own kubelet.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

from demo import stack
from demo.fleet.traits import telling
from demo.nvml.build import SCENARIO_VARIABLE
from demo.processes import (
    LOOPBACK,
    STOP_SIGNALS,
    ProcessError,
    StopSignal,
    answers,
    next_free_port,
    wait_for,
)
from exporter import cli

_FIRST_PORT = 19400
_READY_SECONDS = 240.0
_PACE = (
    *("--collection.interval=10", "--collection.medium-interval=30"),
    "--collection.slow-interval=120",
)
"""Half as often as usual: forty of them share one machine with everything else."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the exporters until a stop signal; return the exit status."""
    options = _parser().parse_args(arguments)
    stop = StopSignal()
    there = [path.stem for path in options.drivers.glob("*.ini")]
    ports = _ports(telling(there, options.at_most))
    drivers = options.drivers.absolute()
    # The path of a unix socket may have 107 bytes, and that of a folder far more.
    targets = options.targets.absolute()
    os.chdir(options.kubelets)
    exporters = _start_all(drivers, ports, options.listen)
    tell = partial(stack.write_targets, targets, list(ports.values()), options.cluster)
    try:
        return _watch(exporters, partial(tell, options.host), stop, list(ports.values()))
    except ProcessError as error:
        print(f"demo.nodes: {error}", file=sys.stderr)
        return 1
    finally:
        for exporter in exporters:
            exporter.terminate()
        for exporter in exporters:
            exporter.join()


def _watch(
    exporters: list[BaseProcess], tell: Callable[[], None], stop: StopSignal, ports: list[int]
) -> int:
    def refuse_death() -> None:
        dead = [exporter.name for exporter in exporters if not exporter.is_alive()]
        if dead and not stop.came():
            raise ProcessError(f"the node exporter of {dead[0]} ended by itself: see its log lines")

    def all_answer() -> bool:
        refuse_death()
        return stop.came() or all(answers(_url(port)) for port in ports)

    wait_for(all_answer, seconds=_READY_SECONDS, what="the node exporters", every=0.5)
    tell()
    print(f"ready: {len(exporters)} node exporters", flush=True)
    while not stop.wait(1.0):
        refuse_death()
    return 0


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}/healthz"


def _ports(nodes: Sequence[str]) -> dict[str, int]:
    return {node: next_free_port(_FIRST_PORT, tries=1000) for node in nodes}


def _start_all(drivers: Path, ports: Mapping[str, int], listen: str) -> list[BaseProcess]:
    context = multiprocessing.get_context("fork")
    # What every exporter would else load by itself is shared by them all.
    cli.preload_node()
    exporters: list[BaseProcess] = [
        context.Process(
            target=_run, args=(drivers / f"{node}.ini", node, f"{listen}:{port}"), name=node
        )
        for node, port in ports.items()
    ]
    # A signal between a child's first instruction and its own handlers would be lost to ours.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    for exporter in exporters:
        exporter.start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    return exporters


def _run(scenario: Path, node: str, address: str) -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    # Whoever traces the program that was started does not mean forty others.
    sys.settrace(None)
    threading.settrace(None)
    os.environ[SCENARIO_VARIABLE] = str(scenario)
    flags = (
        f"--web.listen-address={address}",
        f"--node-name={node}",
        f"--podresources.socket={node}.sock",
        "--log.level=warn",
        # A process or two for each device.
        "--collector.process_details",
        *_PACE,
    )
    sys.exit(cli.main(["node", *flags]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.nodes", description=__doc__)
    parser.add_argument("--drivers", type=Path, required=True, help="folder of scenario files")
    parser.add_argument(
        "--kubelets", type=Path, required=True, help="folder of the kubelets' sockets"
    )
    parser.add_argument(
        "--targets", type=Path, required=True, help="Prometheus target file to write"
    )
    parser.add_argument("--cluster", default="prod-cluster", help="`cluster` label of the targets")
    parser.add_argument("--listen", default=LOOPBACK, metavar="ADDRESS", help="where they listen")
    parser.add_argument("--host", default=LOOPBACK, help="where Prometheus finds them")
    parser.add_argument(
        "--at-most", type=int, metavar="N", help="nodes that have one; default: all"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
