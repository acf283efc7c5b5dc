"""Pods that are there from beginning to end: what dashboards are to show of a real fleet."""

from dataclasses import dataclass

from demo.fleet.objects import Owner, Pod
from demo.fleet.placement import Request

_HOUR = 3600.0
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Resident:
    """One pod of a controller, as old as *age* seconds when the fleet begins, and how busy."""

    owner: Owner
    request: Request
    age: float
    busy: float

    @property
    def key(self) -> str:
        """Namespace and name of the pod."""
        return self.pod(0).key

    def pod(self, created: float) -> Pod:
        """Return it as asked for."""
        name, labels = self.owner.name, {"app": self.owner.name}
        return Pod(self.owner.namespace, f"{name}-0", self.request, created, self.owner, labels)


ILLEGAL_ACCESS = 13
"""The XID of a program that reads or writes where it must not."""
_NOTEBOOK = Request(4_000, 32_000, 1)

FORGOTTEN = Resident(
    Owner("apps/v1", "StatefulSet", "notebooks", "forgotten"), _NOTEBOOK, 2 * _DAY, 0.0
)
"""Holds a GPU and does nothing with it."""

FAULTY = Resident(Owner("apps/v1", "StatefulSet", "notebooks", "faulty"), _NOTEBOOK, _DAY, 0.3)
"""Reads beyond its memory now and then, which the driver tells of as XID 13."""

TOO_LARGE = Resident(
    Owner("batch/v1", "Job", "ml-team", "too-large"), Request(256_000, 512_000, 2), _HOUR, 0.0
)
"""Asks for more CPU than any node has, and waits although GPUs are free."""

RESIDENTS = (FORGOTTEN, FAULTY, TOO_LARGE)
