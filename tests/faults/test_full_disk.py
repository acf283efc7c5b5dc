"""SQLite on a disk that is full, or locked by somebody else: refused, and nothing is lost."""

import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import ProcessError, wait_for
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
    with _disk() as disk:
        jobs = Jobs.of(tmp_path_factory.mktemp("stand"), f"sqlite:///{disk / 'gpuscope.db'}")
        jobs.service.start()
        try:
            yield Stand(jobs, disk)
        finally:
            jobs.service.kill()


@contextmanager
def _disk() -> Iterator[Path]:
    """Mount one; elsewhere than pytest's folders, which it cannot clean where one is left."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as disk:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", disk]
        if os.getuid() != 0 or _failed(mount):
            pytest.skip("only root mounts a small disk")
        try:
            yield Path(disk)
        finally:
            try:
                # Who was killed has its files open for a while.
                wait_for(lambda: not _failed(["umount", disk]), seconds=60, what="umount", every=1)
            except ProcessError:
                subprocess.run(["umount", "--lazy", disk], check=True)


def _failed(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


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
                wait_for(lambda: _reads(stand, way), seconds=SECONDS, what="reading", every=0.3)
            _refused(stand)
            assert 0 == stand.metric("gpuscope_api_database_up")
        loaded.more()
        loaded.told()
        assert loaded.ledger.acknowledged > before
    wait_for(
        lambda: stand.metric("gpuscope_api_database_up") == 1, seconds=SECONDS, what="database_up"
    )
    assert ["ok"] == _checked(stand)


def _reads(stand: Stand, way: str) -> bool:
    """Tell whether what a page shows, and what it lists, is as it was.

    Where writers who wait have all of a busy machine's threads, a reader is told to come again.
    """
    url = stand.jobs.service.url
    answers = [
        requests.get(f"{url}/api/{path}", timeout=30)
        for path in (f"jobs/{way}-own-0/monitor", "pools")
    ]
    if any(HTTPStatus.SERVICE_UNAVAILABLE == answer.status_code for answer in answers):
        return False
    shown, listed = (answer.json() for answer in answers)
    assert shown["seq"] > 0
    assert [] == listed["pools"]
    return True


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
