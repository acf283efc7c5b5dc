"""The flags of the node role, in the groups in which `--help` shows them."""

import argparse
import os
import socket
from collections.abc import Callable

from exporter import holderflags
from exporter.commonflags import add_common
from exporter.node.collector import Group, Pace
from exporter.node.collectors import COLLECTORS
from exporter.node.compat import flags as compat

Seconds = Callable[[str], float]


def add(node: argparse.ArgumentParser, *, seconds: Seconds, name: Callable[[str], str]) -> None:
    """Add the flags.

    Args:
        node: Where they belong.
        seconds: Reads a time.
        name: Reads a name.
    """
    node.usage = "gpuscope-exporter node [FLAG ...]"
    node.formatter_class = argparse.RawDescriptionHelpFormatter
    add_common(node, port=9400)
    collection = node.add_argument_group("collection (docs/node.md)")
    collection.add_argument(
        "--node-name",
        type=name,
        default=os.environ.get("NODE_NAME") or socket.gethostname(),
        metavar="NAME",
        help="the name Kubernetes knows this node by (env NODE_NAME; default: %(default)s)",
    )
    _add_pace(collection, seconds)
    _add_release(collection, seconds)
    _add_collectors(node)
    holderflags.add(node.add_argument_group("who holds a device"), seconds=seconds)
    compat.add(node.add_argument_group("dcgm-exporter's names (docs/dcgm.md)"))


def collector_flag(collector: str) -> str:
    """Return the option that tells whether a collector of the node role runs."""
    return f"collector_{collector}"


def pace(options: argparse.Namespace) -> Pace:
    """Return how often each group is read: none more often than there are collections."""
    default = Pace()
    return Pace(
        options.interval,
        options.medium_interval or max(default.medium, options.interval),
        options.slow_interval or max(default.slow, options.interval),
    )


def check(options: argparse.Namespace) -> str | None:
    """Return what is wrong with the flags taken together; None when nothing is."""
    for group in (Group.MEDIUM, Group.SLOW):
        given = getattr(options, f"{group}_interval")
        if given is not None and given < options.interval:
            return (
                f"--collection.{group}-interval {given:g} is shorter than "
                f"--collection.interval {options.interval:g}: nothing is read between collections"
            )
    return holderflags.check(options) or compat.check(options)


def _add_pace(collection: "argparse._ArgumentGroup", seconds: Seconds) -> None:
    collection.add_argument(
        "--collection.interval",
        dest="interval",
        type=seconds,
        default=Pace().fast,
        metavar="SECONDS",
        help="time between two collections (default: %(default)g)",
    )
    for group, default in ((Group.MEDIUM, Pace().medium), (Group.SLOW, Pace().slow)):
        collection.add_argument(
            f"--collection.{group}-interval",
            dest=f"{group}_interval",
            type=seconds,
            metavar="SECONDS",
            help=f"time between two readings of the {group} group (default: {default:g}, or that "
            "between two collections when it is longer)",
        )


def _add_release(collection: "argparse._ArgumentGroup", seconds: Seconds) -> None:
    collection.add_argument(
        "--driver.release-for",
        dest="release_seconds",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="at SIGUSR1, let go of the driver for so long, so that it can be unloaded or a device "
        "be reset; SIGUSR2 takes it back sooner (default: %(default)g)",
    )


def _add_collectors(node: argparse.ArgumentParser) -> None:
    width = max(len(collector.name) for collector in COLLECTORS)
    lines = (
        f"  {'' if collector.default else '*':1} {collector.name:{width}}  {collector.help}"
        for collector in COLLECTORS
    )
    collectors = node.add_argument_group(
        "collectors",
        "--collector.NAME turns one on, --no-collector.NAME off; all but those with a star are on\n"
        "\n" + "\n".join(lines),
    )
    for collector in COLLECTORS:
        collectors.add_argument(
            f"--collector.{collector.name}",
            dest=collector_flag(collector.name),
            action=argparse.BooleanOptionalAction,
            default=collector.default,
            help=argparse.SUPPRESS,
        )
