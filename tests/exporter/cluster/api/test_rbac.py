"""The rights in `deploy/kubernetes/rbac.yaml`: enough, and no more."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from demo.kubernetes.access import Grant
from demo.kubernetes.resources import RESOURCES, Resource, named
from demo.processes import wait_for
from exporter.cluster.api import collection
from exporter.cluster.api.directory import Directory
from exporter.cluster.api.election import Election
from exporter.cluster.api.lease import KubernetesLease
from exporter.cluster.api.transport import ApiServer
from exporter.cluster.nodeview import NodeView
from exporter.cluster.objects.wire import OwnerReference
from exporter.errors import NotFound
from tests.support.apiserver import Cluster, running
from tests.support.fake_source import Clock
from tests.support.follower import following
from tests.support.objects import node, owned, owner, pod, reference

MANIFEST = Path(__file__).parents[4] / "deploy" / "kubernetes" / "rbac.yaml"
NAMESPACE = "gpuscope"
"""Where the manifest says the exporter runs, unless somebody puts another name there."""
LEASE = "gpuscope-cluster-exporter"

Right = tuple[str, str, str]
"""Verb, group, plural."""


def documents() -> list[dict[str, Any]]:
    """Return the manifest's objects."""
    return list(yaml.safe_load_all(MANIFEST.read_text()))


def the(kind: str, role: str = "cluster") -> dict[str, Any]:
    """Return the manifest's only object of a kind for a role of the exporter."""
    name = f"gpuscope-{role}-exporter"
    (found,) = [
        document
        for document in documents()
        if document["kind"] == kind and document["metadata"]["name"].startswith(name)
    ]
    return found


def grants() -> list[Grant]:
    """Return the manifest's rules as the stand-in takes them."""
    scopes: tuple[tuple[str, dict[str, str]], ...] = (
        ("ClusterRole", {}),
        ("Role", {"namespace": NAMESPACE}),
    )
    return [
        msgspec.convert(rule | scope, Grant)
        for kind, scope in scopes
        for rule in the(kind)["rules"]
    ]


def rights(rules: Iterable[Grant]) -> set[Right]:
    """Return every single right in some rules."""
    return {
        (verb, group, plural)
        for rule in rules
        for verb in rule.verbs
        for group in rule.api_groups
        for plural in rule.resources
    }


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A small cluster that allows what the manifest asks for, and nothing else."""
    contents = (
        node(),
        pod("p1", **owned(reference("ReplicaSet", "web-1"))),
        owner("ReplicaSet", "web-1", reference("Deployment", "web")),
        pod("p2", **owned(reference("Job", "night-1"))),
        owner("Job", "night-1", reference("CronJob", "night")),
    )
    with running(*contents) as cluster:
        cluster.permit(*grants())
        yield cluster


def connected(cluster: Cluster, folder: Path) -> ApiServer:
    """Return the real client of a cluster."""
    server = ApiServer(cluster.kubeconfig(folder / "config"), Clock())
    server.connect()
    return server


def workloads(told: Iterable[str]) -> list[str]:
    """Return the names of the pods' workloads."""
    infos = [line for line in told if line.startswith("gpu_pod_info{")]
    return sorted(name for line in infos for name in re.findall('workload_name="([^"]*)"', line))


def refusals(told: Iterable[str]) -> list[str]:
    """Return what a scrape says of lists and watches that failed."""
    names = ("gpu_exporter_lists_total", "gpu_exporter_watches_total")
    return [
        line
        for line in told
        if line.startswith(names) and 'result="error"' in line and not line.endswith(" 0")
    ]


def test_with_these_rights_the_exporter_is_in_step(cluster: Cluster, tmp_path: Path) -> None:
    """Nothing it asks for is refused."""
    with following(cluster.kubeconfig(tmp_path / "config")) as follower:
        told = follower.wait_until_in_step(cluster.url)
        own = follower.scrape().lines

    assert ["night", "web"] == workloads(told)
    assert [] == refusals(own)


def test_without_all_that_is_optional_nodes_and_pods_are_published(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Workloads are then named by what the pods themselves say."""
    cluster.permit(Grant(("",), ("nodes", "pods"), ("list", "watch")))
    with following(cluster.kubeconfig(tmp_path / "config")) as follower:
        follower.wait_until("apiserver_up 1")
        told = follower.fleet()

    assert 'gpu_node_capacity{node="n1",resource="nvidia.com/gpu"} 8' in told
    assert ["night-1", "web-1"] == workloads(told)


def followed(cluster: Cluster, server: ApiServer) -> None:
    """List and watch everything that the exporter can follow."""
    for resource in collection._PATHS:
        source = server.resource(resource)
        source.page(None)
        with source.watch(str(cluster.resource_version), seconds=1):
            pass


def looked_up(server: ApiServer) -> None:
    """Look up an owner of each kind that is not followed."""
    directory = Directory(server, Clock())
    for row in [named("pods"), *filter(lambda row: row.custom, RESOURCES)]:
        with pytest.raises(NotFound):
            directory.find("ml", OwnerReference(row.kind, "o", "uid", row.api_version))


def elected(server: ApiServer) -> None:
    """Lead, go on leading, and let go."""
    clock = Clock()
    lease = KubernetesLease(server, NAMESPACE, LEASE)
    election = Election(lease, "a", clock=clock, monotonic=clock, random=lambda: 0.0)
    for _ in range(2):
        election.step()
        assert election.leading()
    election.stop()
    election.run()


def test_every_right_is_used_and_none_is_missing(cluster: Cluster, tmp_path: Path) -> None:
    """What the code asks for, all of it at least once, is what the manifest grants."""
    server = connected(cluster, tmp_path)
    followed(cluster, server)
    looked_up(server)
    elected(server)
    used = {(seen.verb, *_at(seen.path).key) for seen in cluster.seen() if seen.resource in PLURALS}

    assert rights(grants()) == used


PLURALS = {row.plural for row in RESOURCES}


def _at(path: str) -> Resource:
    """Return the resource that a path is about."""
    parts = path.split("/")
    group = parts[2] if parts[1] == "apis" else ""
    return next(row for row in RESOURCES if row.group == group and row.plural in parts)


def test_the_node_role_uses_every_right_it_has(cluster: Cluster, tmp_path: Path) -> None:
    """Its own pods and slices are all that it asks for, and all that is granted to it."""
    granted = [msgspec.convert(rule, Grant) for rule in the("ClusterRole", "node")["rules"]]
    cluster.permit(*granted)
    server = connected(cluster, tmp_path)
    view = NodeView(server, "n1")
    view.start()
    try:
        wait_for(lambda: view.trouble() is None, seconds=60, what="the pods")
        wait_for(lambda: cluster.watches("resourceslices") == 1, seconds=60, what="the slices")
    finally:
        view.stop()
    # Where the API server does not stream lists, it asks for them first.
    for resource in ("pods", "resourceslices"):
        server.resource(resource, field_selector="spec.nodeName=n1").page(None)
    used = {(seen.verb, *_at(seen.path).key) for seen in cluster.seen() if seen.resource in PLURALS}

    assert rights(granted) == used


def test_nothing_but_the_lease_is_written() -> None:
    """And nobody's secrets, logs or shells are within reach; no rule says "everything"."""
    reading = {"get", "list", "watch"}
    written = {plural for verb, _, plural in rights(grants()) if verb not in reading}
    words = {word for right in rights(grants()) for word in right}

    assert {"leases"} == written
    assert set() == words & {"*", "secrets", "configmaps"}
    assert not [word for word in words if word.count("/")]


def test_the_lease_is_named() -> None:
    """Only creation, which cannot be, is not limited to it; each of four shards has its own."""
    shards = tuple(f"{LEASE}-{number}" for number in range(4))

    assert [(("create",), ()), (("get", "update"), (LEASE, *shards))] == [
        (rule.verbs, rule.resource_names) for rule in grants() if rule.namespace == NAMESPACE
    ]
    assert "leases" not in {
        plural for rule in grants() if not rule.namespace for plural in rule.resources
    }


@pytest.mark.parametrize(
    ("kind", "role"), [("ClusterRole", "cluster"), ("Role", "cluster"), ("ClusterRole", "node")]
)
def test_the_roles_are_bound_to_the_account(kind: str, role: str) -> None:
    """It can be put into any namespace: only the subjects of the bindings name one."""
    binding = the(f"{kind}Binding", role)
    account = the("ServiceAccount", role)["metadata"]["name"]

    assert (kind, the(kind, role)["metadata"]["name"]) == (
        binding["roleRef"]["kind"],
        binding["roleRef"]["name"],
    )
    assert [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}] == (
        binding["subjects"]
    )
    assert not [one for one in documents() if "namespace" in one["metadata"]]
