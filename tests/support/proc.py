"""What the kernel knows of a process: its children, and what it holds."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds at one time.

    Args:
        threads: How many.
        files: How many are open, sockets included.
        kilobytes: Of memory, resident.
    """

    threads: int
    files: int
    kilobytes: int

    def most(self, other: "Held") -> "Held":
        """Return the larger of each."""
        return Held(
            max(self.threads, other.threads),
            max(self.files, other.files),
            max(self.kilobytes, other.kilobytes),
        )


def held(pid: int) -> Held:
    """Return what a process holds now."""
    process = Path(f"/proc/{pid}")
    rows = dict(row.split(":", 1) for row in (process / "status").read_text().splitlines())
    files = sum(1 for _ in (process / "fd").iterdir())
    return Held(int(rows["Threads"]), files, int(rows["VmRSS"].split()[0]))


def children(pid: int) -> list[int]:
    """Return the processes that a process has started; none when it is gone."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in found.split()]


def gateway_of(service: int) -> int:
    """Return the gateway of a `gpuscope-api` that has one."""
    [found] = [pid for pid in children(service) if _is_gateway(pid)]
    return found


def worker_of(service: int) -> int:
    """Return the only worker of a `gpuscope-api` with a gateway."""
    [arbiter] = [pid for pid in children(service) if not _is_gateway(pid)]
    [worker] = children(arbiter)
    return worker


def _is_gateway(pid: int) -> bool:
    return b"queryapi.gateway" in Path(f"/proc/{pid}/cmdline").read_bytes()
