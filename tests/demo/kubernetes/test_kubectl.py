"""The real kubectl against the stand-in."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.processes import Process, wait_for
from tests.support.apiserver import Cluster, running
from tests.support.cluster_objects import node, pod
from tests.support.tls import self_signed

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Two nodes and five pods in two namespaces."""
    pods = [
        pod(f"p{n}", namespace=f"team-{'ab'[n % 2]}", node_name="n1", labels={"odd": str(n % 2)})
        for n in range(5)
    ]
    with running(node("n1"), node("n2", ready=False), *pods) as cluster:
        yield cluster


def command(cluster: Cluster, folder: Path, *arguments: str) -> list[str]:
    """Return a kubectl command line that touches nothing outside *folder*."""
    config = cluster.kubeconfig(folder / "config")
    return ["kubectl", f"--kubeconfig={config}", f"--cache-dir={folder / 'cache'}", *arguments]


@pytest.fixture
def kubectl(cluster: Cluster, tmp_path: Path) -> Kubectl:
    """Run kubectl and return what it printed."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(cluster, tmp_path, *arguments),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def words(text: str) -> list[list[str]]:
    """Return the words of each line."""
    return [line.split() for line in text.splitlines()]


def test_nodes_are_shown_wide(kubectl: Kubectl) -> None:
    """All ten columns, filled."""
    header, first, second = words(kubectl("get", "nodes", "-o", "wide").stdout)

    assert [
        "NAME", "STATUS", "ROLES", "AGE", "VERSION",
        "INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME",
    ] == header  # fmt: skip
    assert ["n1", "Ready", "<none>"] == first[:3]
    assert ["n2", "NotReady", "<none>"] == second[:3]
    assert "containerd://2.1.0" == first[-1]


def test_pods_of_all_namespaces_are_shown_wide(kubectl: Kubectl) -> None:
    """With the namespace column kubectl takes from each row's metadata."""
    header, *rows = words(kubectl("get", "pods", "-A", "-o", "wide").stdout)

    assert ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"] == header[:8]
    assert ["team-a", "p0", "0/1", "Running", "0"] == rows[0][:5]
    assert ["n1", "<none>", "<none>"] == rows[0][-3:]
    assert ["p0", "p2", "p4", "p1", "p3"] == [row[1] for row in rows]


def test_selectors_select(kubectl: Kubectl) -> None:
    """Labels and fields together."""
    shown = kubectl(
        "get", "pods", "-A", "--no-headers", "-l", "odd in (1)",
        "--field-selector", "spec.nodeName=n1,metadata.name!=p1",
    )  # fmt: skip

    assert [["team-b", "p3"]] == [row[:2] for row in words(shown.stdout)]


def test_a_field_that_cannot_be_selected_by_is_explained(kubectl: Kubectl) -> None:
    """The message reaches the person at the keyboard."""
    failed = kubectl("get", "pods", "-A", "--field-selector", "spec.image=x")

    assert 1 == failed.returncode
    assert "field label not supported: spec.image" in failed.stderr


def test_chunks_are_followed_to_the_end(cluster: Cluster, kubectl: Kubectl) -> None:
    """Three requests for five pods in chunks of two."""
    shown = kubectl("get", "pods", "-A", "--no-headers", "--chunk-size=2")

    assert 5 == len(words(shown.stdout))
    assert 3 == len(cluster.seen("list", "pods"))


def test_raw_paths_are_served(kubectl: Kubectl) -> None:
    """`get --raw` asks for exactly that path."""
    shown = kubectl("get", "--raw", "/api/v1/namespaces/team-a/pods/p0")

    assert '"name":"p0"' in shown.stdout


def test_one_object_is_shown_whole(kubectl: Kubectl) -> None:
    """-o with a path goes through the whole object, kind included."""
    path = "jsonpath={.kind} {.spec.containers[0].resources.limits.nvidia\\.com/gpu}"
    shown = kubectl("get", "pod", "p0", "-n", "team-a", "-o", path)

    assert "Pod 1" == shown.stdout


def test_short_names_and_empty_resources_work(kubectl: Kubectl) -> None:
    """Discovery knows every short name; nothing found is no error."""
    shown = kubectl("get", "no,deploy,rs,sts,ds,jobs,cj,ev,ns", "-A")

    assert 0 == shown.returncode
    assert "node/n1" in shown.stdout


def test_a_token_is_sent_over_tls(tmp_path: Path) -> None:
    """Over plain HTTP kubectl sends none; a kubeconfig that trusts the certificate is enough."""
    made = self_signed(tmp_path)
    with running(node("n1"), tokens=["good"], tls=made.context()) as cluster:
        config = cluster.kubeconfig(tmp_path / "config", token="good", authority=made.cert)  # noqa: S106 - a test's own token
        shown = subprocess.run(
            ["kubectl", f"--kubeconfig={config}", "get", "--raw", "/api/v1/nodes/n1"],
            check=True,
            capture_output=True,
            timeout=60,
        )

    assert b'"name":"n1"' in shown.stdout


def test_a_watch_prints_changes_as_they_come(cluster: Cluster, tmp_path: Path) -> None:
    """`get nodes -w` shows a node that joins while it runs."""
    log = tmp_path / "kubectl.log"
    with Process("kubectl", command(cluster, tmp_path, "get", "nodes", "-w"), log) as watching:
        cluster.wait_for_watches("nodes")
        cluster.put(node("n3"))
        wait_for(lambda: "n3" in log.read_text(), seconds=60, what="the new node on screen")

        assert watching.alive()
    assert [["n1"], ["n2"], ["n3"]] == [row[:1] for row in words(log.read_text())[1:]]


def test_a_node_is_cordoned_and_opened_again(kubectl: Kubectl) -> None:
    """As in a real cluster; lists and watches tell of it."""
    cordoned, listed = kubectl("cordon", "n1"), kubectl("get", "nodes")
    opened, after = kubectl("uncordon", "n1"), kubectl("get", "nodes")

    assert ["node/n1 cordoned\n", "node/n1 uncordoned\n"] == [cordoned.stdout, opened.stdout]
    assert "Ready,SchedulingDisabled" == words(listed.stdout)[1][1]
    assert "Ready" == words(after.stdout)[1][1]
