"""`gpuscope-api token`: makes, lists and revokes tokens in the file that the service follows."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from queryapi.access import tokenfile
from queryapi.access.tokens import Book, Token, mint
from queryapi.errors import ConfigurationError
from queryapi.settings import Role, Settings, read

_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=3650)
_MOST_NAME = 64
_HEAD = ("ID", "NAME", "ROLE", "CLUSTERS", "NAMESPACES", "CREATED", "EXPIRES")


def add_to(commands: Any) -> None:
    """Add the command to *commands*, what argparse's `add_subparsers` returned."""
    about = "make, list and revoke tokens"
    actions = commands.add_parser("token", help=about, description=about).add_subparsers(
        metavar="ACTION", required=True
    )
    new = _action(actions, "new", _new, "print a new token, once; only its digest is kept")
    new.add_argument("--role", choices=[role.value for role in Role], required=True)
    new.add_argument("--name", type=_name, help="what its bearer is called in logs")
    new.add_argument("--cluster", action="append", default=[], metavar="NAME",
        help="a cluster its bearer sees; may be repeated; default: all")  # fmt: skip
    new.add_argument("--namespace", action="append", default=[], metavar="NAME",
        help="a namespace its bearer sees; may be repeated; default: all")  # fmt: skip
    new.add_argument("--expires", type=_span, metavar="SPAN",
        help="how long it is good, as in 12h, 30d or 8w; default: until it is revoked")  # fmt: skip
    _action(actions, "list", _list, "show the tokens, none of which can be used")
    revoke = _action(
        actions, "revoke", _revoke, "take a token back; the service follows within 1 s"
    )
    revoke.add_argument("id", metavar="ID", help="what `list` shows, and the middle of the token")


def _action(actions: Any, name: str, run: Any, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
    parser.set_defaults(run=run)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--file", type=Path, metavar="FILE", help="the file of tokens")
    # Given before the command as well: a default here would undo that.
    where.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS,
        help="settings whose auth.tokens_file it is")  # fmt: skip
    return parser


def _new(options: argparse.Namespace) -> int:
    path, settings = _file(options)
    known = {cluster.name for cluster in settings.clusters} if settings else None
    unknown = [name for name in options.cluster if known is not None and name not in known]
    if unknown:
        raise ConfigurationError(f"--cluster: {unknown[0]!r} is not among the clusters")
    now = datetime.now(UTC).replace(microsecond=0)
    text, token = mint(
        role=Role(options.role),
        name=options.name or "",
        created=now,
        expires=now + options.expires if options.expires else None,
        clusters=options.cluster,
        namespaces=options.namespace,
    )

    def added(book: Book) -> tuple[Book, None]:
        return msgspec.structs.replace(book, tokens=(*book.tokens, token)), None

    tokenfile.edit(path, added)
    ends = f"until {_moment(token.expires)}" if token.expires else "until it is revoked"
    print(
        f"token {token.id} of role {token.role} is good {ends}; it is in {path} by its digest."
        " This is the only time it is shown:",
        file=sys.stderr,
        flush=True,
    )
    print(text)
    return 0


def _list(options: argparse.Namespace) -> int:
    book = tokenfile.load(_file(options)[0])
    rows = [_HEAD, *(_row(token) for token in book.tokens)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    return 0


def _revoke(options: argparse.Namespace) -> int:
    path, _ = _file(options)

    def without(book: Book) -> tuple[Book, Token]:
        for token in book.tokens:
            if token.id == options.id:
                left = tuple(other for other in book.tokens if other is not token)
                return msgspec.structs.replace(book, tokens=left), token
        # What was given may be a whole token: it is not repeated.
        raise ConfigurationError(
            f"{path}: has no token of that ID; `gpuscope-api token list` shows those it has"
        )

    if not path.exists():
        raise ConfigurationError(f"{path}: there is no such file")
    token = tokenfile.edit(path, without)
    print(f"token {token.id} ({token.name}) is revoked", file=sys.stderr)
    return 0


def _file(options: argparse.Namespace) -> tuple[Path, Settings | None]:
    if options.file is not None:
        return options.file, None
    # Not checked: the file that they name need not be there before the first token is.
    settings = read(options.config, os.environ)
    if settings.auth.tokens_file is None:
        raise ConfigurationError(
            "there is no file of tokens: give --file, or --config with auth.tokens_file set"
        )
    return Path(settings.auth.tokens_file), settings


def _row(token: Token) -> Sequence[str]:
    ends = _moment(token.expires) if token.expires else "never"
    over = " (over)" if token.expired(datetime.now(UTC).timestamp()) else ""
    return (
        token.id,
        token.name,
        token.role,
        _limits(token.clusters),
        _limits(token.namespaces),
        _moment(token.created),
        ends + over,
    )


def _limits(names: Sequence[str] | None) -> str:
    return "all" if names is None else ",".join(names)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(text: str) -> str:
    if not 0 < len(text) <= _MOST_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(f"must be one line of 1 to {_MOST_NAME} characters")
    return text


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    span = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    if span is None or span > _LONGEST:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a span such as 12h, 30d or 8w, of {_LONGEST.days} days at most"
        )
    return span
