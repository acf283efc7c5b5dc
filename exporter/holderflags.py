"""The flags of the node role about who holds a device: `exporter/node/holders/` finds it out."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

Flags = argparse._ActionsContainer  # noqa: SLF001 - a parser or a group, by no public name


def add(node: Flags, *, seconds: Callable[[str], float]) -> None:
    """Add the flags.

    Args:
        node: Where they belong.
        seconds: Reads a time.
    """
    _add_kubelet(node, seconds)
    _add_others(node)


def check(options: argparse.Namespace) -> str | None:
    """Return what is wrong with the flags taken together; None when nothing is."""
    if options.podresources_max_age < options.podresources_interval:
        return (
            f"--podresources.max-age {options.podresources_max_age:g} is shorter than "
            f"--podresources.interval {options.podresources_interval:g}: "
            "who holds a device would be known now and then"
        )
    if options.kubeconfig is not None and not options.kubernetes_api:
        return "--kubeconfig needs --kubernetes.api"
    return None


def _add_kubelet(node: Flags, seconds: Callable[[str], float]) -> None:
    node.add_argument(
        "--podresources.socket",
        dest="podresources_socket",
        default="/var/lib/kubelet/pod-resources/kubelet.sock",
        metavar="PATH",
        help="where the kubelet says which pods hold devices; empty: is not asked (default: "
        "%(default)s)",
    )
    node.add_argument(
        "--podresources.interval",
        dest="podresources_interval",
        type=seconds,
        default=10.0,
        metavar="SECONDS",
        help="time between two questions (default: %(default)g)",
    )
    node.add_argument(
        "--podresources.max-age",
        dest="podresources_max_age",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="for how long an answer stands when no newer one comes (default: %(default)g)",
    )
    node.add_argument(
        "--podresources.resource",
        dest="podresources_resources",
        action="append",
        type=_pattern,
        default=[],
        metavar="REGEX",
        help="further resources, or DRA drivers, that are about GPUs, by their whole name, beside "
        "nvidia.com/* and gpu.nvidia.com; may be repeated",
    )


def _add_others(node: Flags) -> None:
    node.add_argument(
        "--kubernetes.api",
        dest="kubernetes_api",
        action="store_true",
        help="also follow this node's pods and ResourceSlices in the Kubernetes API: names claimed "
        "devices, leaves out pods that have ended; takes 30 MB of memory",
    )
    node.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="file that says how to reach the API server, for --kubernetes.api (default: the "
        "service account of the pod this runs in)",
    )
    node.add_argument(
        "--collector.pod-processes",
        dest="pod_processes",
        action="store_true",
        help="also tell pods by their processes' control groups; needs hostPID",
    )
    node.add_argument(
        "--hpc-job-mapping-dir",
        dest="hpc_jobs",
        type=Path,
        metavar="DIR",
        help="folder with a file for each GPU or MIG instance, <gpu> or <gpu>.<gi>, that holds the "
        "ids of the batch jobs it is given to, one in a line",
    )


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from error
    return text
