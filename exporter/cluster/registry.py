"""Nodes and pods by whatever they are looked up by; no rules, no lines."""

from collections.abc import Collection, Iterator

from exporter.cluster.objects.nodes import Node
from exporter.cluster.objects.pods import Pod

Claim = tuple[str, str]
"""Namespace and name of a ResourceClaim."""


class Registry:
    """What is kept of a cluster.

    Attributes:
        nodes: Nodes by UID.
        pods: Pods that concern GPUs, by UID.
        others: UIDs of the pods that are only counted.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.pods: dict[str, Pod] = {}
        self.others: set[str] = set()
        self._by_name: dict[str, Node] = {}
        self._on_node: dict[str, dict[str, Pod]] = {}
        self._by_claim: dict[Claim, set[str]] = {}

    # --- nodes ---

    def node(self, name: str) -> Node | None:
        """Return the node of this name; None when there is none."""
        return self._by_name.get(name)

    def put_node(self, node: Node) -> Node | None:
        """Take in a node; return what was known of it."""
        known = self.nodes.get(node.uid)
        self.nodes[node.uid] = self._by_name[node.name] = node
        return known

    def drop_node(self, uid: str) -> Node | None:
        """Forget a node; return what was known of it."""
        node = self.nodes.pop(uid, None)
        # A node of the same name may have come back under another UID before this one went.
        if node is not None and self._by_name.get(node.name) is node:
            del self._by_name[node.name]
        return node

    # --- pods ---

    def on(self, node: str) -> Collection[Pod]:
        """Return the pods bound to a node of this name; of the empty name, those bound to none."""
        return self._on_node.get(node, {}).values()

    def naming(self, claim: Claim) -> Collection[str]:
        """Return the UIDs of the pods that name a claim."""
        return self._by_claim.get(claim, ())

    def orphans(self) -> Iterator[Pod]:
        """Yield the pods bound to nodes that do not exist."""
        for name in self._on_node.keys() - self._by_name.keys():
            if name:
                yield from self._on_node[name].values()

    def put_pod(self, pod: Pod) -> None:
        """Take in a pod that concerns GPUs."""
        self.drop_pod(pod.uid)
        self.pods[pod.uid] = pod
        self._on_node.setdefault(pod.node, {})[pod.uid] = pod
        for name in pod.claims:
            self._by_claim.setdefault((pod.namespace, name), set()).add(pod.uid)

    def drop_pod(self, uid: str) -> Pod | None:
        """Forget a pod; return what was known of it, None of one that was only counted."""
        self.others.discard(uid)
        pod = self.pods.pop(uid, None)
        if pod is None:
            return None
        neighbours = self._on_node[pod.node]
        del neighbours[uid]
        if not neighbours:
            del self._on_node[pod.node]
        for name in pod.claims:
            sharers = self._by_claim[pod.namespace, name]
            sharers.discard(uid)
            if not sharers:
                del self._by_claim[pod.namespace, name]
        return pod
