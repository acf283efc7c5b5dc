"""The flags that both roles have: how they serve, and what they log."""

import argparse
from pathlib import Path

from exporter import logs
from exporter.server import MOST_REQUESTS

_MOST_REQUESTS_ALLOWED = 1000


def add_common(role: argparse.ArgumentParser, *, port: int) -> None:
    """Add them to a role that listens on *port* unless told otherwise."""
    _add_web(role.add_argument_group("serving (docs/exporter-web.md)"), port=port)
    logging = role.add_argument_group("logging")
    logging.add_argument(
        "--log.level",
        dest="log_level",
        choices=logs.LEVELS,
        default="info",
        help="least important level to log (default: %(default)s)",
    )
    logging.add_argument(
        "--log.format",
        dest="log_format",
        choices=logs.FORMATS,
        default="logfmt",
        help="how a log line is written (default: %(default)s)",
    )


def _add_web(role: "argparse._ArgumentGroup", *, port: int) -> None:
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
        "--web.config.file",
        dest="web_config",
        type=Path,
        metavar="FILE",
        help="TLS, users and headers, in the format of Prometheus' own exporters; followed while "
        "it is used (default: plain HTTP for everybody)",
    )
    role.add_argument(
        "--web.max-requests",
        dest="most_requests",
        type=_requests,
        default=MOST_REQUESTS,
        metavar="N",
        help="scrapes that are answered at once; others get 503 (default: %(default)s)",
    )


def _requests(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_REQUESTS_ALLOWED:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from 1 to {_MOST_REQUESTS_ALLOWED}"
        )
    return int(text)
