"""One node seen through the API: whom its pods are, and which GPU a claimed device is."""

from collections.abc import Iterator
from contextlib import contextmanager

from demo.kubernetes.access import Rule
from demo.processes import wait_for
from exporter.cluster.api.transport import ApiServer
from exporter.cluster.nodeview import NodeView
from tests.support import dra
from tests.support.apiserver import running
from tests.support.connecting import Connect
from tests.support.objects import pod


@contextmanager
def seeing(server: ApiServer) -> Iterator[NodeView]:
    """Yield a view of the node n1 that is complete."""
    view = NodeView(server, "n1", first_backoff=0.02)
    view.start()
    try:
        wait_for(lambda: view.trouble() is None, seconds=60, what="the pods")
        _settle(view)
        yield view
    finally:
        view.stop()


def test_pods_of_the_node(connect: Connect) -> None:
    """Pods of this node are known by name and UID, with whether they have ended; others are not."""
    with (
        running(pod("a"), pod("b", node="n2"), pod("c", phase="Succeeded")) as cluster,
        seeing(connect(cluster.url)) as view,
    ):
        found = [view.pod("ml", name) for name in "abc"]
        by_uid = view.pod_of_uid("uid-a")
        cluster.put(pod("a", phase="Failed"))
        wait_for(lambda: _ended(view, "a"), seconds=60, what="the end of a")
        cluster.delete("Pod", "ml", "a")
        cluster.put(pod("a", uid="uid-next"))
        wait_for(lambda: _uid(view, "a") == "uid-next", seconds=60, what="the next a")
        gone = view.pod_of_uid("uid-a")

    assert [("uid-a", False), None, ("uid-c", True)] == [it and (it.uid, it.ended) for it in found]
    assert by_uid is not None
    assert ("ml", "a") == (by_uid.namespace, by_uid.name)
    assert gone is None


def test_devices_of_claims(connect: Connect) -> None:
    """A whole GPU has its UUID, a part its own; the newest generation that has it counts."""
    part = dra.mig(1, "1g.10gb", attributes={"uuid": "MIG-x"})
    with (
        running(
            dra.slice_([*dra.gpus(1), part, dra.mig(1, "2g.20gb")], name="s1"),
            dra.slice_(
                [dra.device("gpu-0", attributes={"uuid": "GPU-new"})], name="s2", generation=2
            ),
            dra.slice_(dra.gpus(5), node="n2", name="s3"),
        ) as cluster,
        seeing(connect(cluster.url)) as view,
    ):
        wait_for(lambda: bool(view.find(dra.NVIDIA, "n1", "gpu-0")), seconds=60, what="the slices")
        names = ["gpu-0", "gpu-1-mig-1g10gb-0", "gpu-1-mig-2g20gb-0", "gpu-4"]
        found = [view.find(dra.NVIDIA, "n1", name) for name in names]
        elsewhere = view.find(dra.NVIDIA, "n2", "gpu-0")
        cluster.delete("ResourceSlice", "", "s2")
        wait_for(
            lambda: "GPU-0" == view.find(dra.NVIDIA, "n1", "gpu-0"),
            seconds=60,
            what="the older generation",
        )

    assert (["GPU-new", "MIG-x", None, None], None) == (found, elsewhere)


def test_without_slices(connect: Connect) -> None:
    """A cluster that does not let us read them is no reason not to know pods."""
    with running(pod("a")) as cluster:
        cluster.forbid(Rule("list", "resourceslices"), Rule("watch", "resourceslices"))
        with seeing(connect(cluster.url)) as view:
            known = view.pod("ml", "a"), view.find(dra.NVIDIA, "n1", "gpu-0")

    assert (True, None) == (known[0] is not None, known[1])


def test_what_is_too_long_ago(connect: Connect) -> None:
    """Pods that were not heard of for two minutes are not known: their names may be others'."""
    now = [0.0]
    with running(pod("a")) as cluster:
        view = NodeView(connect(cluster.url), "n1", monotonic=lambda: now[0])
        view.start()
        wait_for(lambda: view.pod("ml", "a") is not None, seconds=60, what="the pods")
        _settle(view)
        now[0] += 121
        found, trouble = (view.pod("ml", "a"), view.pod_of_uid("uid-a")), view.trouble()
        view.stop()

    assert ((None, None), "nothing heard of pods for 120 s") == (found, trouble)


def _settle(view: NodeView) -> None:
    """Wait for slices, too: a server that stops under a first list leaves a socket behind."""
    first = "the first list is not complete yet"
    wait_for(lambda: view._slices.trouble != first, seconds=60, what="the slices")


def _ended(view: NodeView, name: str) -> bool:
    found = view.pod("ml", name)
    return found is not None and found.ended


def _uid(view: NodeView, name: str) -> str:
    found = view.pod("ml", name)
    return found.uid if found is not None else ""
