"""`gpuscope-api job`: shows in a terminal how a job gets on."""

import argparse
import io
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

from queryapi.commands.watching.view import View, changes, drawn, monitored, told
from queryapi.commands.watching.way import SILENCE, Way
from queryapi.errors import ConfigurationError, ResourceNotFound

_URL = "http://127.0.0.1:8080"
_HTTP_PORT, _STREAM_PORT = 8080, 8081
_WELL, _FAILED, _NOT_FOUND, _NOT_WATCHED, _INTERRUPTED = 0, 1, 2, 3, 130
_UNREAD = 141
_ABOUT = """\
Shows progress, GPUs, time left, cost and the last log lines until the job ends. Exit status 0: it
has completed, or runs and --once was given; 1: it has failed or was cancelled; 2: there is no such
job; 3: it cannot be watched."""


def add_to(commands: Any) -> None:
    """Add the command to *commands*, what argparse's `add_subparsers` returned."""
    about = "watch a job"
    actions = commands.add_parser("job", help=about, description=about).add_subparsers(
        metavar="ACTION", required=True
    )
    watch = actions.add_parser("watch", help="show how a job gets on", description=_ABOUT)
    watch.set_defaults(run=run)
    watch.add_argument("job", metavar="JOB", help="its id")
    watch.add_argument("--url", default=os.environ.get("GPUSCOPE_URL") or _URL,
        help=f"the HTTP API; default: GPUSCOPE_URL, else {_URL}")  # fmt: skip
    watch.add_argument("--stream-url", metavar="URL",
        help="the WebSockets; default: /ws there, on port 8081 where --url has 8080")  # fmt: skip
    watch.add_argument("--token-file", type=Path, metavar="FILE",
        help="holds a token; default: GPUSCOPE_TOKEN, else GPUSCOPE_TOKEN_FILE")  # fmt: skip
    watch.add_argument("--once", action="store_true", help="show how it is now, and end")


def run(options: argparse.Namespace) -> int:
    """Watch, and return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Jobs say what they like, terminals show what they can.
        sys.stdout.reconfigure(errors="replace")
    try:
        way = Way(
            options.url,
            options.stream_url or _beside(options.url),
            options.job,
            lambda: _token(options.token_file),
        )
        return _watch(way, _Screen(sys.stdout), once=options.once)
    except ResourceNotFound as error:
        print(f"gpuscope-api: {error}", file=sys.stderr)
        return _NOT_FOUND
    except ConfigurationError as error:
        print(f"gpuscope-api: {error}", file=sys.stderr)
        return _NOT_WATCHED
    except BrokenPipeError:
        # Who read, as `head` does, has enough; nothing is left to be flushed at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _UNREAD
    except KeyboardInterrupt:
        return _INTERRUPTED


def _watch(way: Way, screen: "_Screen", *, once: bool) -> int:
    answer = way.monitor()
    view = monitored(View(way.job), answer)
    screen.show(view)
    if not once and not view.over:
        # From there on: what is shown already would be told as it was at the last report.
        begin = {"since": answer["seq"], "epoch": answer["epoch"]} if "seq" in answer else {}
        view = _followed(way, screen, begin)
    return _WELL if view.status == "COMPLETED" or not view.over else _FAILED


def _followed(way: Way, screen: "_Screen", begin: dict[str, Any]) -> View:
    def lost(why: str) -> None:
        screen.show(replace(screen.shown, note=why))

    for message in way.messages(lost, begin):
        kind = message.get("type")
        note = str(message["data"].get("message", "")) if kind == "error" else ""
        view = replace(told(screen.shown, message), note=note)
        if kind == SILENCE or (kind == "subscribed" and not message["data"].get("recovered")):
            # What happened while nobody listened is asked for; the rest follows.
            view = _asked_again(way, view)
        screen.show(view)
        if view.over:
            break
    return screen.shown


def _asked_again(way: Way, view: View) -> View:
    try:
        return monitored(view, way.monitor())
    except ConfigurationError as error:
        return replace(view, note=str(error))


class _Screen:
    """Draws in place on a terminal; elsewhere it writes what has changed, line by line."""

    def __init__(self, out: TextIO) -> None:
        self.shown = View("")
        self._out = out
        self._height = 0

    def show(self, view: View) -> None:
        """Show *view* in place of what was shown."""
        if self._out.isatty():
            lines = drawn(view, shutil.get_terminal_size().columns - 1)
            # Back to the first line, and nothing below is left.
            up = f"\x1b[{self._height}A" if self._height else ""
            self._out.write("".join([up, "\r\x1b[J", *(f"{line}\n" for line in lines)]))
            self._height = len(lines)
        else:
            self._out.write("".join(f"{line}\n" for line in changes(self.shown, view)))
        self._out.flush()
        self.shown = view


def _beside(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"--url: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError("--url: must begin with http:// or https:// and name a host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = _STREAM_PORT if port == _HTTP_PORT else port
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{host}{'' if port is None else f':{port}'}/ws"


def _token(path: Path | None) -> str | None:
    given = os.environ
    if path is None and given.get("GPUSCOPE_TOKEN"):
        return given["GPUSCOPE_TOKEN"].strip()
    name = path or given.get("GPUSCOPE_TOKEN_FILE")
    try:
        token = Path(name).read_text(encoding="utf-8").strip() if name else None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the token cannot be read: {error}") from error
    if token and not (token.isascii() and token.isprintable()):
        # What is said of a header that cannot be sent would tell it.
        raise ConfigurationError(f"{name} holds no token: it must be one line, and nothing else")
    return token
