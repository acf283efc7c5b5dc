"""The documented way from SQLite to PostgreSQL, as it stands in docs/serving.md."""

import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from queryapi.storage import activity, conditions, members, pools
from queryapi.storage.engine import Store
from queryapi.storage.records import Condition, Member, Status
from tests.support.postgresql import PostgresqlServer
from tests.support.stored import CREATED, POOL, pool, stored

_PAGE = Path(__file__).parents[3] / "docs" / "serving.md"
_SETTLED = Condition("pool-1", "prod-cluster", Status.ACTIVE, 5.5, None, None, 1.25, "Trainers")
_ODD = msgspec.structs.replace(CREATED, details='Said: "a, b"\nand\ttab, \N{SNOWMAN}', user="")


def _script() -> str:
    page = _PAGE.read_text(encoding="utf-8")
    [found] = re.findall(r"```sh\n(.*?)```", page.partition("### From SQLite")[2], re.DOTALL)
    return f"set -euo pipefail\n{found}"


def _everything(store: Store) -> tuple[object, ...]:
    with store.reading() as session:
        return (
            pools.every(session),
            activity.page(session, limit=100),
            conditions.every(session),
            members.of_cluster(session, "prod-cluster"),
        )


@pytest.mark.e2e
def test_all_is_there_and_numbers_go_on(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """Nulls, empty texts, quotes and fractions arrive as they were; ids are never given twice."""
    file = tmp_path / "gpuscope.db"
    with stored(f"sqlite:///{file}") as store:
        with store.writing() as session:
            assert (1, 1) == pools.next_number(session)
            pools.insert(session, POOL)
            pools.insert(session, pool("b", description="", tags=(), node_types=()))
            activity.add(session, [CREATED, _ODD])
            conditions.put(session, [_SETTLED])
            members.put(session, [Member("prod-cluster", "n1", "pool-1", "", cordoned=False)])
        before = _everything(store)
    url = postgresql.fresh()

    with stored(url) as store:
        store.prepare()
        subprocess.run(
            ["bash", "-c", _script()],
            env={**os.environ, "FILE": str(file), "URL": url.replace("+psycopg", "")},
            check=True,
            capture_output=True,
        )
        assert before == _everything(store)
        assert 1 == store.revision()
        with store.writing() as session:
            assert 2 == pools.next_number(session)[0]
            activity.add(session, [CREATED])
        with store.reading() as session:
            assert [3] == [one.number for one in activity.page(session, limit=1)]
