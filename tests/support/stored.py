"""What tests keep in a database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from demo.processes import wait_for
from queryapi.errors import StoreUnavailable
from queryapi.storage import pools
from queryapi.storage.engine import Store
from queryapi.storage.records import Activity, NodeType, Pool

POOL = Pool(
    id="pool-1",
    cluster="prod-cluster",
    name="Trainers \N{SNOWMAN}",
    description="For training",
    region="eu-1",
    provider="ours",
    node_types=(NodeType("a100-8", 4), NodeType("h100-8", 2)),
    tags=("team:ml", "spot"),
    selector={"pool": ("train",), "model": ("A100", "H100")},
    maintenance=False,
    created_at=1_000.25,
    updated_at=1_000.5,
    resized_at=1_000.75,
)
CREATED = Activity(
    pool_id="pool-1",
    pool_name="Trainers",
    cluster="prod-cluster",
    action="pool-created",
    details="Created",
    at=1_000.25,
    user="ann",
)

NEVER_HUNG = 20.0
"""Seconds within which whatever is bounded has ended, however busy the machine is."""


def pool(name: str, **changes: object) -> Pool:
    """Return a pool of that id."""
    return msgspec.structs.replace(POOL, id=name, **changes)


def prepared(folder: Path) -> str:
    """Make a SQLite database whose tables are there, and nothing in them; returns its URL.

    To bring them up to date costs a service a third of its start.
    """
    file = folder / "gpuscope.db"
    file.write_bytes(_tables())
    file.chmod(0o600)
    return f"sqlite:///{file}"


@cache
def _tables() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "gpuscope.db"
        with stored(f"sqlite:///{file}") as store:
            store.prepare()
        # Closed: nothing of it is in its log.
        return file.read_bytes()


@contextmanager
def stored(url: str) -> Iterator[Store]:
    """Give a store that is closed in the end."""
    with closing(Store(url)) as store:
        yield store


def names(store: Store) -> list[str]:
    """Return the ids of all pools."""
    with store.reading() as session:
        return [one.id for one in pools.every(session)]


def works(store: Store) -> bool:
    """Tell whether the database answers."""
    try:
        names(store)
    except StoreUnavailable:
        return False
    return True


def wait_until_it_works(store: Store) -> None:
    """Wait until the database answers again."""
    wait_for(lambda: works(store), seconds=NEVER_HUNG, what="the database", every=0.05)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log has from the database's side."""
    return [it.message for it in caplog.records if it.name.startswith("queryapi.storage")]
