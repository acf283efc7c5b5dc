"""The lease as Kubernetes keeps it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporter.cluster.api.lease import KubernetesLease, Record, decode, micro_time
from exporter.cluster.api.transport import ApiServer
from exporter.errors import Conflict, MalformedObject, NotFound
from tests.support.apiclient import get
from tests.support.apiserver import Cluster, running
from tests.support.fake_source import Clock

LEASES = "/apis/coordination.k8s.io/v1/namespaces/gpu/leases"
FIRST = Record("a", 15, "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z", 0)
SECOND = Record("b", 15, "2026-01-01T00:01:00.000000Z", "2026-01-01T00:01:00.000000Z", 1)


def kept(cluster: Cluster, folder: Path) -> KubernetesLease:
    """Return the lease `leader` of the namespace `gpu`."""
    server = ApiServer(cluster.kubeconfig(folder / "config"), Clock())
    server.connect()
    return KubernetesLease(server, "gpu", "leader")


def test_it_is_made_read_and_changed(tmp_path: Path) -> None:
    """What is written is what is read, and what anybody else sees."""
    with running() as cluster:
        lease = kept(cluster, tmp_path)
        before = lease.read()
        made = lease.create(FIRST)
        read = lease.read()
        changed = lease.update(made, SECOND)
        seen = get(f"{cluster.url}{LEASES}/leader").json

    assert before is None
    assert made == read
    assert (FIRST, SECOND) == (made.record, changed.record)
    assert changed == decode(msgspec.json.encode(seen))
    assert {
        "holderIdentity": "b",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-01T00:01:00.000000Z",
        "renewTime": "2026-01-01T00:01:00.000000Z",
        "leaseTransitions": 1,
    } == seen["spec"]


def test_who_comes_second_is_told(tmp_path: Path) -> None:
    """Made once, and changed from its latest version only."""
    with running() as cluster:
        lease = kept(cluster, tmp_path)
        made = lease.create(FIRST)
        lease.update(made, SECOND)
        with pytest.raises(Conflict):
            lease.create(FIRST)
        with pytest.raises(Conflict):
            lease.update(made, FIRST)


def test_a_lease_that_vanished_cannot_be_changed(tmp_path: Path) -> None:
    """The next attempt makes a new one."""
    with running() as cluster:
        lease = kept(cluster, tmp_path)
        made = lease.create(FIRST)
        cluster.delete("Lease", "gpu", "leader")
        with pytest.raises(NotFound):
            lease.update(made, SECOND)


def test_what_others_wrote_into_it_stays(tmp_path: Path) -> None:
    """Labels, owners, and members of the spec that we do not know."""
    written: dict[str, Any] = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "leader", "namespace": "gpu", "labels": {"app": "gpuscope"}},
        "spec": {"holderIdentity": "a", "strategy": "OldestEmulationVersion"},
    }
    with running(written) as cluster:
        lease = kept(cluster, tmp_path)
        found = lease.read()
        assert found is not None
        lease.update(found, SECOND)
        seen = get(f"{cluster.url}{LEASES}/leader").json

    assert Record("a", 0, "", "", 0) == found.record
    assert {"app": "gpuscope"} == seen["metadata"]["labels"]
    assert ("b", "OldestEmulationVersion") == (
        seen["spec"]["holderIdentity"],
        seen["spec"]["strategy"],
    )


def test_a_lease_that_says_nothing_is_nobody_s() -> None:
    """As a person may have made it by hand."""
    assert Record("", 0, "", "", 0) == decode(b'{"metadata":{"name":"leader"}}').record
    assert Record("", 0, "", "", 0) == decode(b'{"spec":{"holderIdentity":null}}').record


@pytest.mark.parametrize("body", [b"", b"[]", b'{"spec":3}', b'{"spec":{"holderIdentity":3}}'])
def test_what_is_no_lease(body: bytes) -> None:
    """Nobody takes the lead because of an answer that cannot be read."""
    with pytest.raises(MalformedObject, match="the lease cannot be read"):
        decode(body)


def test_times_always_have_six_digits() -> None:
    """Kubernetes refuses a MicroTime without them."""
    assert "2026-01-01T00:00:00.000000Z" == micro_time(1767225600.0)
    assert "2026-01-01T00:00:00.250000Z" == micro_time(1767225600.25)
