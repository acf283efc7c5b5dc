"""Who holds which device, from what the kubelet says and what else is known; pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from exporter.node.holders.deviceids import Found, Index
from exporter.node.holders.knowledge import Known
from exporter.node.holders.kubeletwire import Listing
from exporter.node.holding import DeviceKey, Holder


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of it.

    Args:
        pods: Holders by device.
        unmatched: Devices that were named and are none of those there, by resource or DRA driver.
        ambiguous: Devices that several pods have, of which only one can.
    """

    pods: Mapping[DeviceKey, tuple[Holder, ...]] = field(default_factory=dict)
    unmatched: Mapping[str, int] = field(default_factory=dict)
    ambiguous: frozenset[DeviceKey] = frozenset()


def join(listing: Listing, index: Index, known: Known, accepts: Callable[[str], bool]) -> Joined:
    """Return who holds what.

    Args:
        listing: What the kubelet says.
        index: The devices there are.
        known: What is known of claims and pods.
        accepts: Tells whether a resource or a DRA driver is about GPUs.
    """
    candidates: defaultdict[DeviceKey, dict[Holder, None]] = defaultdict(dict)
    unmatched: Counter[str] = Counter()
    for found, holder in _all(listing, index, known, accepts):
        identified = _identified(holder, known)
        if identified is None:
            continue
        if found is None:
            unmatched[holder.resource] += 1
        else:
            candidates[found.device][identified] = None
    settled = {
        device: _settled(tuple(them), _rivals(device, candidates), known)
        for device, them in candidates.items()
    }
    return Joined(
        {device: holders for device, holders in settled.items() if holders},
        unmatched,
        frozenset(device for device, holders in settled.items() if holders is None),
    )


def _all(
    listing: Listing, index: Index, known: Known, accepts: Callable[[str], bool]
) -> Iterator[tuple[Found | None, Holder]]:
    """Yield every device that a container has, and who has it."""
    for grant in listing.granted:
        if accepts(grant.resource):
            holder = Holder(grant.namespace, grant.pod, grant.container, grant.resource)
            for text in grant.ids:
                found = index.find(text)
                yield found, replace(holder, replica=found.replica if found else "")
    for claim in listing.claimed:
        if accepts(claim.driver):
            uuid = known.find(claim.driver, claim.pool, claim.device)
            holder = Holder(
                claim.namespace,
                claim.pod,
                claim.container,
                claim.driver,
                claim.share,
                claim.claim,
                source="dra",
            )
            yield index.find(uuid) if uuid else None, holder


def _identified(holder: Holder, known: Known) -> Holder | None:
    """Return a holder with its pod's UID; None when its pod has ended.

    Kubelets before 1.34 list ended pods for as long as they exist.
    """
    pod = known.pod(holder.namespace, holder.pod)
    if pod is None:
        return holder
    return None if pod.ended else replace(holder, uid=pod.uid)


def _rivals(
    device: DeviceKey, candidates: Mapping[DeviceKey, Iterable[Holder]]
) -> Iterator[Holder]:
    """Yield who has the whole device of this instance, or an instance of this whole device."""
    for (uuid, instance), holders in candidates.items():
        if uuid == device[0] and (instance is None) != (device[1] is None):
            yield from holders


def _settled(
    holders: tuple[Holder, ...], rivals: Iterable[Holder], known: Known
) -> tuple[Holder, ...] | None:
    """Return the holders of one device; None when several pods have what only one can.

    A device that is not shared goes to another pod, whole or in parts, only once the first has
    ended: of two, one is past. Which one, only the API knows. A claim may be shared by pods.
    """
    pods = _alone(holders)
    others = _alone(rivals) - pods
    if len(pods) + len(others) <= 1 or not pods:
        return holders
    alive = {pod for pod in pods if known.pod(*pod) is not None}
    others_alive = any(known.pod(*pod) is not None for pod in others)
    past = pods - alive if len(alive) == 1 and not others_alive else pods
    left = tuple(
        each for each in holders if not _is_alone(each) or (each.namespace, each.pod) not in past
    )
    # That all of them are past is an answer too.
    return left if left or (others_alive and not alive) else None


def _alone(holders: Iterable[Holder]) -> set[tuple[str, str]]:
    """Return the pods that have a device to themselves."""
    return {(each.namespace, each.pod) for each in holders if _is_alone(each)}


def _is_alone(holder: Holder) -> bool:
    return holder.source != "dra" and not holder.replica


def with_processes(
    pods: Mapping[DeviceKey, tuple[Holder, ...]],
    using: Mapping[DeviceKey, Iterable[str]],
    known: Known,
) -> Mapping[DeviceKey, tuple[Holder, ...]]:
    """Return the holders, and beside them the pods whose processes use a device without holding it.

    Args:
        pods: Holders by device.
        using: UIDs of pods, by the device that processes of theirs use.
        known: What is known of pods.
    """
    merged = dict(pods)
    for device, uids in using.items():
        holders = merged.get(device, ())
        # That of a whole device is that of its instances too.
        around = (*holders, *pods.get((device[0], None), ()))
        more = [_user(uid, known) for uid in sorted(uids)]
        merged[device] = (*holders, *(user for user in more if not _is_among(user, around)))
    return {device: holders for device, holders in merged.items() if holders}


def _user(uid: str, known: Known) -> Holder:
    pod = known.pod_of_uid(uid)
    namespace, name = (pod.namespace, pod.name) if pod else ("", "")
    return Holder(namespace, name, source="process", uid=uid)


def _is_among(user: Holder, holders: Sequence[Holder]) -> bool:
    return any(user.uid == holder.uid for holder in holders)
