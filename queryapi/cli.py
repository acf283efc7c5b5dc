"""The command `gpuscope-api`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from queryapi import server, version
from queryapi.errors import ConfigurationError
from queryapi.settings import Settings, load
from queryapi.telemetry import logs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the query service; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = load(options.config, os.environ)
        if options.check_config:
            print(_summary(settings))
            return 0
        logs.configure(settings.log.level, settings.log.format)
        server.serve(settings)
    except ConfigurationError as error:
        print(f"gpuscope-api: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gpuscope-api", description="Answers the documented JSON APIs from Prometheus."
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (YAML)")
    parser.add_argument(
        "--check-config", action="store_true", help="say whether the settings can be used"
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version.current()}")
    return parser


def _summary(settings: Settings) -> str:
    clusters = ", ".join(
        f"{cluster.name} ({', '.join(cluster.urls)})" for cluster in settings.clusters
    )
    return f"settings are usable: listen on {', '.join(settings.listen)}; clusters {clusters}"


if __name__ == "__main__":
    sys.exit(main())
