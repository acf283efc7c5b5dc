"""The service has its tables before it serves, or serves what needs none."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import text

from demo.processes import LOOPBACK, free_port
from queryapi.storage.backend import backend
from queryapi.storage.manner import Manner, connect
from queryapi.storage.tables import REVISIONS
from tests.support.api_process import COMMAND, Api, api
from tests.support.postgresql import PostgresqlServer
from tests.support.processes import children
from tests.support.stored import stored
from tests.support.whole import some

pytestmark = pytest.mark.e2e

_NOWHERE = "http://127.0.0.1:1"


def _refused(folder: Path, url: str) -> str:
    """Return what a service says that does not start."""
    settings = folder / "second.yml"
    listen = f"[{LOOPBACK}:{free_port()}]"
    settings.write_text(f"{{listen: {listen}, stream_listen: null, database_url: '{url}'}}")
    done = subprocess.run(
        [*COMMAND, "--config", str(settings)],
        capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    assert 1 == done.returncode, done.stderr
    return done.stderr


@pytest.fixture(name="file", scope="module")
def _file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that nobody has made yet."""
    return tmp_path_factory.mktemp("sqlite") / "gpuscope.db"


@pytest.fixture(name="service", scope="module")
def _service(file: Path) -> Iterator[Api]:
    """The first service on that file; the last test of this module has another one."""
    with api(file.parent, _NOWHERE, {"database_url": f"sqlite:///{file}"}) as running:
        yield running


def test_tables_are_there_before_anybody_asks(service: Api, file: Path) -> None:
    """Whether or not there was a file."""
    assert service.process.alive()
    with stored(f"sqlite:///{file}") as store:
        assert REVISIONS[-1] == store.version()


def test_a_servers_tables_are_there_too(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    """Where they were not, and where another service made them."""
    url = postgresql.fresh()
    for _ in range(some(1, 2)):
        with api(tmp_path, _NOWHERE, {"database_url": url}), stored(url) as store:
            assert REVISIONS[-1] == store.version()


def test_what_brings_tables_up_to_date_ends_with_that(service: Api) -> None:
    """Neither the process that listens nor its workers keep it in memory."""
    parent = service.process.pid
    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in (parent, *children(parent))]

    assert 2 == len(maps)
    assert not [each for each in maps if "sqlite3" in each and "psycopg" in each]


def test_a_second_service_on_the_same_file_does_not_start(
    service: Api, file: Path, tmp_path: Path
) -> None:
    """It names the one that runs, and starts when that has ended."""
    url = f"sqlite:///{file}"
    said = _refused(tmp_path, url)

    assert f"database_url: process {service.process.pid} already serves from" in said
    assert "share a PostgreSQL" in said
    service.process.stop()
    with api(tmp_path, _NOWHERE, {"database_url": url}), stored(url) as store:
        assert REVISIONS[-1] == store.version()


def test_tables_of_a_newer_version_are_not_served(database_url: str, tmp_path: Path) -> None:
    """An older service would not know what it does to them."""
    with stored(database_url) as store:
        store.prepare()
    engine = backend(database_url, None).make()
    with connect(engine, Manner.WRITING) as session, session.begin():
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    [line] = [it for it in _refused(tmp_path, database_url).splitlines() if "9999" in it]

    assert line.startswith("gpuscope-api: database_url: the tables are of version 9999, which a")


def test_a_database_that_does_not_answer_keeps_nothing_else_from_working(tmp_path: Path) -> None:
    """The service says so in its log and serves what needs none."""
    url = f"postgresql://gpuscope:secret@{LOOPBACK}:{free_port()}/gpuscope"
    with api(tmp_path, _NOWHERE, {"database_url": url}) as service:
        assert requests.codes.ok == service.get("/api/v1/system/health").status_code

    log = (tmp_path / "api.log").read_text()
    assert "pools are not to be had until the database is: the database does not answer" in log
    assert "secret" not in log
