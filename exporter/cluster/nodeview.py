"""One node, seen through the API: its pods, and the devices its ResourceSlices offer.

What the node role may be given to know beside what the kubelet says: the names and ends of pods,
and which GPU a device of a claim is. Two watches, both filtered to the node by the API server.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import msgspec

from exporter.cluster.api.backoff import Backoff
from exporter.cluster.api.listing import Source
from exporter.cluster.api.reflector import Reflector
from exporter.cluster.devices import slices
from exporter.cluster.devices.wire import SLICE
from exporter.cluster.intake import Intake
from exporter.cluster.objects import wire

_STALE_SECONDS = 120.0
_REFUSED_SECONDS = 300.0
_ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class NodePod:
    """A pod of the node; *ended*: it has succeeded or failed."""

    namespace: str
    name: str
    uid: str
    ended: bool


@dataclass(frozen=True, slots=True)
class _Offer:
    """What is kept of one ResourceSlice: the UUIDs of its devices by their names."""

    uid: str
    pool: slices.PoolKey
    generation: int
    uuids: Mapping[str, str]


class Server(Protocol):
    """Who is asked: `transport.ApiServer`."""

    def resource(self, resource: str, *, field_selector: str | None = None) -> Source:
        """Return one resource, in all namespaces."""


class NodeView:
    """Follows one node in threads of its own; everything is looked up from any thread.

    Args:
        server: The API server.
        node: The node's name.
        stale_after: For how many seconds what was heard of pods stands.
        clock: Now, in Unix seconds.
        monotonic: A clock that never jumps.
        first_backoff: The first pause after a failure, in seconds.
    """

    def __init__(
        self,
        server: Server,
        node: str,
        *,
        stale_after: float = _STALE_SECONDS,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        first_backoff: float = 0.8,
    ) -> None:
        self._stale_after = stale_after
        self._by_uid: dict[str, NodePod] = {}
        self._by_name: dict[tuple[str, str], NodePod] = {}
        self._offers: dict[str, _Offer] = {}
        lock = Lock()

        def followed(intake: Intake[Any], refused_pause: float | None) -> Reflector:
            return Reflector(
                server.resource(intake.resource, field_selector=f"spec.nodeName={node}"),
                intake,
                clock=clock,
                monotonic=monotonic,
                random=random.random,
                backoff=Backoff(random.random, monotonic, first=first_backoff),
                refused_pause=refused_pause,
            )

        pods = Intake(
            "pods",
            convert=_pod,
            put=self._put_pod,
            drop=self._drop_pod,
            replace=self._replace_pods,
            lock=lock,
        )
        offers = Intake(
            "resourceslices",
            convert=_offer,
            put=self._put_offer,
            drop=self._drop_offer,
            replace=self._replace_offers,
            lock=lock,
        )
        self._pods = followed(pods, None)
        # Clusters before Kubernetes 1.34 do not serve them in this version.
        self._slices = followed(offers, _REFUSED_SECONDS)

    def start(self) -> None:
        """Begin to follow."""
        for each in (self._pods, self._slices):
            each.start()

    def stop(self) -> None:
        """Follow no more; threads that wait for the API server end with the process."""
        for each in (self._pods, self._slices):
            each.stop()

    def trouble(self) -> str | None:
        """Return why pods are not followed just now; None when they are."""
        if self._pods.trouble is None and self._is_stale():
            return f"nothing heard of pods for {self._stale_after:g} s"
        return self._pods.trouble

    def find(self, driver: str, pool: str, device: str) -> str | None:
        """Return the UUID that a driver publishes of a device; None when not known.

        While a pool is told anew, the newest generation that has the device counts.
        """
        found = [
            offer
            for offer in tuple(self._offers.values())
            if offer.pool == (driver, pool) and device in offer.uuids
        ]
        return max(found, key=lambda it: it.generation).uuids[device] if found else None

    def pod(self, namespace: str, name: str) -> NodePod | None:
        """Return the pod of this name; None when there is none, or nobody knows."""
        return None if self._is_stale() else self._by_name.get((namespace, name))

    def pod_of_uid(self, uid: str) -> NodePod | None:
        """Return the pod of this UID; None when there is none, or nobody knows."""
        return None if self._is_stale() else self._by_uid.get(uid)

    def _is_stale(self) -> bool:
        silence = self._pods.silence()
        return silence is None or silence > self._stale_after

    def _put_pod(self, pod: NodePod) -> None:
        self._by_uid[pod.uid] = pod
        self._by_name[pod.namespace, pod.name] = pod

    def _drop_pod(self, uid: str) -> None:
        pod = self._by_uid.pop(uid, None)
        # A StatefulSet's next pod has the same name, and may have been told of before.
        if pod is not None and self._by_name[pod.namespace, pod.name].uid == uid:
            del self._by_name[pod.namespace, pod.name]

    def _replace_pods(self, pods: Iterable[NodePod]) -> None:
        told = list(pods)
        self._by_uid = {pod.uid: pod for pod in told}
        self._by_name = {(pod.namespace, pod.name): pod for pod in told}

    def _put_offer(self, offer: _Offer) -> None:
        self._offers[offer.uid] = offer

    def _drop_offer(self, uid: str) -> None:
        self._offers.pop(uid, None)

    def _replace_offers(self, offers: Iterable[_Offer]) -> None:
        self._offers = {offer.uid: offer for offer in offers}


def _pod(raw: msgspec.Raw) -> NodePod:
    told = wire.decode(raw, wire.POD)
    name = told.metadata
    return NodePod(name.namespace, name.name, name.uid, told.status.phase in _ENDED)


def _offer(raw: msgspec.Raw) -> _Offer:
    told = wire.decode(raw, SLICE)
    pool = told.spec.pool
    return _Offer(
        told.metadata.uid, (told.spec.driver, pool.name), pool.generation, slices.uuids(told)
    )
