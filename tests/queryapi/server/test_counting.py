"""The folder in which workers count ends with them: one that was left behind is cleared away."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

_SECONDS = 60
_PROGRAM = """
import sys
from queryapi.server.counting import counting_together
with counting_together(2):
    print("counting", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _counting(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a service that counts in a folder under *folder*, and nothing else."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as process:
        assert process.stdout
        assert "counting\n" == process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def _folders(folder: Path) -> set[Path]:
    return set(folder.glob("gpuscope-api-metrics-*"))


def test_the_next_start_removes_what_a_killed_service_left(tmp_path: Path) -> None:
    """And nothing of one that lives, in whatever order they came."""
    with _counting(tmp_path) as killed, _counting(tmp_path) as living:
        both = _folders(tmp_path)
        killed.send_signal(signal.SIGKILL)
        killed.wait(_SECONDS)
        assert both == _folders(tmp_path)
        with _counting(tmp_path) as third:
            after = _folders(tmp_path)
            third.communicate(timeout=_SECONDS)
        [left] = _folders(tmp_path)
        living.communicate(timeout=_SECONDS)

    assert 2 == len(both) == len(after)
    assert {left} == both & after
    assert not _folders(tmp_path)


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    """Whatever has such a name: files, links, folders that others may use or that hold more."""
    link, file, shared, more = (
        tmp_path / f"gpuscope-api-metrics-{name}" for name in ("link", "file", "shared", "more")
    )
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "elsewhere" / "counter_0.db").touch()
    link.symlink_to(tmp_path / "elsewhere")
    file.touch(mode=0o700)
    shared.mkdir()
    shared.chmod(0o755)
    more.mkdir(mode=0o700)
    (more / "notes.txt").touch()
    with _counting(tmp_path) as service:
        service.communicate(timeout=_SECONDS)

    assert {link, file, shared, more} == _folders(tmp_path)
    assert (more / "notes.txt").exists()
    assert (tmp_path / "elsewhere" / "counter_0.db").exists()
