"""The documented way from SQLite to PostgreSQL, as it stands in docs/serving.md."""

import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from queryapi.storage import activity, conditions, jobevents, joblogs, jobs, members, pools
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import Event, LogLine, Tariff
from queryapi.storage.records import Condition, Member, Status
from queryapi.storage.tables import METADATA
from tests.support.postgresql import PostgresqlServer
from tests.support.reporting import JOB
from tests.support.stored import CREATED, POOL, pool, stored

_PAGE = Path(__file__).parents[3] / "docs" / "serving.md"
_SETTLED = Condition("pool-1", "prod-cluster", Status.ACTIVE, 5.5, None, None, 1.25, "Trainers")
_ODD = msgspec.structs.replace(CREATED, details='Said: "a, b"\nand\ttab, \N{SNOWMAN}', user="")

_JOB = msgspec.structs.replace(JOB, tariffs=(Tariff(1.0, "2.99", "x"),), operation="", pod=None)
_EVENT = Event(1, 1, 1.5, "progress", 1, 45.5, cost="0.1")
_LINES = (LogLine(1, 2000, 1.5, "info", 'a\n"b"', 2.5), LogLine(1, 2001, 1.5, "error", "", 2.5))


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
            jobs.one(session, _JOB.id),
            jobevents.after(session, 1, 0, limit=9),
            joblogs.after(session, 1, 0, limit=9),
        )


def test_every_table_is_copied() -> None:
    """But for what a service makes anew: answers to repeated requests, and who does what."""
    copied = re.search(r"^for table in (.*?); do$", _script(), re.MULTILINE)

    assert copied is not None
    assert set(METADATA.tables) - {"answers", "leases"} == set(copied[1].split())


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
            jobs.begin(session, _JOB)
            jobevents.add(session, [_EVENT])
            joblogs.add(session, _LINES)
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
            assert 2 == jobs.begin(session, msgspec.structs.replace(_JOB, id="another"))
        with store.reading() as session:
            assert [3] == [one.number for one in activity.page(session, limit=1)]
