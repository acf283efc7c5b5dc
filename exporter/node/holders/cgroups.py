"""Which pod a process belongs to, by its control groups; needs the host's PIDs (hostPID)."""

import re
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Final

from exporter.errors import ConfigurationError

# The kernel's inode number of the first PID namespace: PROC_PID_INIT_INO of linux/proc_ns.h.
_HOST_NAMESPACE = "pid:[4026531836]"
_MOST_BYTES = 1 << 16
# `pod<uid>` below kubepods (cgroupfs), `kubepods-burstable-pod<uid_>.slice` (systemd); a static
# pod's UID is a hash without dashes.
_POD = re.compile(
    r"[/-]pod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})(?:\.slice)?(?=[/:]|$)"
)


class Nowhere(Enum):
    """A process that belongs to no pod."""

    OUTSIDE = "outside"


OUTSIDE: Final = Nowhere.OUTSIDE


def pod_uid(text: str) -> str | None:
    """Return the UID of the pod that a /proc/<pid>/cgroup tells of; None when of none.

    Version 1 says one line for each controller, version 2 a single one, a hybrid both.
    """
    for line in text.splitlines():
        path = line.split(":", 2)[-1]
        # The innermost: a cluster may run in the pods of another.
        found = _POD.findall(path)
        if found:
            return str(found[-1]).replace("_", "-")
    return None


class Processes:
    """The processes of this host.

    Args:
        root: Where /proc is.
    """

    def __init__(self, root: Path = Path("/proc")) -> None:
        self._root = root

    def check(self) -> None:
        """Make sure that PIDs here are those that the driver tells.

        Raises:
            ConfigurationError: When they are not: processes would be taken for others.
        """
        link = self._root / "self/ns/pid"
        try:
            namespace = str(link.readlink())
        except OSError as error:
            raise ConfigurationError(f"--collector.pod-processes: {error}") from error
        if namespace != _HOST_NAMESPACE:
            raise ConfigurationError(
                "--collector.pod-processes needs the PIDs of the host: set hostPID: true"
            )

    def pods(self, pids: Iterable[int]) -> dict[int, str | Nowhere]:
        """Return the UID of the pod of each process; those that have ended are left out."""
        found: dict[int, str | Nowhere] = {}
        for pid in pids:
            try:
                with (self._root / str(pid) / "cgroup").open("rb") as file:
                    text = file.read(_MOST_BYTES).decode(errors="replace")
            except OSError:
                continue
            found[pid] = pod_uid(text) or OUTSIDE
        return found
