"""GPUs by Dynamic Resource Allocation, as last heard of: who has, who holds, what is asked for.

Not thread-safe, as the fleet is not. Every change says what it touches; every question costs as
much as the node, claim or pod it is about.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from exporter.cluster.accounting import Account
from exporter.cluster.devices import account, drivers
from exporter.cluster.devices.account import Held
from exporter.cluster.devices.chips import Chip, exact
from exporter.cluster.devices.claimindex import ClaimIndex
from exporter.cluster.devices.claims import Claim, DeviceKey
from exporter.cluster.devices.pools import Changed, Pools
from exporter.cluster.devices.shares import fractions, stakes
from exporter.cluster.devices.slices import Device, Slice
from exporter.cluster.objects.nodes import Node


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change may have made different.

    Attributes:
        nodes: Names of nodes whose accounts to ask for anew.
        pods: UIDs of pods whose amounts to ask for anew.
        claims: (namespace, name) of claims; the pods that name them are to be asked for anew.
    """

    nodes: frozenset[str] = frozenset()
    pods: frozenset[str] = frozenset()
    claims: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: "Touched") -> "Touched":
        return Touched(self.nodes | other.nodes, self.pods | other.pods, self.claims | other.claims)


_Hold = tuple[Claim, bool, float]
"""A claim, whether somebody uses it, and the GPUs it has of a device."""


class Inventory:
    """Slices and claims of one cluster.

    Args:
        holds: Tells whether a pod (by UID) is bound and not terminal: whether it holds what is
            reserved for it. A pod nobody knows holds nothing.
    """

    def __init__(self, holds: Callable[[str], bool]) -> None:
        self._holds = holds
        self._pools = Pools()
        self._claims = ClaimIndex()

    # --- slices ---

    def put_slice(self, new: Slice) -> Touched:
        """Take in a new or changed ResourceSlice."""
        return self._after(self._pools.put(new))

    def drop_slice(self, uid: str) -> Touched:
        """Forget a ResourceSlice."""
        return self._after(self._pools.drop(uid))

    def replace_slices(self, slices: Iterable[Slice]) -> Touched:
        """Make *slices* the only ones."""
        current = {it.uid: it for it in slices}
        changed = Changed()
        for uid in self._pools.uids - current.keys():
            changed |= self._pools.drop(uid)
        for it in current.values():
            changed |= self._pools.put(it)
        return self._after(changed)

    # --- claims ---

    def put_claim(self, claim: Claim) -> Touched:
        """Take in a new or changed ResourceClaim."""
        if claim == self._claims.get(claim.uid):
            return Touched()
        known = self._claims.put(claim)
        return self._of_claims([claim, known] if known else [claim])

    def drop_claim(self, uid: str) -> Touched:
        """Forget a ResourceClaim; its devices are given back."""
        known = self._claims.drop(uid)
        return self._of_claims([known] if known else [])

    def replace_claims(self, claims: Iterable[Claim]) -> Touched:
        """Make *claims* the only ones."""
        current = {claim.uid: claim for claim in claims}
        touched = [self.drop_claim(uid) for uid in self._claims.uids - current.keys()]
        touched += [self.put_claim(claim) for claim in current.values()]
        return _all(touched)

    # --- what there is ---

    def counts(self) -> dict[str, int]:
        """Return how many objects are held, by resource."""
        return {"resourceslices": len(self._pools), "resourceclaims": len(self._claims)}

    def accounts(self, node: Node) -> list[Account]:
        """Return one account per driver that has GPUs on the node or whose GPUs are held there."""
        found: dict[str, list[Held]] = {}
        for (driver, pool), layout in self._pools.of_node(node.name):
            for chip in layout.chips[node.name]:
                holds = [
                    hold for name in chip.devices for hold in self._amounts_on((driver, pool, name))
                ]
                found.setdefault(driver, []).append(_held(chip, holds))
        for device in self._unlisted(node.name):
            # Where no slice says where it is, the claims do.
            holds = [hold for hold in self._amounts_on(device) if hold[0].node == node.name]
            held = _held(None, holds)
            if held.used:
                found.setdefault(device[0], []).append(held)
        return [account.of_driver(driver, node, found[driver]) for driver in sorted(found)]

    def model(self, node: str) -> str:
        """Return what the node's GPUs say they are; empty when they say nothing."""
        chips = [chip for _, layout in self._pools.of_node(node) for chip in layout.chips[node]]
        return min((chip.product for chip in chips if chip.product), default="")

    # --- what pods have and ask for ---

    def amounts(self, pod: str) -> dict[str, float]:
        """Return the GPUs that a pod (by UID) holds by claims, by driver.

        What several pods hold together is divided among them.
        """
        if not self._holds(pod):
            return {}
        return _total(
            part
            for claim in self._claims.of_pod(pod)
            for part in self._parts(claim, self._users(claim))
        )

    def asked(self, namespace: str, claims: Iterable[str]) -> dict[str, float] | None:
        """Return the GPUs that the named claims have or ask for, by driver; none: empty.

        Of an allocated claim it is one pod's part, the same as `amounts` once the pod holds it.
        None when a claim asks for GPUs and how many cannot be told. A claim that was not told of
        yet adds nothing.
        """
        parts: list[tuple[str, float]] = []
        for claim in self._named(namespace, claims):
            if claim.allocated:
                among = self._users(claim) or len(claim.pods) + claim.others or 1
                parts += self._parts(claim, among)
                continue
            for want in claim.wants:
                if want.gpus is None:
                    return None
                parts.append((want.driver, want.gpus))
        return _total(parts)

    def concerns_gpus(self, namespace: str, claims: Iterable[str]) -> bool:
        """Tell whether a pod that names these claims is a GPU pod by one of them."""
        return any(claim.concerns_gpus for claim in self._named(namespace, claims))

    def covers(self, namespace: str, claims: frozenset[str]) -> bool:
        """Tell whether allocated claims stand for a pod's extended resources.

        True when every named claim is known and a GPU was allocated by one: then the request is
        the claim once more and must not be counted beside it.
        """
        known = self._named(namespace, claims)
        return len(known) == len(claims) and any(claim.results for claim in known)

    def of_pod(self, uid: str) -> Touched:
        """Return what is different once this pod begins or ceases to hold what is reserved."""
        return self._of_claims(self._claims.of_pod(uid))

    # --- bookkeeping ---

    def _named(self, namespace: str, names: Iterable[str]) -> list[Claim]:
        found = (self._claims.named(namespace, name) for name in names)
        return [claim for claim in found if claim]

    def _users(self, claim: Claim) -> int:
        return claim.others + sum(map(self._holds, claim.pods))

    def _device(self, key: DeviceKey) -> tuple[Device | None, float]:
        driver, pool, name = key
        layout = self._pools.layout((driver, pool))
        device = layout.devices.get(name) if layout else None
        if layout and device:
            return device, layout.weight(device)
        return None, drivers.name_weight(name)

    def _amounts_on(self, key: DeviceKey) -> list[_Hold]:
        """Return every claim's hold on a device."""
        held = [
            stake
            for claim in self._claims.on_device(key)
            for stake in stakes(key, claim, live=self._users(claim) > 0)
        ]
        if not held:
            return []
        device, weight = self._device(key)
        parts = fractions(held, device)
        return [
            (stake.claim, stake.live, part * weight)
            for stake, part in zip(held, parts, strict=True)
        ]

    def _parts(self, claim: Claim, among: int) -> Iterator[tuple[str, float]]:
        """Yield driver and GPUs of each hold of a claim, divided among so many."""
        for key in claim.devices:
            for owner, _, gpus in self._amounts_on(key):
                if owner is claim:
                    yield key[0], gpus / among

    def _unlisted(self, node: str) -> list[DeviceKey]:
        claimed = {key for claim in self._claims.on_node(node) for key in claim.devices}
        return sorted(key for key in claimed if self._device(key)[0] is None)

    def _after(self, changed: Changed) -> Touched:
        claims = [claim for pool in changed.pools for claim in self._claims.in_pool(pool)]
        return Touched(nodes=changed.nodes) | self._of_claims(claims)

    def _of_claims(self, claims: Iterable[Claim]) -> Touched:
        direct = list(claims)
        keys = {key for claim in direct for key in claim.devices}
        # Who shares a device with a claim has another part of it once the claim changes.
        near = [*direct, *(claim for key in keys for claim in self._claims.on_device(key))]
        nodes = {claim.node for claim in near}
        nodes |= {device.node for key in keys if (device := self._device(key)[0])}
        return Touched(
            nodes=frozenset(nodes - {""}),
            pods=frozenset(uid for claim in near for uid in claim.pods),
            claims=frozenset((claim.namespace, claim.name) for claim in near),
        )


def _held(chip: Chip | None, holds: Iterable[_Hold]) -> Held:
    gpus = {True: 0.0, False: 0.0}
    for _, used, amount in holds:
        gpus[used] += amount
    return Held(chip, used=gpus[True], reserved=gpus[False])


def _all(touched: Iterable[Touched]) -> Touched:
    result = Touched()
    for one in touched:
        result |= one
    return result


def _total(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    total: defaultdict[str, float] = defaultdict(float)
    for driver, gpus in parts:
        total[driver] += gpus
    return {driver: exact(gpus) for driver, gpus in total.items()}
