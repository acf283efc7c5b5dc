"""The cluster as last heard of, and what is published of it.

Not thread-safe: the publisher holds one lock over it. A change marks the nodes and pods whose lines
it touches; `render` makes those anew, and `blocks` joins them with the rest as they are.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import msgspec

from exporter.cluster import accounting
from exporter.cluster.devices.claims import Claim
from exporter.cluster.devices.inventory import Inventory, Touched
from exporter.cluster.devices.slices import Slice
from exporter.cluster.endings import Endings
from exporter.cluster.events.happenings import Happenings
from exporter.cluster.events.kubeevents import KubeEvent, KubeWarnings
from exporter.cluster.objects import nodes, pods
from exporter.cluster.objects.nodes import Node
from exporter.cluster.objects.pods import Pod
from exporter.cluster.objects.wire import ObjectWire, OwnerReference
from exporter.cluster.owners import Owners, Wanted
from exporter.cluster.page import nodesamples, overview, podsamples, summary
from exporter.cluster.page.board import Board
from exporter.cluster.registry import Registry
from exporter.cluster.shard import WHOLE, Shard
from exporter.exposition import Block

_PORTION = 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a cluster is published.

    Args:
        shard: Which part.
        completed_for: Seconds that an ended pod which still exists keeps its series.
        events: How many of the newest happenings.
    """

    shard: Shard = WHOLE
    completed_for: float = 3600.0
    events: int = 100


class Fleet:
    """State of one cluster.

    Args:
        clock: Now, in Unix seconds.
        scope: What of it is published.
        wanted: Told of owners that nobody described.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        scope: Scope | None = None,
        wanted: Wanted = lambda _namespace, _owner: None,
    ) -> None:
        self._clock = clock
        self._scope = scope or Scope()
        self._happenings = Happenings(
            self._scope.events,
            clock,
            self._is_about_gpus,
            counts_warnings=self._scope.shard.is_first,
        )
        self._wanted = wanted
        self._board = Board()
        self._registry = Registry()
        self._owners = Owners(self._want)
        self._inventory = Inventory(self._holds)
        self._rooms: dict[str, summary.Part] = {}
        self._listed: set[str] = set()
        self._endings = Endings(self._scope.completed_for)
        # Pods that another part publishes until they have a node, which may be one of ours.
        self._elsewhere: set[str] = set()
        self._changed_nodes: set[str] = set()
        self._changed_pods: set[str] = set()

    # --- nodes ---

    def put_node(self, node: Node, *, news: bool = True) -> None:
        """Take in a new or changed node; *news* is False while the first list is taken in."""
        if not self._scope.shard.owns(node.name):
            return
        # Two of one name may be told of for a while: what is published is the one told of last.
        shown = self._registry.node(node.name)
        known = self._registry.put_node(node)
        completed = self._happenings.completed(node.name)
        self._happenings.node(known, node, self._capacity(node), news=news)
        # Most of what a kubelet tells of its node is that it is there.
        if node != shown or completed != self._happenings.completed(node.name):
            self._changed_nodes.add(node.name)
        every = shown is None or _means_else_to_pods(node, shown)
        self._touch_pods_on(node.name, every=every)

    def drop_node(self, uid: str) -> None:
        """Forget a node; pods bound to it stay, as orphans, until they are removed themselves."""
        node = self._registry.drop_node(uid)
        if node is not None:
            self._happenings.node_went(node)
            self._touch_node(node.name)

    def replace_nodes(self, listed: Iterable[Node]) -> None:
        """Make these nodes the only ones; those that are gone are removed as if told one by one."""
        current = {node.uid: node for node in listed}
        for uid in self._registry.nodes.keys() - current.keys():
            self.drop_node(uid)
        news = self._is_news("nodes")
        for node in current.values():
            self.put_node(node, news=news)

    # --- pods ---

    def put_pod(self, pod: Pod, *, news: bool = True) -> None:
        """Take in a new or changed pod; *news* is False while the first list is taken in.

        One that has nothing to do with GPUs, or ended long ago, is only counted.
        """
        known = self._registry.pods.get(pod.uid)
        if not self._scope.shard.owns(pod.node or pod.uid):
            self._let_go(pod.uid)
            self._elsewhere.discard(pod.uid)
            if not pod.node and (pod.requests or pod.claims):
                self._elsewhere.add(pod.uid)
            return
        if not (pod.requests or pod.claims):
            self._set_aside(pod.uid)
            return
        pod = pods.remembering(pod, known)
        if self._ended_long_ago(pod):
            # The end of a pod that was followed is news, however late we hear of it.
            if known is not None:
                self._tell(known, pod, news=news)
            self._set_aside(pod.uid)
            return
        if pod == known and self._owners.has_traced(pod.uid):
            return
        self._registry.put_pod(pod)
        self._touch_pod(pod)
        # It may be the leader that others belong to.
        self._changed_pods |= self._owners.answer(pod.uid, pod.controller)
        self._tell(known, pod, news=news)
        self._elsewhere.discard(pod.uid)
        if known is not None:
            self._changed_nodes.add(known.node)
        if known is None or known.holds_gpus != pod.holds_gpus:
            self._mark(self._inventory.of_pod(pod.uid))

    def drop_pod(self, uid: str) -> None:
        """Forget a pod that was deleted."""
        pod = self._registry.pods.get(uid)
        if pod is not None:
            self._happenings.pod_went(pod)
        self._endings.forget(uid)
        self._elsewhere.discard(uid)
        self._let_go(uid)

    def replace_pods(self, listed: Iterable[Pod]) -> None:
        """Make these pods the only ones; those that are gone are removed as if told one by one."""
        current = {pod.uid: pod for pod in listed}
        known = self._registry.pods.keys() | self._registry.others | self._elsewhere
        for uid in known - current.keys():
            self.drop_pod(uid)
        news = self._is_news("pods")
        for pod in current.values():
            self.put_pod(pod, news=news)

    # --- owners ---

    def put_owner(self, kind: str, owner: ObjectWire) -> None:
        """Take in an owner; the pods below it are named anew."""
        self._changed_pods |= self._owners.put(kind, owner)

    def answer_owner(self, uid: str, controller: OwnerReference | None) -> None:
        """Take in an owner that was wanted; the pods below it are named anew."""
        self._changed_pods |= self._owners.answer(uid, controller)

    def drop_owner(self, kind: str, uid: str) -> None:
        """Forget an owner."""
        self._owners.drop(kind, uid)

    def replace_owners(self, kind: str, owners: Iterable[ObjectWire]) -> None:
        """Make *owners* the only ones of their kind."""
        self._changed_pods |= self._owners.replace(kind, owners)

    # --- devices by claim ---

    def put_claim(self, claim: Claim) -> None:
        """Take in a new or changed ResourceClaim."""
        self._mark(self._inventory.put_claim(claim))

    def drop_claim(self, uid: str) -> None:
        """Forget a ResourceClaim."""
        self._mark(self._inventory.drop_claim(uid))

    def replace_claims(self, claims: Iterable[Claim]) -> None:
        """Make *claims* the only ones."""
        self._mark(self._inventory.replace_claims(claims), news=self._is_news("claims"))

    def put_slice(self, it: Slice) -> None:
        """Take in a new or changed ResourceSlice."""
        self._offer(self._inventory.put_slice(it), news=True)

    def drop_slice(self, uid: str) -> None:
        """Forget a ResourceSlice."""
        self._mark(self._inventory.drop_slice(uid))

    def replace_slices(self, slices: Iterable[Slice]) -> None:
        """Make *slices* the only ones."""
        self._offer(self._inventory.replace_slices(slices), news=self._is_news("slices"))

    # --- what is published ---

    @property
    def warnings(self) -> KubeWarnings:
        """Where Kubernetes' own events go."""
        return self._happenings.warnings

    def counts(self) -> dict[str, int]:
        """Return how many objects are held, by resource."""
        registry = self._registry
        return {
            "nodes": len(registry.nodes),
            "pods": len(registry.pods) + len(registry.others),
            "gpu_pods": len(registry.pods),
            "owners": len(self._owners),
            **self._inventory.counts(),
        }

    def render(self, limit: int) -> bool:
        """Render up to *limit* of the objects that changed; tell whether any are left."""
        for uid in self._endings.due(self._clock()):
            self._set_aside(uid)
        for _ in range(limit):
            if self._changed_nodes:
                name = self._changed_nodes.pop()
                # What cannot be rendered as it is now is not published as it was before either.
                with self._dropping(f"node/{name}"):
                    self._render_node(name)
            elif self._changed_pods:
                # Tracing a pod to its workload may show that another one has to be traced anew.
                uid = self._changed_pods.pop()
                with self._dropping(f"pod/{uid}"):
                    self._render_pod(uid)
            else:
                return False
        return True

    @contextmanager
    def _dropping(self, key: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._board.drop(key)
            raise

    def blocks(self) -> Iterator[Block]:
        """Yield the exposition, family by family, after rendering what changed."""
        while self.render(_PORTION):
            pass
        yield from self._board.blocks()
        yield overview.block(
            summary.room(self._rooms.values()),
            summary.orphaned(self._registry.orphans(), self._gpus),
            filter(self._is_task, self._registry.pods.values()),
            self._gpus,
            self._scope.shard.label,
        )
        yield from self._happenings.blocks()

    def _render_node(self, name: str) -> None:
        node = self._registry.node(name)
        if node is None:
            self._board.drop(f"node/{name}")
            self._rooms.pop(name, None)
            return
        node = self._described(node)
        bound = [self._counted(pod) for pod in self._registry.on(name)]
        accounts = accounting.of_node(node, bound) + self._inventory.accounts(node)
        room = summary.part(node, accounts)
        if room is None:
            self._rooms.pop(name, None)
        else:
            self._rooms[name] = room
        units = accounting.units(node, bound)
        completed = self._happenings.completed(name)
        self._board.put(f"node/{name}", nodesamples.of_node(node, accounts, units, completed))

    def _render_pod(self, uid: str) -> None:
        pod = self._registry.pods.get(uid)
        if pod is None or not self._is_task(pod):
            self._board.drop(f"pod/{uid}")
            return
        node = self._registry.node(pod.node)
        lines = podsamples.of_pod(
            pod,
            self._owners.workload_of(pod),
            gpus=self._gpus(pod),
            node_known=node is not None,
            node_ready=node is not None and node.ready,
        )
        self._board.put(f"pod/{uid}", lines)

    # --- what a pod has ---

    def _is_task(self, pod: Pod) -> bool:
        if pod.reservation:
            return False
        return bool(pod.requests) or self._inventory.concerns_gpus(pod.namespace, pod.claims)

    def _gpus(self, pod: Pod) -> float | None:
        """Return the GPUs that a pod asks for or holds; None when nobody can tell."""
        asked = accounting.amount(self._counted(pod), self._registry.node(pod.node))
        if not pod.claims:
            return asked
        held = self._inventory.amounts(pod.uid) or self._inventory.asked(pod.namespace, pod.claims)
        return None if held is None else asked + sum(held.values())

    def _counted(self, pod: Pod) -> Pod:
        # What an allocated claim stands for is counted by the claim, never twice.
        if not (pod.backed and self._inventory.covers(pod.namespace, pod.claims)):
            return pod
        beside = tuple(ask for ask in pod.requests if ask.resource not in pod.backed)
        return msgspec.structs.replace(pod, requests=beside)

    def _holds(self, uid: str) -> bool:
        pod = self._registry.pods.get(uid)
        return pod is not None and pod.holds_gpus

    def _described(self, node: Node) -> Node:
        """Return the node with the model that its devices tell where none of its labels does."""
        if node.model not in {node.instance_type, nodes.UNKNOWN}:
            return node
        return replace(node, model=self._inventory.model(node.name) or node.model)

    def _capacity(self, node: Node) -> float:
        accounts = accounting.of_node(node, ()) + self._inventory.accounts(node)
        return sum(account.capacity for account in accounts)

    # --- bookkeeping ---

    def _is_about_gpus(self, event: KubeEvent) -> bool:
        if event.kind == "Pod":
            return event.object_uid in self._registry.pods
        return event.kind == "Node" and event.name in self._rooms

    def _tell(self, known: Pod | None, pod: Pod, *, news: bool) -> None:
        if self._is_task(pod):
            gpus = self._gpus(pod) or 0.0
            moved = pod.uid in self._elsewhere
            self._happenings.pod(known, pod, gpus, news=news, moved=moved)

    def _is_news(self, resource: str) -> bool:
        news = resource in self._listed
        self._listed.add(resource)
        return news

    def _want(self, namespace: str, owner: OwnerReference) -> None:
        pod = self._registry.pods.get(owner.uid) if owner.kind == "Pod" else None
        if pod is None:
            self._wanted(namespace, owner)
        else:
            self._changed_pods |= self._owners.answer(owner.uid, pod.controller)

    def _touch_node(self, name: str) -> None:
        self._changed_nodes.add(name)
        self._touch_pods_on(name)

    def _touch_pods_on(self, node: str, *, every: bool = True) -> None:
        # An owner that is not known yet is asked for again whenever one of its pods is rendered.
        self._changed_pods.update(
            pod.uid
            for pod in self._registry.on(node)
            if every or not self._owners.has_traced(pod.uid)
        )

    def _touch_pod(self, pod: Pod) -> None:
        self._changed_pods.add(pod.uid)
        if pod.node:
            self._changed_nodes.add(pod.node)

    def _offer(self, touched: Touched, *, news: bool) -> None:
        """Take in what slices changed: a node may have GPUs by them alone."""
        self._mark(touched)
        for name in touched.nodes:
            node = self._registry.node(name)
            if node is not None:
                self._happenings.node_offers(node, self._capacity(node), news=news)

    def _mark(self, touched: Touched, *, news: bool = True) -> None:
        named = {uid for claim in touched.claims for uid in self._registry.naming(claim)}
        for uid in named | touched.pods:
            pod = self._registry.pods.get(uid)
            if pod is not None:
                self._touch_pod(pod)
                if self._is_task(pod):
                    self._happenings.pod_concerns_gpus(pod, self._gpus(pod) or 0.0, news=news)
        for name in touched.nodes:
            self._touch_node(name)

    def _let_go(self, uid: str) -> None:
        """Keep a pod no longer, for whatever reason."""
        pod = self._registry.drop_pod(uid)
        if pod is not None:
            self._touch_pod(pod)
            self._owners.forget(uid)
            self._happenings.forget_pod(uid)
            self._mark(self._inventory.of_pod(uid))

    def _set_aside(self, uid: str) -> None:
        """Only count a pod from now on."""
        if uid in self._registry.others:
            return
        self._let_go(uid)
        self._registry.others.add(uid)

    def _ended_long_ago(self, pod: Pod) -> bool:
        return pod.terminal and self._endings.is_over(pod.uid, pod.finished, self._clock())


def _means_else_to_pods(node: Node, known: Node) -> bool:
    """Tell whether pods on the node have to be rendered anew.

    Readiness is part of a pod's state, and the node's labels of what its units weigh.
    """
    return (node.ready, node.hardware, node.capacity) != (
        known.ready,
        known.hardware,
        known.capacity,
    )
