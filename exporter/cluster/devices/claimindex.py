"""Every claim, found by whatever it has to do with; a change costs what it touches, no more."""

from collections.abc import Iterable

from exporter.cluster.devices.claims import Claim, DeviceKey
from exporter.cluster.devices.index import Index
from exporter.cluster.devices.slices import PoolKey


class ClaimIndex:
    """All claims by UID and name; those with GPU devices by device, pool, pod and node too."""

    def __init__(self) -> None:
        self._claims: dict[str, Claim] = {}
        self._by_name: Index[tuple[str, str], str] = Index()
        self._by_device: Index[DeviceKey, str] = Index()
        self._by_pool: Index[PoolKey, str] = Index()
        self._by_pod: Index[str, str] = Index()
        self._by_node: Index[str, str] = Index()

    def __len__(self) -> int:
        return len(self._claims)

    @property
    def uids(self) -> frozenset[str]:
        """The UIDs of all claims."""
        return frozenset(self._claims)

    def put(self, claim: Claim) -> Claim | None:
        """Take in a claim; return what it was before."""
        known = self.drop(claim.uid)
        self._claims[claim.uid] = claim
        self._by_name.add([(claim.namespace, claim.name)], claim.uid)
        if claim.results:
            self._by_device.add(claim.devices, claim.uid)
            self._by_pool.add(_pools(claim), claim.uid)
            self._by_pod.add(claim.pods, claim.uid)
            self._by_node.add([claim.node], claim.uid)
        return known

    def drop(self, uid: str) -> Claim | None:
        """Forget a claim; return what it was."""
        known = self._claims.pop(uid, None)
        if known:
            self._by_name.discard([(known.namespace, known.name)], uid)
        if known and known.results:
            self._by_device.discard(known.devices, uid)
            self._by_pool.discard(_pools(known), uid)
            self._by_pod.discard(known.pods, uid)
            self._by_node.discard([known.node], uid)
        return known

    def get(self, uid: str) -> Claim | None:
        """Return the claim of this UID."""
        return self._claims.get(uid)

    def named(self, namespace: str, name: str) -> Claim | None:
        """Return the claim of this name: of several the allocated, the newest."""
        found = self._all(self._by_name[namespace, name])
        return max(found, key=_precedence, default=None)

    def on_device(self, device: DeviceKey) -> list[Claim]:
        """Return the claims that have this device."""
        return self._all(self._by_device[device])

    def in_pool(self, pool: PoolKey) -> list[Claim]:
        """Return the claims that have devices of this pool."""
        return self._all(self._by_pool[pool])

    def of_pod(self, uid: str) -> list[Claim]:
        """Return the claims that are reserved for this pod."""
        return self._all(self._by_pod[uid])

    def on_node(self, node: str) -> list[Claim]:
        """Return the claims whose allocation names this node as the only one."""
        return self._all(self._by_node[node])

    def _all(self, uids: Iterable[str]) -> list[Claim]:
        return [self._claims[uid] for uid in uids]


def _pools(claim: Claim) -> set[PoolKey]:
    return {(driver, pool) for driver, pool, _ in claim.devices}


def _precedence(claim: Claim) -> tuple[bool, float, str]:
    return claim.allocated, claim.created or 0.0, claim.uid
