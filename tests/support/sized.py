"""What processes take: memory, threads and open files, each process of a family by itself."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.processes import Process


@dataclass(frozen=True, slots=True)
class Size:
    """Of one process; memory in MB, CPU in seconds."""

    memory: float
    threads: int
    files: int
    cpu: float

    def __str__(self) -> str:
        return f"{self.memory:.0f} MB, {self.threads} threads, {self.files} files"


def sizes(processes: Mapping[str, Process]) -> dict[str, Size]:
    """Return the sizes of processes and of all that they have started, by name and number."""
    found = {}
    for name, process in processes.items():
        for number, pid in enumerate(family(process.pid)):
            try:
                found[f"{name}.{number}" if number else name] = size(pid)
            except FileNotFoundError:  # it has just ended
                continue
    return found


def family(pid: int) -> Iterator[int]:
    """Yield a process and all below it, the oldest first."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def size(pid: int) -> Size:
    """Return the size of one process."""
    told = Path(f"/proc/{pid}")
    spent = (told / "stat").read_text().rpartition(")")[2].split()
    return Size(
        memory=int((told / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6,
        threads=len(list((told / "task").iterdir())),
        files=len(list((told / "fd").iterdir())),
        cpu=(int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK"),
    )
