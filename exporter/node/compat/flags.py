"""The flags of the compatibility with dcgm-exporter."""

import argparse
from pathlib import Path

from exporter.catalogue.dcgm import Generation


def add(node: argparse._ActionsContainer) -> None:
    """Add the flags."""
    node.add_argument(
        "--compat",
        choices=[str(generation) for generation in Generation],
        help="publish the devices under dcgm-exporter's names too, those up to 4.8 or those since "
        "4.9",
    )
    node.add_argument(
        "--compat.only",
        dest="compat_only",
        action="store_true",
        help="publish them instead of our own",
    )
    node.add_argument(
        "--compat.virtual-gpus",
        dest="compat_virtual_gpus",
        action="store_true",
        help="of a device that several pods share, publish every series once per pod, as "
        "dcgm-exporter does with --kubernetes-virtual-gpus",
    )
    node.add_argument(
        "--compat.pod-uid",
        dest="compat_pod_uid",
        action="store_true",
        help="with the label pod_uid, as dcgm-exporter with --kubernetes-enable-pod-uid",
    )
    node.add_argument(
        "--collectors-csv",
        type=Path,
        metavar="FILE",
        help="dcgm-exporter's counters file: which of its fields to publish; read again when it "
        "changes. Alone it means --compat=dcgm-4.8",
    )


def check(options: argparse.Namespace) -> str | None:
    """Return what is wrong with the flags taken together; None when nothing is."""
    if options.compat is None and options.collectors_csv is None:
        for given, flag in (
            (options.compat_only, "--compat.only"),
            (options.compat_virtual_gpus, "--compat.virtual-gpus"),
            (options.compat_pod_uid, "--compat.pod-uid"),
        ):
            if given:
                return f"{flag} needs --compat or --collectors-csv"
    return None
