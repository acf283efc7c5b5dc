"""Pools as a cluster lives: what happens is told once, and a silent Prometheus tells nothing."""

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.pools_observed import Entry, Observed, observed, west_node
from tests.support.stack import READY_SECONDS
from tests.support.stored import prepared

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Life:
    """One pool of three nodes."""

    running: Observed
    pool: str
    folder: Path

    @property
    def found(self) -> Entry:
        """What is told of it first."""
        return "pool-discovered", f"Found 3 nodes by the label {self.pool}"

    def names(self, letters: str) -> tuple[str, ...]:
        """Return the names of some of its nodes."""
        return tuple(f"{self.pool}-{letter}" for letter in letters)

    def put(self, letters: str, **facts: Any) -> None:
        """Have some of its nodes be there."""
        nodes = [west_node(name, pool=self.pool, **facts) for name in self.names(letters)]
        self.running.cluster.put(*nodes)

    def delete(self, letters: str) -> None:
        """Have some be gone, at once: a look between two would tell of them one by one."""
        self.running.cluster.delete("Node", "", *self.names(letters))

    def wait_for(self, *expected: Entry) -> None:
        """Wait until these are the newest entries."""
        self.running.wait_for(*expected, pool=self.pool)

    def entries(self) -> list[Entry]:
        """Return what is told of it."""
        return self.running.entries(pool=self.pool)


@pytest.fixture(name="stack", scope="module")
def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Observed]]:
    folder = tmp_path_factory.mktemp("life")
    with observed(folder, prepared(folder), nodes="") as running:
        yield folder, running


@pytest.fixture(name="life")
def _life(stack: tuple[Path, Observed], request: pytest.FixtureRequest) -> Iterator[Life]:
    folder, running = stack
    life = Life(running, request.node.name.replace("_", "-"), folder)
    life.put("abc")
    life.wait_for(life.found)
    yield life
    # None is left when another test has none left of its own.
    for letter in "abcd":
        life.delete(letter)


def test_nodes(life: Life) -> None:
    """One joins, is cordoned, fails and leaves; each is one entry, and nothing else is told."""
    life.put("d")
    added = ("node-added", "Added 1 new p4d.24xlarge node")
    life.wait_for(added)
    life.running.kubectl("cordon", f"{life.pool}-d")
    cordoned = ("maintenance", f"Cordoned {life.pool}-d")
    life.wait_for(cordoned)
    life.put("c", ready=False)
    degraded = ("status-changed", "Status changed from active to degraded: 3 of 4 nodes are ready")
    life.wait_for(degraded)
    life.delete("c")
    removed = ("node-removed", "Removed 1 p4d.24xlarge node")
    recovered = ("status-changed", "Status changed from degraded to active: All 3 nodes are ready")
    life.wait_for(removed, recovered)
    life.running.wait_until_settled()

    assert [life.found, added, cordoned, degraded, removed, recovered] == life.entries()


def test_silence(life: Life) -> None:
    """A Prometheus that hangs for a while, and one that is started anew, tell nothing."""
    running = life.running
    running.prometheus.signal(signal.SIGSTOP)
    running.wait_until_blind()
    running.prometheus.signal(signal.SIGCONT)
    running.wait_until_settled()
    running.prometheus.stop()
    running.wait_until_blind()
    running.prometheus.start()
    running.prometheus.wait_ready(seconds=READY_SECONDS)
    running.wait_until_settled()
    life.put("a", cordoned=True)
    cordoned = ("maintenance", f"Cordoned {life.pool}-a")
    life.wait_for(cordoned)

    assert [life.found, cordoned] == life.entries()


def test_oblivion(life: Life) -> None:
    """Nodes that Prometheus does not know yet are not gone, nor those whose exporter died.

    That all of them are gone is told all the same.
    """
    running = life.running
    running.prometheus.stop()
    shutil.rmtree(life.folder / "prometheus" / "data")
    running.prometheus.start()
    running.prometheus.wait_ready(seconds=READY_SECONDS)
    running.wait_until_settled()
    running.exporter.kill()
    running.wait_until_blind()
    running.exporter.start()
    running.wait_until_settled()
    assert [life.found] == life.entries()

    life.delete("abc")
    gone = ("node-removed", "Removed 3 p4d.24xlarge nodes")
    ended = ("pool-gone", "Gone: it has no nodes any more")
    life.wait_for(gone, ended)
    assert [life.found, gone, ended] == life.entries()
