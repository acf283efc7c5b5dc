"""The folder in which several workers add up their metrics, and those that services left behind."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from queryapi.telemetry import processes

_PREFIX = "gpuscope-api-metrics-"


@contextmanager
def counting_together(workers: int) -> Iterator[None]:
    """Let several workers add up their metrics in a folder that ends with this process.

    Folders of services that were killed are removed first.
    """
    if workers == 1:
        yield
        return
    _remove_orphans()
    owner, (folder, held) = os.getpid(), _made()
    processes.share(folder)
    try:
        yield
    finally:
        # A worker is a fork: it leaves this block too, and the folder is not its own.
        if os.getpid() == owner:
            _remove(folder)
            os.close(held)


def _made() -> tuple[Path, int]:
    """Make a folder that is locked for as long as this process, or a fork of it, lives."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        held = _opened(folder)
        if held is None:
            continue
        if _locked(held) and folder.exists():
            return folder, held
        # Another service that starts now has taken it for an orphan.
        os.close(held)


def _remove_orphans() -> None:
    """Remove the folders that nobody holds: those of services that could not do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        held = _opened(folder)
        if held is None:
            continue
        if _locked(held):
            _remove(folder)
        os.close(held)


def _opened(folder: Path) -> int | None:
    """Open a folder of this user's; None for what is none, or somebody else's, or gone."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    told = os.fstat(held)
    if told.st_uid == os.geteuid() and stat.S_IMODE(told.st_mode) == stat.S_IRWXU:
        return held
    os.close(held)
    return None


def _locked(held: int) -> bool:
    """Lock an open folder, unless another process holds it."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove(folder: Path) -> None:
    """Remove a folder of metrics; one that holds anything else stays, with that."""
    with suppress(OSError):
        for file in folder.glob("*.db"):
            file.unlink()
        folder.rmdir()
