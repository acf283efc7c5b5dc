"""What a scrape would get, compared line by line and without regard to order."""

import re
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from exporter.cluster.devices import claims, slices
from exporter.cluster.devices import wire as devicewire
from exporter.cluster.events import kubeevents
from exporter.cluster.fleet import Fleet, Scope
from exporter.cluster.objects import nodes, pods, wire, workload
from exporter.exposition import Page
from tests.support.objects import Object

NOW = 1767300000.0

ACCOUNT = (
    "gpu_node_capacity",
    "gpu_node_allocatable",
    "gpu_node_allocated",
    "gpu_node_free",
    "gpu_node_unavailable",
    "gpu_node_overcommitted",
)
"""The families that account for every device of a node."""


HISTORY = (
    "gpu_event",
    "gpu_kubernetes_",
    "gpu_node_completed_",
    "gpu_pod_queue_wait_",
    "gpu_pod_startup_",
)
"""How the names of families begin that tell what happened, not what is."""
_CLUSTER = ("gpu_pods", "gpu_free_", "gpu_clique_", "gpu_orphaned_", "gpu_pending_")
_DIGEST = re.compile(r',\w+_digest="sha256:[0-9a-f]{64}"')


class Scrape:
    """One page of exposition text."""

    def __init__(self, page: bytes) -> None:
        self.text = page.decode()
        self.lines = sorted(line for line in self.text.splitlines() if line[0] != "#")

    def of(self, *families: str) -> list[str]:
        """Return the samples of these families, sorted."""
        return [line for line in self.lines if line.split("{")[0].split(" ")[0] in families]

    def of_nodes(self) -> list[str]:
        """Return what is said of nodes; what happened on them is left out."""
        return [line for line in self.without(*HISTORY) if line.startswith("gpu_node_")]

    def of_pods(self) -> list[str]:
        """Return what is said of single pods; what they run (the digests) is left out."""
        told = (line for line in self.without(*HISTORY) if line.startswith("gpu_pod_"))
        return [_DIGEST.sub("", line) for line in told]

    def of_cluster(self) -> list[str]:
        """Return what is said of the cluster as a whole."""
        return [line for line in self.lines if line.startswith(_CLUSTER)]

    def without(self, *prefixes: str) -> list[str]:
        """Return all samples but those whose names begin so, sorted."""
        return [line for line in self.lines if not line.startswith(prefixes)]


def text(block: str) -> list[str]:
    """Return the lines of an indented block, sorted."""
    return sorted(textwrap.dedent(block).strip().splitlines())


class Relay:
    """Hands objects to a fleet as an API server tells of them: as JSON.

    Attributes:
        now: What the fleet takes the time to be.
        wanted: Namespace and UID of the owners it wanted to be told of.
    """

    def __init__(self, reading: nodes.Reading = nodes.DEFAULT, scope: Scope | None = None) -> None:
        self.now = NOW
        self.wanted: list[tuple[str, str]] = []
        self._fleet = Fleet(lambda: self.now, scope=scope, wanted=self._want)
        self._put: dict[str, Callable[[bytes], None]] = {
            "Node": lambda raw: self._fleet.put_node(
                nodes.from_wire(wire.decode(raw, wire.NODE), reading)
            ),
            "Pod": lambda raw: self._fleet.put_pod(_pod(raw)),
            "ResourceSlice": lambda raw: self._fleet.put_slice(
                slices.from_wire(wire.decode(raw, devicewire.SLICE))
            ),
            "ResourceClaim": lambda raw: self._fleet.put_claim(
                claims.from_wire(wire.decode(raw, devicewire.CLAIM))
            ),
            "Event": lambda raw: self._fleet.warnings.put(
                kubeevents.from_wire(wire.decode(raw, kubeevents.EVENT))
            ),
        }
        self._drop: dict[str, Callable[[str], None]] = {
            "Node": self._fleet.drop_node,
            "Pod": self._fleet.drop_pod,
            "ResourceSlice": self._fleet.drop_slice,
            "ResourceClaim": self._fleet.drop_claim,
            "Event": self._fleet.warnings.drop,
        }

    def put(self, *objects: Object) -> "Relay":
        """Tell of new or changed objects."""
        for it in objects:
            raw = msgspec.json.encode(it)
            if it["kind"] in self._put:
                self._put[it["kind"]](raw)
            else:
                self._fleet.put_owner(it["kind"], wire.decode(raw, wire.OBJECT))
        return self

    def drop(self, *objects: Object) -> "Relay":
        """Tell that these objects are gone."""
        for it in objects:
            uid = it["metadata"]["uid"]
            if it["kind"] in self._drop:
                self._drop[it["kind"]](uid)
            else:
                self._fleet.drop_owner(it["kind"], uid)
        return self

    def replace_nodes(self, objects: Iterable[Object]) -> "Relay":
        """Tell that these nodes are all there are."""
        self._fleet.replace_nodes(_node(msgspec.json.encode(it)) for it in objects)
        return self

    def replace_pods(self, objects: Iterable[Object]) -> "Relay":
        """Tell that these pods are all there are."""
        self._fleet.replace_pods(_pod(msgspec.json.encode(it)) for it in objects)
        return self

    def replace_slices(self, objects: Iterable[Object]) -> "Relay":
        """Tell that these slices are all there are."""
        self._fleet.replace_slices(
            slices.from_wire(wire.decode(msgspec.json.encode(it), devicewire.SLICE))
            for it in objects
        )
        return self

    def replace_claims(self, objects: Iterable[Object]) -> "Relay":
        """Tell that these claims are all there are."""
        self._fleet.replace_claims(
            claims.from_wire(wire.decode(msgspec.json.encode(it), devicewire.CLAIM))
            for it in objects
        )
        return self

    def replace_owners(self, kind: str, objects: Iterable[Object]) -> "Relay":
        """Tell that these owners are all of their kind."""
        decoded = [wire.decode(msgspec.json.encode(it), wire.OBJECT) for it in objects]
        self._fleet.replace_owners(kind, decoded)
        return self

    def answer(self, owner: Object) -> "Relay":
        """Tell of an owner that was wanted."""
        told = wire.decode(msgspec.json.encode(owner), wire.OBJECT)
        self._fleet.answer_owner(told.metadata.uid, workload.controller_of(told))
        return self

    def _want(self, namespace: str, owner: wire.OwnerReference) -> None:
        self.wanted.append((namespace, owner.uid))

    def scrape(self) -> Scrape:
        """Return what would be published now."""
        return Scrape(Page(self._fleet.blocks()).body)

    def counts(self) -> dict[str, int]:
        """Return how many objects are held."""
        return self._fleet.counts()


def scrape(*objects: Object) -> Scrape:
    """Return what is published of these objects, told in this order."""
    return Relay().put(*objects).scrape()


def value(lines: list[str]) -> Any:
    """Return the value of the only line."""
    (line,) = lines
    return float(line.rpartition(" ")[2])


def _node(raw: bytes) -> nodes.Node:
    return nodes.from_wire(wire.decode(raw, wire.NODE))


def _pod(raw: bytes) -> pods.Pod:
    return pods.from_wire(wire.decode(raw, wire.POD))
