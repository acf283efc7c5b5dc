"""`gpuscope-api doctor`: tells an operator in plain lines what a Prometheus lacks."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from queryapi.commands.diagnosis.examination import Examination
from queryapi.commands.diagnosis.findings import Diagnosis, Finding, Level, report, text
from queryapi.commands.diagnosis.reader import Reader
from queryapi.errors import ConfigurationError, UpstreamUnavailable
from queryapi.settings import Cluster, Settings, load

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - unnamed

_ABOUT = """\
Reads the Prometheus of each cluster independently of the service and says what its answers lack.
Exit status 0: all is well; 1: something is to be done."""


def add_to(subparsers: "Subparsers") -> None:
    """Add the command to those of `gpuscope-api`."""
    parser = subparsers.add_parser(
        "doctor", help="say what a Prometheus lacks for the answers", description=_ABOUT
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings (YAML)",
        # Given before the command it counts too.
        default=argparse.SUPPRESS,
    )
    parser.add_argument("--cluster", metavar="NAME", help="look at this cluster alone")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look, print, and return the exit status.

    Raises:
        ConfigurationError: When the settings cannot be used, or a package is missing.
    """
    settings = load(options.config, os.environ)
    told = report(
        [
            diagnosis
            for cluster in _chosen(settings, options.cluster)
            for diagnosis in _diagnoses(cluster, settings, time.time)
        ]
    )
    sys.stdout.write(f"{msgspec.json.encode(told).decode()}\n" if options.json else text(told))
    return 0 if told.well else 1


def _chosen(settings: Settings, name: str | None) -> tuple[Cluster, ...]:
    chosen = tuple(c for c in settings.clusters if name is None or c.name == name)
    if not chosen:
        names = ", ".join(cluster.name for cluster in settings.clusters)
        raise ConfigurationError(f"--cluster: no cluster {name!r} is configured; there is {names}")
    return chosen


def _diagnoses(
    cluster: Cluster, settings: Settings, clock: Callable[[], float]
) -> Iterator[Diagnosis]:
    """Yield one diagnosis per replica: each has to be complete."""
    for url in cluster.urls:
        try:
            reader = Reader(url, cluster, settings)
        except UpstreamUnavailable as error:
            finding = Finding(Level.PROBLEM, "credentials", str(error))
            yield Diagnosis(cluster.name, url, (finding,))
            continue
        try:
            yield Examination(cluster, settings, reader, clock).diagnosis(url)
        finally:
            reader.close()
