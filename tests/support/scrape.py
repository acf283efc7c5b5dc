"""What a scrape would get, compared line by line and without regard to order."""

import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from exporter.cluster import nodes, pods, wire
from exporter.cluster.fleet import Fleet
from exporter.cluster.journal import Journal
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


class Scrape:
    """One page of exposition text."""

    def __init__(self, page: bytes) -> None:
        self.text = page.decode()
        self.lines = sorted(line for line in self.text.splitlines() if line[0] != "#")

    def of(self, *families: str) -> list[str]:
        """Return the samples of these families, sorted."""
        return [line for line in self.lines if line.split("{")[0].split(" ")[0] in families]

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
    """

    def __init__(self) -> None:
        self.now = NOW
        self._fleet = Fleet(Journal(100), lambda: self.now)
        self._put: dict[str, Callable[[bytes], None]] = {
            "Node": lambda raw: self._fleet.put_node(_node(raw)),
            "Pod": lambda raw: self._fleet.put_pod(_pod(raw)),
        }
        self._drop: dict[str, Callable[[str], None]] = {
            "Node": self._fleet.drop_node,
            "Pod": self._fleet.drop_pod,
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

    def replace_owners(self, kind: str, objects: Iterable[Object]) -> "Relay":
        """Tell that these owners are all of their kind."""
        decoded = [wire.decode(msgspec.json.encode(it), wire.OBJECT) for it in objects]
        self._fleet.replace_owners(kind, decoded)
        return self

    def scrape(self) -> Scrape:
        """Return what would be published now."""
        return Scrape(b"".join(self._fleet.blocks()))

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
