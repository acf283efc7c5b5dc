"""Batch jobs by GPU, from a folder that the scheduler's prologue and epilogue write.

As dcgm-exporter reads it: a file is named by the index of a GPU, or by `<gpu>.<gi>` for a MIG
instance, and holds one job id in each line.
"""

import itertools
import os
import re
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from exporter.node.holding import DeviceKey, Place

Jobs = Mapping[str, tuple[str, ...]]
"""Job ids by the name of the file that says them."""

_NAME = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4})?")
# A node has at most a few hundred GPUs and instances.
_MOST_FILES = 1024
_MOST_BYTES = 1 << 16
_MOST_JOBS = 64
_LONGEST_JOB = 256


def read(folder: Path) -> Jobs:
    """Return what the files say; one that cannot be read, or is not of this kind, says nothing."""
    try:
        with os.scandir(folder) as entries:
            names = (entry.name for entry in entries if _NAME.fullmatch(entry.name))
            found = sorted(itertools.islice(names, _MOST_FILES))
    except OSError:
        return {}
    return {name: _jobs(folder / name) for name in found}


def _jobs(file: Path) -> tuple[str, ...]:
    try:
        text = _content(file).decode()
    except (OSError, UnicodeDecodeError):
        return ()
    jobs = dict.fromkeys(filter(None, map(str.strip, text.splitlines())))
    return tuple(job for job in jobs if len(job) <= _LONGEST_JOB)[:_MOST_JOBS]


def _content(file: Path) -> bytes:
    # A link could name a file that only this process may read, a pipe would never end.
    number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as opened:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return b""
        content = opened.read(_MOST_BYTES + 1)
    # A text of this size is no list of jobs.
    return content if len(content) <= _MOST_BYTES else b""


def by_device(jobs: Jobs, places: Sequence[Place]) -> Mapping[DeviceKey, tuple[str, ...]]:
    """Return the jobs of the devices there are."""
    found: dict[DeviceKey, tuple[str, ...]] = {}
    taken = Counter(place.index for place in places)
    for place in places:
        # One was lost and the next has its index now: whose file it is nobody can tell.
        if taken[place.index] > 1:
            continue
        devices = {str(place.index): (place.uuid, None)} | {
            f"{place.index}.{part.gpu_instance}": (place.uuid, part.gpu_instance)
            for part in place.parts
        }
        found |= {device: jobs[name] for name, device in devices.items() if jobs.get(name)}
    return found
