"""Replicas that compete on an API server, by the real client."""

from dataclasses import dataclass, field
from pathlib import Path

from demo.kubernetes.access import Rule
from demo.processes import LOOPBACK, free_port, wait_for
from exporter.cluster.api.election import Election, Timing
from exporter.cluster.api.lease import KubernetesLease
from exporter.cluster.api.transport import ApiServer
from tests.support.apiclient import get
from tests.support.apiserver import running
from tests.support.fake_source import Clock
from tests.support.follower import api_server
from tests.support.objects import EPOCH

LEASE = "/apis/coordination.k8s.io/v1/namespaces/gpu/leases/leader"


@dataclass(slots=True)
class Real:
    """Replicas on the real client; the clock they share stands still unless moved."""

    kubeconfig: Path
    clock: Clock = field(default_factory=lambda: Clock(float(EPOCH)))

    def replica(self, name: str, *, retry: float = 2.0) -> Election:
        """Return one more replica."""
        server = ApiServer(self.kubeconfig, self.clock)
        server.connect()
        store = KubernetesLease(server, "gpu", "leader")
        return Election(
            store,
            name,
            Timing(retry=retry),
            clock=self.clock,
            monotonic=self.clock,
            random=lambda: 0.0,
        )


def tried_until_well(one: Election) -> None:
    """Let a replica try, again where a busy machine keeps it from being answered in time."""

    def well() -> bool:
        one.step()
        return one.trouble is None

    wait_for(well, seconds=60, what="an attempt that is answered")


def test_two_replicas_on_an_api_server(tmp_path: Path) -> None:
    """One leads; it falls silent, the other takes over; that one stops, the first leads again."""
    with running() as cluster:
        both = Real(cluster.kubeconfig(tmp_path / "config"))
        a, b = both.replica("a"), both.replica("b")
        seen = []
        for who in (a, b, a):
            who.step()
            seen.append((a.leading(), b.leading()))
            both.clock.now += 2.0
        for _ in range(9):
            both.clock.now += 2.0
            b.step()
            seen.append((a.leading(), b.leading()))
        b.stop()
        b.run()
        a.step()
        spec = get(cluster.url + LEASE).json["spec"]

    assert [(True, False)] * 6 + [(False, False)] * 5 + [(False, True)] == seen
    assert (True, False) == (a.leading(), b.leading())
    assert ("a", 15, 2) == (
        spec["holderIdentity"],
        spec["leaseDurationSeconds"],
        spec["leaseTransitions"],
    )


def test_a_missing_permission_is_said(tmp_path: Path) -> None:
    """Nobody leads without a lease, and the reason can be read."""
    with running() as cluster:
        cluster.forbid(Rule("create", "leases"))
        a = Real(cluster.kubeconfig(tmp_path / "config")).replica("a")
        a.step()

    assert not a.leading()
    assert 'cannot create resource "leases"' in str(a.trouble)


def test_an_api_server_that_restarts(tmp_path: Path) -> None:
    """While it is away the leader leads until its deadline; with it comes a leader, just one."""
    port, objects = free_port(), tmp_path / "objects.jsonl"
    objects.touch()
    kubeconfig = tmp_path / "config"
    with running() as cluster:
        cluster.kubeconfig(kubeconfig)
    kubeconfig.write_text(kubeconfig.read_text().replace(cluster.url, f"http://{LOOPBACK}:{port}"))
    both = Real(kubeconfig)
    a, b = both.replica("a"), both.replica("b")
    with api_server(tmp_path, port, objects) as first:
        first.wait_ready()
        tried_until_well(a)
        tried_until_well(b)
    both.clock.now += 9.0
    a.step()
    b.step()

    assert (True, False) == (a.leading(), b.leading())
    assert "cannot be reached" in str(a.trouble)
    both.clock.now += 1.0
    assert (False, False) == (a.leading(), b.leading())
    with api_server(tmp_path, port, objects) as second:
        second.wait_ready()
        tried_until_well(b)
        tried_until_well(a)
    assert (True, False, None) == (a.leading(), b.leading(), a.trouble)


def test_the_threads_of_two_replicas(tmp_path: Path) -> None:
    """Started, stopped and joined: when the leader stops, the other leads."""
    with running() as cluster:
        both = Real(cluster.kubeconfig(tmp_path / "config"))
        first, second = (both.replica(name, retry=0.01) for name in "ab")
        first.start()
        wait_for(first.leading, seconds=60, what="the first replica to lead")
        second.start()
        wait_for(lambda: second.holder == "a", seconds=60, what="the second one to see it")
        first.stop()
        first.join(20)
        wait_for(second.leading, seconds=60, what="the second replica to lead")
        second.stop()
        second.join(20)
        spec = get(cluster.url + LEASE).json["spec"]

    assert ("", 1) == (spec["holderIdentity"], spec["leaseTransitions"])
    assert (False, False) == (first.leading(), second.leading())
