"""The command `gpuscope-api`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from queryapi import version
from queryapi.commands import db, doctor, job, token
from queryapi.errors import ConfigurationError
from queryapi.settings import Settings, load
from queryapi.telemetry import logs
from queryapi.wiring.checking import check

# Each module's `add_to` adds one subcommand.
_COMMANDS = (token, db, doctor, job)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the query service or one of its commands; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ConfigurationError as error:
        print(f"gpuscope-api: {error}", file=sys.stderr)
        return 1
    return status


def _serve(options: argparse.Namespace) -> int:
    settings = load(options.config, os.environ)
    check(settings)
    if options.check_config:
        print(_summary(settings))
        return 0
    logs.configure(settings.log.level, settings.log.format)
    # Two thirds of a second: only for those who serve.
    from queryapi import server  # noqa: PLC0415

    return server.serve(settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gpuscope-api",
        description="Answers the documented JSON APIs from Prometheus; without a command, serves.",
    )
    parser.set_defaults(run=_serve)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (YAML)")
    parser.add_argument(
        "--check-config", action="store_true", help="say whether the settings can be used"
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version.current()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.add_to(commands)
    return parser


def _summary(settings: Settings) -> str:
    clusters = ", ".join(
        f"{cluster.name} ({', '.join(cluster.urls)})" for cluster in settings.clusters
    )
    stream = f"; WebSockets on {settings.stream_listen}" if settings.stream_listen else ""
    return (
        f"settings are usable: listen on {', '.join(settings.listen)}{stream}; clusters {clusters}"
    )


if __name__ == "__main__":
    sys.exit(main())
