"""`gpuscope-api db`: which tables the database has, and how they become this version's."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from queryapi.errors import ConfigurationError, StoreUnavailable
from queryapi.settings import Settings, load
from queryapi.storage.exclusive import exclusive
from queryapi.telemetry import logs

if TYPE_CHECKING:
    from queryapi.storage.engine import Store

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - unnamed

_ABOUT = """\
The service brings its tables up to date by itself when it starts. This is for those who would
rather do it before: after a copy was made, or as a user of the database who may."""


def add_to(subparsers: "Subparsers") -> None:
    """Add the command to those of `gpuscope-api`."""
    parser = subparsers.add_parser("db", help="look at and upgrade the tables", description=_ABOUT)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, run, about in (
        ("version", _version, "print the tables' version; exit status 1: they are to be upgraded"),
        ("upgrade", _upgrade, "bring the tables to the newest version"),
    ):
        action = actions.add_parser(name, help=about, description=about)
        action.set_defaults(run=run)
        action.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help="settings (YAML)",
            # Given before the command it counts too.
            default=argparse.SUPPRESS,
        )


def _version(options: argparse.Namespace) -> int:
    with _store(_settings(options)) as store:
        found, newest = store.version(), store.newest
    print(f"{found or 'none'} (this gpuscope's: {newest})")
    return 0 if found == newest else 1


def _upgrade(options: argparse.Namespace) -> int:
    settings = _settings(options)
    with exclusive(settings.database_url), _store(settings) as store:
        store.prepare()
        print(f"the tables are of version {store.version()}")
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    settings = load(options.config, os.environ)
    logs.configure(settings.log.level, "text")
    return settings


@contextmanager
def _store(settings: Settings) -> Iterator["Store"]:
    # 14 MB, which the service itself would keep.
    from queryapi.storage.engine import Store  # noqa: PLC0415

    if settings.database_url is None:
        raise ConfigurationError("database_url: no database is configured")
    store = Store(settings.database_url, settings.database_password_file)
    try:
        yield store
    except StoreUnavailable as error:
        raise ConfigurationError(f"database_url: {error}") from error
    finally:
        store.close()
