"""SQLite on a disk that is full, or locked by somebody else: refused, and nothing is lost."""

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import wait_for
from tests.support.jobs_told import Jobs, load
from tests.support.killable import SECONDS

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

_DISK_BYTES = 16 << 20
_PIECE = 1 << 12


@dataclass(frozen=True)
class Stand:
    """The service as it is shipped for one process, on a disk of its own."""

    jobs: Jobs
    disk: Path

    @property
    def file(self) -> Path:
        """The database."""
        return self.disk / "gpuscope.db"

    def metric(self, name: str) -> float:
        """Return one of the service's own metrics."""
        text = requests.get(f"{self.jobs.service.url}/metrics", timeout=30).text
        return next(float(it.split()[1]) for it in text.splitlines() if it.startswith(f"{name} "))


@pytest.fixture(name="stand", scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("stand")
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(disk)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root mounts a small disk")
    jobs = Jobs.of(folder, f"sqlite:///{disk / 'gpuscope.db'}")
    try:
        jobs.service.start()
        try:
            yield Stand(jobs, disk)
        finally:
            jobs.service.kill()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def _full(stand: Stand) -> Iterator[None]:
    ballast = stand.disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(_PIECE))
        except OSError:
            yield
    ballast.unlink()


@contextmanager
def _locked(stand: Stand) -> Iterator[None]:
    """Somebody has an `sqlite3` open in the middle of a transaction."""
    with closing(sqlite3.connect(stand.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


LASTING: dict[str, Callable[[Stand], Any]] = {"full": _full, "locked": _locked}


@pytest.mark.parametrize("way", LASTING)
def test_while_it_takes_no_writes(stand: Stand, way: str) -> None:
    """Reports get 503 and reading goes on; then all that was acknowledged is there, once."""
    with load(stand.jobs, f"{way}-") as loaded:
        before = loaded.ledger.acknowledged
        with LASTING[way](stand):
            for _ in range(2):
                loaded.refused()
                # What a page shows, and what it lists, is as it was.
                assert stand.jobs.told(f"{way}-own-0/monitor")["seq"] > 0
                assert [] == stand.jobs.service.told()["pools"]
            _refused(stand)
            assert 0 == stand.metric("gpuscope_api_database_up")
        loaded.more()
        loaded.told()
        assert loaded.ledger.acknowledged > before
    wait_for(
        lambda: stand.metric("gpuscope_api_database_up") == 1, seconds=SECONDS, what="database_up"
    )
    assert ["ok"] == _checked(stand)


def _refused(stand: Stand) -> None:
    """A change of a pool is refused in the words of its document, and says when to come again."""
    draft = {"name": "x", "region": "r", "provider": "p", "nodeTypes": [{"type": "t", "count": 1}]}
    answer = requests.post(f"{stand.jobs.service.url}/api/pools", json=draft, timeout=30)

    assert HTTPStatus.SERVICE_UNAVAILABLE == answer.status_code, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert "database" in answer.json()["message"]


def _checked(stand: Stand) -> list[str]:
    with closing(sqlite3.connect(f"file:{stand.file}?mode=ro", uri=True)) as other:
        return [row[0] for row in other.execute("PRAGMA integrity_check")]
