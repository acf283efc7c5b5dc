"""The flags of both roles: what may be written on the command line, checked and converted."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from exporter import nodeflags
from exporter.cluster.objects.nodes import DEFAULT
from exporter.commonflags import add_common
from exporter.server import Publisher
from exporter.version import __version__

_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.1, 3600.0
_LONGEST_COMPLETED_SECONDS = 7 * 86400.0
_MOST_EVENTS = 500
_MOST_SHARDS = 1000
NODE_FACTS = ("model", "pool", "instance_type", "zone", "region", "clique", "price")
"""Facts of a node that are read from its labels, most of them as gpu_node_info names them.

`pool` decides which pool a node is in, and that nodes without GPUs are published at all.
`price` may stand in an annotation too, and is gpu_node_hourly_price.
"""

Build = Callable[[argparse.Namespace], Publisher]
"""Makes a role's publisher from its flags."""


def parser(*, node: Build, cluster: Build) -> argparse.ArgumentParser:
    """Return the parser; the options it yields carry the chosen role's builder as `build`."""
    top = argparse.ArgumentParser(
        prog="gpuscope-exporter", description="Publish GPUs and GPU pods for Prometheus."
    )
    top.add_argument("--version", action="version", version=f"gpuscope {__version__}")
    roles = top.add_subparsers(dest="role", required=True, metavar="{node,cluster}")
    one = roles.add_parser("node", help="publish this node's devices, as NVML sees them")
    nodeflags.add(one, seconds=_seconds, name=_name)
    one.set_defaults(build=node)
    _add_cluster(
        roles.add_parser("cluster", help="publish a cluster's GPU nodes and GPU pods"), cluster
    )
    return top


def _add_cluster(cluster: argparse.ArgumentParser, build: Build) -> None:
    add_common(cluster, port=9401)
    _add_source(cluster)
    _add_reading(cluster)
    _add_replicas(cluster)
    cluster.set_defaults(build=build)


def _add_source(cluster: argparse.ArgumentParser) -> None:
    cluster.add_argument(
        "--kubeconfig",
        type=Path,
        help="file that says how to reach the API server (default: the "
        "service account of the pod this runs in)",
    )
    cluster.add_argument(
        "--stream-lists",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="receive first lists as a stream where the API server offers it, which spares its "
        "memory; else page by page",
    )
    cluster.add_argument(
        "--stale-after",
        type=_seconds,
        default=120.0,
        metavar="SECONDS",
        help="publish nothing of the cluster once the API server was not heard of for this long "
        "(default: %(default)g)",
    )


def _add_reading(cluster: argparse.ArgumentParser) -> None:
    cluster.add_argument(
        "--cluster-name",
        default="",
        metavar="NAME",
        help="publish gpu_cluster_info with this name; the label `cluster` is Prometheus' to add",
    )
    cluster.add_argument(
        "--allowed-taint",
        dest="allowed_taints",
        action="append",
        default=[],
        metavar="PATTERN",
        help="a taint key (* and ? allowed) that does not keep GPU pods away, beside the GPU "
        "vendors' own; may be repeated",
    )
    cluster.add_argument(
        "--node-label",
        dest="node_labels",
        action="append",
        type=_node_label,
        default=[],
        metavar="FACT=LABEL[,LABEL]",
        help=f"node labels that a fact of a node ({', '.join(NODE_FACTS)}) is read from, "
        "first match; may be repeated. pool= decides which compute pool a node is in (default: "
        f"{', '.join(DEFAULT.pool)}); price= may name annotations too (default: "
        f"{', '.join(DEFAULT.price)})",
    )
    cluster.add_argument(
        "--completed-for",
        type=_long_seconds,
        default=3600.0,
        metavar="SECONDS",
        help="how long an ended pod that still exists keeps its series (default: %(default)g)",
    )
    cluster.add_argument(
        "--events",
        type=_events,
        default=100,
        metavar="N",
        help="how many of the newest happenings to publish (default: %(default)s)",
    )


def _add_replicas(cluster: argparse.ArgumentParser) -> None:
    cluster.add_argument(
        "--shard",
        type=int,
        default=0,
        metavar="I",
        help="which part of the cluster to publish, from 0 (default: %(default)s)",
    )
    cluster.add_argument(
        "--total-shards",
        type=int,
        default=1,
        metavar="N",
        help="how many exporters share the cluster (default: %(default)s)",
    )
    cluster.add_argument(
        "--leader-elect",
        action="store_true",
        help="publish the cluster only while holding a Lease, so that replicas can stand by",
    )
    cluster.add_argument(
        "--leader-elect.lease",
        dest="lease",
        type=_lease,
        default=("", "gpuscope-cluster-exporter"),
        metavar="[NAMESPACE/]NAME",
        help="the Lease (default: gpuscope-cluster-exporter, in the pod's own namespace); with "
        "shards, -I is appended",
    )


def check(options: argparse.Namespace) -> str | None:
    """Return what is wrong with the flags taken together; None when nothing is."""
    if options.role == "cluster":
        if not 1 <= options.total_shards <= _MOST_SHARDS:
            return f"--total-shards {options.total_shards} is not from 1 to {_MOST_SHARDS}"
        if not 0 <= options.shard < options.total_shards:
            last = options.total_shards - 1
            return f"--shard {options.shard} is not from 0 to {last} (--total-shards less one)"
        return None
    return nodeflags.check(options)


def _seconds(text: str) -> float:
    return _number_between(text, _SHORTEST_SECONDS, _LONGEST_SECONDS)


def _long_seconds(text: str) -> float:
    return _number_between(text, 0.0, _LONGEST_COMPLETED_SECONDS)


def _events(text: str) -> int:
    value = _number_between(text, 0, _MOST_EVENTS)
    if value != int(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(value)


def _number_between(text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:  # not a number compares false
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
    return value


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("an empty name")
    return text


def _node_label(text: str) -> tuple[str, tuple[str, ...]]:
    fact, _, names = text.partition("=")
    labels = tuple(name.strip() for name in names.split(",") if name.strip())
    if fact not in NODE_FACTS or not labels:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not FACT=LABEL[,LABEL] with a FACT of {', '.join(NODE_FACTS)}"
        )
    return fact, labels


def _lease(text: str) -> tuple[str, str]:
    namespace, _, name = text.rpartition("/")
    if not name or "/" in namespace:
        raise argparse.ArgumentTypeError(f"{text!r} is not [NAMESPACE/]NAME")
    return namespace, name
