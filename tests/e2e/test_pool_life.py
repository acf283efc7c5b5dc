"""Pools as a cluster lives: what happens is told once, and a silent Prometheus tells nothing."""

import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.support.pools_observed import SETTLE, observed, west_node
from tests.support.postgresql import PostgresqlServer
from tests.support.stack import READY_SECONDS
from tests.support.stored import prepared

pytestmark = pytest.mark.e2e

_FOUND = ("pool-discovered", "Found 3 nodes by the label west")


def test_what_happens_to_nodes_is_told_once(tmp_path: Path) -> None:
    """One joins, is cordoned, fails and leaves; each is one entry, and nothing else is told."""
    with observed(tmp_path, prepared(tmp_path)) as running:
        running.wait_for(_FOUND)
        running.cluster.put(west_node("d"))
        added = ("node-added", "Added 1 new p4d.24xlarge node")
        running.wait_for(added)
        running.kubectl("cordon", "d")
        cordoned = ("maintenance", "Cordoned d")
        running.wait_for(cordoned)
        running.cluster.put(west_node("c", ready=False))
        degraded = (
            "status-changed",
            "Status changed from active to degraded: 3 of 4 nodes are ready",
        )
        running.wait_for(degraded)
        running.cluster.delete("Node", "", "c")
        removed = ("node-removed", "Removed 1 p4d.24xlarge node")
        recovered = (
            "status-changed",
            "Status changed from degraded to active: All 3 nodes are ready",
        )
        running.wait_for(removed, recovered)
        time.sleep(2 * SETTLE)

        assert [_FOUND, added, cordoned, degraded, removed, recovered] == running.entries()


def test_a_silent_prometheus_tells_nothing(tmp_path: Path) -> None:
    """Hung for a while, and started anew: the pools are as they were."""
    with observed(tmp_path, prepared(tmp_path)) as running:
        running.wait_for(_FOUND)
        running.prometheus.signal(signal.SIGSTOP)
        time.sleep(4 * SETTLE)
        running.prometheus.signal(signal.SIGCONT)
        time.sleep(2 * SETTLE)
        running.prometheus.stop()
        time.sleep(2 * SETTLE)
        running.prometheus.start()
        running.prometheus.wait_ready(seconds=READY_SECONDS)
        time.sleep(4 * SETTLE)
        running.kubectl("cordon", "a")
        cordoned = ("maintenance", "Cordoned a")
        running.wait_for(cordoned)

        assert [_FOUND, cordoned] == running.entries()


def test_a_prometheus_that_has_forgotten_everything_tells_nothing(tmp_path: Path) -> None:
    """Nodes that it does not know yet are not gone, nor those whose exporter died; all may be."""
    with observed(tmp_path, prepared(tmp_path)) as running:
        running.wait_for(_FOUND)
        running.prometheus.stop()
        shutil.rmtree(tmp_path / "prometheus" / "data")
        running.prometheus.start()
        running.prometheus.wait_ready(seconds=READY_SECONDS)
        time.sleep(4 * SETTLE)
        running.exporter.kill()
        time.sleep(4 * SETTLE)
        running.exporter.start()
        time.sleep(4 * SETTLE)
        assert [_FOUND] == running.entries()

        # At once: a look between two of them would tell of them one by one.
        running.cluster.delete("Node", "", *"abc")
        gone = ("node-removed", "Removed 3 p4d.24xlarge nodes")
        ended = ("pool-gone", "Gone: it has no nodes any more")
        running.wait_for(gone, ended)
        assert [_FOUND, gone, ended] == running.entries()


def test_two_processes_tell_each_thing_once(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """They share a database; when the one that observes ends, the other one goes on."""
    with observed(tmp_path, postgresql.fresh(), services=2) as running:
        running.wait_for(_FOUND)
        running.kubectl("cordon", "a")
        cordoned, opened = ("maintenance", "Cordoned a"), ("maintenance", "Uncordoned a")
        running.wait_for(cordoned, place=1)
        running.apis[0].stop()
        running.kubectl("uncordon", "a")
        running.wait_for(opened, place=1)
        time.sleep(2 * SETTLE)

        assert [_FOUND, cordoned, opened] == running.entries(place=1)
