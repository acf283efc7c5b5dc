"""`gpuscope-exporter node` and `gpuscope-exporter cluster`: the only place that wires parts."""

import argparse
import logging
import math
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from exporter import logs, server
from exporter.errors import ConfigurationError
from exporter.node.collectors import COLLECTORS, enabled
from exporter.server import Publisher
from exporter.version import __version__

_log = logging.getLogger(__name__)

_SIGNAL_POLL_SECONDS = 0.2
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.1, 3600.0
_MOST_EVENTS = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one role until SIGTERM or SIGINT; return the exit status."""
    options = _parser().parse_args(arguments)
    logs.configure(options.log_level, options.log_format)
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _: received.append(signum))
    try:
        publisher: Publisher = options.build(options)
        site = server.Site(publisher, role=options.role, telemetry_path=options.telemetry_path)
        server.serve(
            site, publisher, address=options.listen_address, wait=lambda: _sleep_until(received)
        )
    except ConfigurationError as error:
        print(f"gpuscope-exporter: {error}", file=sys.stderr)
        return 1
    return 0


def _sleep_until(received: Sequence[int]) -> None:
    # Neither an Event nor a queue: two signals at once can leave either of them waiting forever.
    while not received:
        time.sleep(_SIGNAL_POLL_SECONDS)


def _node_publisher(options: argparse.Namespace) -> Publisher:
    # Imported here so that neither role pays for the other's libraries.
    from exporter.node.nvml import NvmlDriver  # noqa: PLC0415
    from exporter.node.publisher import NodePublisher, Options  # noqa: PLC0415

    chosen = [each.name for each in COLLECTORS if getattr(options, _destination(each.name))]
    return NodePublisher(
        NvmlDriver(),
        Options(options.node_name, enabled(chosen), interval=options.interval),
    )


def _cluster_publisher(options: argparse.Namespace) -> Publisher:
    from exporter.cluster.publisher import ClusterPublisher, Options  # noqa: PLC0415
    from exporter.cluster.transport import ApiServer  # noqa: PLC0415

    api_server = ApiServer(options.kubeconfig, time.monotonic)
    api_server.connect()
    return ClusterPublisher(
        lambda watched: api_server.resource(
            watched.resource,
            field_selector=watched.field_selector,
            metadata_only=watched.metadata_only,
        ),
        Options(
            cluster_name=options.cluster_name,
            stale_after=options.stale_after,
            events=options.events,
        ),
        clock=time.time,
        monotonic=time.monotonic,
        random=random.random,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gpuscope-exporter", description="Publish GPUs and GPU pods for Prometheus."
    )
    parser.add_argument("--version", action="version", version=f"gpuscope {__version__}")
    roles = parser.add_subparsers(dest="role", required=True, metavar="{node,cluster}")
    _add_node(roles)
    _add_cluster(roles)
    return parser


def _add_node(roles: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    node = roles.add_parser("node", help="publish this node's devices, as NVML sees them")
    _add_common(node, port=9400)
    node.add_argument(
        "--node-name",
        type=_name,
        default=os.environ.get("NODE_NAME") or socket.gethostname(),
        help="the name Kubernetes knows this node by (env NODE_NAME; default: %(default)s)",
    )
    node.add_argument(
        "--collection.interval",
        dest="interval",
        type=_seconds,
        default=5.0,
        metavar="SECONDS",
        help="time between two collections (default: %(default)s)",
    )
    for collector in COLLECTORS:
        node.add_argument(
            f"--collector.{collector.name}",
            dest=_destination(collector.name),
            action=argparse.BooleanOptionalAction,
            default=True,
            help=argparse.SUPPRESS,
        )
    names = ", ".join(collector.name for collector in COLLECTORS)
    node.epilog = f"--no-collector.NAME turns a collector off: {names}"
    node.set_defaults(build=_node_publisher)


def _add_cluster(roles: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    cluster = roles.add_parser("cluster", help="publish a cluster's GPU nodes and GPU pods")
    _add_common(cluster, port=9401)
    cluster.add_argument(
        "--kubeconfig",
        type=Path,
        help="file that says how to reach the API server (default: the "
        "service account of the pod this runs in)",
    )
    cluster.add_argument(
        "--cluster-name",
        default="",
        metavar="NAME",
        help="publish gpu_cluster_info with this name; the label `cluster` is Prometheus' to add",
    )
    cluster.add_argument(
        "--stale-after",
        type=_seconds,
        default=120.0,
        metavar="SECONDS",
        help="publish nothing of the cluster once the API server was not heard of for this long",
    )
    cluster.add_argument(
        "--events",
        type=_count,
        default=100,
        metavar="N",
        help="how many of the newest happenings to publish",
    )
    cluster.set_defaults(build=_cluster_publisher)


def _add_common(role: argparse.ArgumentParser, *, port: int) -> None:
    role.add_argument(
        "--web.listen-address",
        dest="listen_address",
        default=f"127.0.0.1:{port}",
        metavar="HOST:PORT",
        help="address to serve on (default: %(default)s)",
    )
    role.add_argument(
        "--web.telemetry-path",
        dest="telemetry_path",
        default="/metrics",
        metavar="PATH",
        help="path of the metrics (default: %(default)s)",
    )
    role.add_argument(
        "--log.level",
        dest="log_level",
        choices=logs.LEVELS,
        default="info",
        help="least important level to log (default: %(default)s)",
    )
    role.add_argument(
        "--log.format",
        dest="log_format",
        choices=logs.FORMATS,
        default="logfmt",
        help="how a log line is written (default: %(default)s)",
    )


def _destination(collector: str) -> str:
    return f"collector_{collector}"


def _seconds(text: str) -> float:
    value = _number(text)
    if not _SHORTEST_SECONDS <= value <= _LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number from {_SHORTEST_SECONDS:g} to {_LONGEST_SECONDS:g}"
        )
    return value


def _count(text: str) -> int:
    value = _number(text)
    if value != int(value) or not 0 <= value <= _MOST_EVENTS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {_MOST_EVENTS}")
    return int(value)


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("an empty name")
    return text


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    return value if math.isfinite(value) else -1.0
