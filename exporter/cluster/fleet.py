"""The cluster as last heard of: nodes, GPU pods, owners, and the lines they are published as.

Not thread-safe: the publisher holds one lock over it. A change marks the objects whose lines it
touches; the next `blocks` renders those and joins the rest as they are.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from exporter import catalogue
from exporter.cluster import accounting, samples, workload
from exporter.cluster.board import Board
from exporter.cluster.journal import Happening, Journal
from exporter.cluster.nodes import Node
from exporter.cluster.pods import PHASES, Pod
from exporter.cluster.wire import ObjectWire, OwnerReference
from exporter.cluster.workload import Workload
from exporter.exposition import line, number, render


class Fleet:
    """State of one cluster.

    Args:
        journal: Where happenings are written.
        clock: Now, in Unix seconds; used for removals, whose time nobody tells us.
    """

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._clock = clock
        self._board = Board()
        self._nodes: dict[str, Node] = {}
        self._nodes_by_name: dict[str, Node] = {}
        self._pods: dict[str, Pod] = {}
        self._pods_by_node: dict[str, dict[str, Pod]] = {}
        self._pods_without_gpus: set[str] = set()
        self._owners: dict[str, OwnerReference | None] = {}
        self._owners_by_kind: dict[str, set[str]] = {}
        self._pods_by_owner: dict[str, set[str]] = {}
        self._workloads: dict[str, Workload] = {}
        self._changed_nodes: set[str] = set()
        self._changed_pods: set[str] = set()

    # --- nodes ---

    def put_node(self, node: Node) -> None:
        """Take in a new or changed node."""
        known = self._nodes.get(node.uid)
        # A node joins before its device plugin does: it counts as added once it has GPUs.
        if node.has_gpus and not (known and known.has_gpus):
            self._record_node("NodeAdded", node, node.created, "New node with {} GPUs added")
        self._nodes[node.uid] = node
        self._nodes_by_name[node.name] = node
        self._touch_node(node.name)

    def drop_node(self, uid: str) -> None:
        """Forget a node; pods bound to it stay, as orphans, until they are removed themselves."""
        node = self._nodes.pop(uid, None)
        if node is None:
            return
        if node.capacity:
            self._record_node("NodeRemoved", node, None, "Node with {} GPUs removed")
        # A node of the same name may have come back under another UID before this one went.
        if self._nodes_by_name.get(node.name) is node:
            del self._nodes_by_name[node.name]
        self._touch_node(node.name)

    def replace_nodes(self, nodes: Iterable[Node]) -> None:
        """Make *nodes* the only ones; those that are gone are removed as if told one by one."""
        current = {node.uid: node for node in nodes}
        for uid in self._nodes.keys() - current.keys():
            self.drop_node(uid)
        for node in current.values():
            self.put_node(node)

    # --- pods ---

    def put_pod(self, pod: Pod) -> None:
        """Take in a new or changed pod; one that asks for no GPU is only counted."""
        if not pod.requests:
            self._forget_pod(pod.uid)
            self._forget_workload(pod.uid)
            self._pods_without_gpus.add(pod.uid)
            return
        if pod.uid not in self._pods:
            self._record_pod("PodCreated", pod, pod.created, self._created_message(pod))
        self._forget_pod(pod.uid)
        self._pods[pod.uid] = pod
        if pod.node:
            self._pods_by_node.setdefault(pod.node, {})[pod.uid] = pod
            self._changed_nodes.add(pod.node)
        self._changed_pods.add(pod.uid)

    def drop_pod(self, uid: str) -> None:
        """Forget a pod: it was deleted, or it ended and so left what is watched."""
        pod = self._pods.get(uid)
        if pod is not None:
            self._record_pod("PodDeleted", pod, None, "Pod ended or was deleted")
        self._forget_pod(uid)
        self._forget_workload(uid)

    def replace_pods(self, pods: Iterable[Pod]) -> None:
        """Make *pods* the only ones; those that are gone are removed as if told one by one."""
        current = {pod.uid: pod for pod in pods}
        for uid in (self._pods.keys() | self._pods_without_gpus) - current.keys():
            self.drop_pod(uid)
        for pod in current.values():
            self.put_pod(pod)

    # --- owners ---

    def put_owner(self, kind: str, owner: ObjectWire) -> None:
        """Take in an owner; the pods below it are named anew."""
        uid = owner.metadata.uid
        self._owners[uid] = workload.controller_of(owner)
        self._owners_by_kind.setdefault(kind, set()).add(uid)
        self._changed_pods |= self._pods_by_owner.get(uid, set())

    def drop_owner(self, kind: str, uid: str) -> None:
        """Forget an owner; pods that outlive it keep the name they were last known by."""
        self._owners.pop(uid, None)
        self._owners_by_kind.get(kind, set()).discard(uid)

    def replace_owners(self, kind: str, owners: Iterable[ObjectWire]) -> None:
        """Make *owners* the only ones of their kind."""
        current = {owner.metadata.uid: owner for owner in owners}
        for uid in self._owners_by_kind.get(kind, set()) - current.keys():
            self.drop_owner(kind, uid)
        for owner in current.values():
            self.put_owner(kind, owner)

    # --- what is published ---

    def counts(self) -> dict[str, int]:
        """Return how many objects are held, by resource."""
        return {
            "nodes": len(self._nodes),
            "pods": len(self._pods) + len(self._pods_without_gpus),
            "gpu_pods": len(self._pods),
            "owners": len(self._owners),
        }

    @property
    def changed(self) -> bool:
        """True when something happened since `blocks` was last called."""
        return bool(self._changed_nodes or self._changed_pods)

    def blocks(self) -> Iterator[bytes]:
        """Yield the exposition, family by family, after rendering what changed."""
        for name in self._changed_nodes:
            self._render_node(name)
        for uid in self._changed_pods:
            self._render_pod(uid)
        self._changed_nodes.clear()
        self._changed_pods.clear()
        yield from self._board.blocks()
        yield self._phases()
        yield render(catalogue.EVENT, map(samples.of_happening, self._journal.newest_first()))

    def _render_node(self, name: str) -> None:
        node = self._nodes_by_name.get(name)
        if node is None:
            self._board.drop(f"node/{name}")
            return
        accounts = accounting.of_node(node, self._pods_by_node.get(name, {}).values())
        self._board.put(f"node/{name}", samples.of_node(node, accounts))

    def _render_pod(self, uid: str) -> None:
        pod = self._pods.get(uid)
        if pod is None:
            self._board.drop(f"pod/{uid}")
            return
        node = self._nodes_by_name.get(pod.node)
        self._board.put(
            f"pod/{uid}",
            samples.of_pod(
                pod,
                self._workload_of(pod),
                gpus=accounting.amount(pod, node),
                node_ready=node is not None and node.ready,
            ),
        )

    def _workload_of(self, pod: Pod) -> Workload:
        found = workload.resolve(pod, self._owners)
        known = self._workloads.get(pod.uid)
        # An owner deleted before its pods must not demote them to a lower name.
        if known and found.chain and _is_longer(known.chain, found.chain):
            found = known
        self._forget_workload(pod.uid)
        self._workloads[pod.uid] = found
        for owner in found.chain:
            self._pods_by_owner.setdefault(owner, set()).add(pod.uid)
        return found

    def _phases(self) -> bytes:
        counted = Counter(pod.phase for pod in self._pods.values())
        return render(
            catalogue.PODS,
            [line(catalogue.PODS, (phase,), counted[phase]) for phase in PHASES],
        )

    # --- bookkeeping ---

    def _touch_node(self, name: str) -> None:
        self._changed_nodes.add(name)
        # Readiness is part of a pod's state, and the node's labels of what its units weigh.
        self._changed_pods |= self._pods_by_node.get(name, {}).keys()

    def _forget_pod(self, uid: str) -> None:
        self._pods_without_gpus.discard(uid)
        pod = self._pods.pop(uid, None)
        if pod is None:
            return
        self._changed_pods.add(uid)
        if pod.node:
            neighbours = self._pods_by_node[pod.node]
            del neighbours[uid]
            if not neighbours:
                del self._pods_by_node[pod.node]
            self._changed_nodes.add(pod.node)

    def _forget_workload(self, uid: str) -> None:
        known = self._workloads.pop(uid, None)
        for owner in known.chain if known else ():
            pods = self._pods_by_owner[owner]
            pods.discard(uid)
            if not pods:
                del self._pods_by_owner[owner]

    def _created_message(self, pod: Pod) -> str:
        gpus = accounting.amount(pod, self._nodes_by_name.get(pod.node))
        return f"Pod created with {number(gpus)} GPUs"

    def _record_pod(self, kind: str, pod: Pod, when: float | None, message: str) -> None:
        self._record(kind, pod.uid, f"{pod.namespace}/{pod.name}", when, message)

    def _record_node(self, kind: str, node: Node, when: float | None, message: str) -> None:
        gpus = sum(account.capacity for account in accounting.of_node(node, ()))
        self._record(kind, node.uid, node.name, when, message.format(number(gpus)))

    def _record(self, kind: str, uid: str, name: str, when: float | None, message: str) -> None:
        moment = self._clock() if when is None else when
        self._journal.add(Happening(moment, f"{kind}/{uid}", kind, name, message))


def _is_longer(chain: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return len(chain) > len(other) and chain[: len(other)] == other
