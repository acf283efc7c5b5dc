"""Processes as the system knows them: who is whose child, who lives."""

from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """Return the children of a process; one that is gone has none."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    """Return all who come of a process."""
    own = children(pid)
    return [*own, *(each for child in own for each in descendants(child))]


def lives(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command(pid: int) -> str:
    """Return its command line; nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


class Family:
    """The processes of a `gpuscope-api` with a gateway.

    Args:
        supervisor: The first one.
    """

    def __init__(self, supervisor: int) -> None:
        self.supervisor = supervisor

    @property
    def gateway(self) -> int:
        """The process that holds WebSockets; 0 = there is none now."""
        return next(
            (it for it in children(self.supervisor) if "queryapi.gateway" in command(it)), 0
        )

    @property
    def arbiter(self) -> int:
        """The process that listens; 0 = there is none now."""
        gateway = self.gateway
        return next((it for it in children(self.supervisor) if it != gateway), 0)

    @property
    def workers(self) -> set[int]:
        """The processes that answer HTTP."""
        return {it for it in children(self.arbiter) if lives(it)}

    def all(self) -> list[int]:
        """Return all of them."""
        return [self.supervisor, *descendants(self.supervisor)]


def group(leader: int) -> set[int]:
    """Return who lives of a process group, whoever their parents are by now."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, members_of = stat.read_text().rpartition(")")[2].split()[:3]
            if int(members_of) == leader and state != "Z":
                found.add(int(stat.parent.name))
    return found
