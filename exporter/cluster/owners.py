"""Owners of pods as far as they are known, and the workload each pod was traced to."""

from collections.abc import Callable, Iterable

from exporter.cluster.objects import workload
from exporter.cluster.objects.pods import Pod
from exporter.cluster.objects.wire import ObjectWire, OwnerReference
from exporter.cluster.objects.workload import Workload

Wanted = Callable[[str, OwnerReference], None]
"""Told of an owner that a pod names and nobody described: its namespace and the reference."""


class Owners:
    """Remembers who owns whom; not thread-safe, like the fleet it serves.

    Args:
        wanted: Called for each unknown owner met while a pod is traced; may be called repeatedly.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._controllers: dict[str, OwnerReference | None] = {}
        self._by_kind: dict[str, set[str]] = {}
        # Nobody tells when an owner that was only asked for goes: it is kept while a pod needs it.
        self._asked_for: set[str] = set()
        self._pods_below: dict[str, set[str]] = {}
        self._workloads: dict[str, Workload] = {}

    def __len__(self) -> int:
        """Return how many owners are known."""
        return len(self._controllers)

    def put(self, kind: str, owner: ObjectWire) -> set[str]:
        """Take in an owner; return the UIDs of the pods that may have to be named anew."""
        uid = owner.metadata.uid
        self._by_kind.setdefault(kind, set()).add(uid)
        self._asked_for.discard(uid)
        return self._tell(uid, workload.controller_of(owner))

    def answer(self, uid: str, controller: OwnerReference | None) -> set[str]:
        """Take in what was asked for: an owner's own controller; return the pods to name anew."""
        if uid not in self._pods_below:
            return set()
        if uid not in self._controllers:
            self._asked_for.add(uid)
        return self._tell(uid, controller)

    def drop(self, kind: str, uid: str) -> None:
        """Forget an owner; pods that outlive it keep the name they were last known by."""
        self._controllers.pop(uid, None)
        self._by_kind.get(kind, set()).discard(uid)

    def replace(self, kind: str, owners: Iterable[ObjectWire]) -> set[str]:
        """Make *owners* the only ones of their kind; return the pods to name anew."""
        current = {owner.metadata.uid: owner for owner in owners}
        for uid in self._by_kind.get(kind, set()) - current.keys():
            self.drop(kind, uid)
        return {pod for owner in current.values() for pod in self.put(kind, owner)}

    def workload_of(self, pod: Pod) -> Workload:
        """Trace a pod to its workload and remember it."""
        found = workload.resolve(pod, self._controllers)
        known = self._workloads.get(pod.uid)
        # An owner deleted before its pods must not demote them to a lower name.
        if known and found.chain and _is_longer(known.chain, found.chain):
            return known
        self._workloads[pod.uid] = found
        for owner in found.chain:
            self._pods_below.setdefault(owner, set()).add(pod.uid)
        if known:
            self._release(pod.uid, set(known.chain) - set(found.chain))
        if found.missing is not None:
            self._wanted(pod.namespace, found.missing)
        return found

    def has_traced(self, uid: str) -> bool:
        """Tell whether a pod was traced, and no owner was missing on the way."""
        known = self._workloads.get(uid)
        return known is not None and known.missing is None

    def forget(self, uid: str) -> None:
        """Forget what a pod was traced to."""
        known = self._workloads.pop(uid, None)
        if known:
            self._release(uid, known.chain)

    def _tell(self, uid: str, controller: OwnerReference | None) -> set[str]:
        if uid in self._controllers and self._controllers[uid] == controller:
            return set()
        self._controllers[uid] = controller
        return self._pods_below.get(uid, set())

    def _release(self, pod: str, owners: Iterable[str]) -> None:
        for owner in owners:
            below = self._pods_below[owner]
            below.discard(pod)
            if not below:
                del self._pods_below[owner]
                if owner in self._asked_for:
                    self._asked_for.discard(owner)
                    self._controllers.pop(owner, None)


def _is_longer(chain: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return len(chain) > len(other) and chain[: len(other)] == other
