"""What a process has taken so far: CPU and memory, as the kernel tells."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

MEGA = 1e6


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has taken."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds of the machine's memory, and has held at most: in bytes."""

    now: float
    peak: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """Read it."""
        status = Path(f"/proc/{pid}/status").read_text()
        rows = dict(row.split(":", 1) for row in status.splitlines())
        now, peak = (int(rows[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return cls(now, peak)
