"""What holds for any cluster: every device is accounted for, and only the final state counts."""

import re
from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.objects import GPU, Object, node, owned, owner, pod, reference, taint
from tests.support.scrape import ACCOUNT, HISTORY, Relay, Scrape, scrape
from tests.support.whole import some

NODES = ["n1", "n2", "n3"]
PODS = ["p1", "p2", "p3", "p4", "p5"]
VGPU, CORES = "volcano.sh/vgpu-number", "volcano.sh/vgpu-cores"
RESOURCES = [
    GPU,
    "nvidia.com/gpu.shared",
    "nvidia.com/mig-1g.10gb",
    "nvidia.com/mig-3g.40gb",
    "amd.com/gpu",
    "amd.com/cpx_nps4",
    VGPU,
    CORES,
    "volcano.sh/vgpu-memory",
    "volcano.sh/gpu-memory",
]
LABELS = {
    "nvidia.com/gpu.count": st.integers(0, 20).map(str),
    "nvidia.com/gpu.replicas": st.sampled_from(["1", "4", "10"]),
    "nvidia.com/gpu.sharing-strategy": st.sampled_from(["none", "mps"]),
    "nvidia.com/gpu.product": st.sampled_from(["A100-MIG-1g.5gb", "NVIDIA-A30", "H100-SHARED"]),
    "nvidia.com/gpu.memory": st.sampled_from(["24576", "81920"]),
    "amd.com/compute-memory-partition": st.sampled_from(["spx_nps1", "cpx_nps4"]),
}
WEB = owner("ReplicaSet", "web-7f9", reference("Deployment", "web"))

patient = settings(deadline=None, max_examples=some(15, 40))
"""A slow machine is no counterexample, and an example is dear."""

counts = st.integers(min_value=0, max_value=20)
units = st.dictionaries(st.sampled_from(RESOURCES), counts)
indices = st.lists(st.integers(min_value=0, max_value=9), min_size=1, max_size=4)


@st.composite
def shares(draw: st.DrawFn) -> dict[str, str]:
    """Return annotations that ask for a share of GPUs, perhaps with a placement."""
    notes = {"alibabacloud.com/gpu-milli": str(draw(st.integers(0, 1000)))}
    notes["alibabacloud.com/gpu-count"] = str(draw(st.integers(1, 4)))
    if draw(st.booleans()):
        notes["alibabacloud.com/gpu-index"] = "-".join(map(str, draw(indices)))
    return notes


@st.composite
def fractions(draw: st.DrawFn) -> dict[str, dict[str, str]]:
    """Return the metadata of a pod that asks KAI for shares, perhaps placed in groups."""
    by = draw(
        st.sampled_from([("gpu-fraction", "0.3"), ("gpu-fraction", "1"), ("gpu-memory", "9")])
    )
    groups = draw(st.lists(st.sampled_from(["g1", "g2", "g3"]), unique=True))
    notes = dict([by]) | {"gpu-fraction-num-devices": str(draw(st.integers(0, 3)))}
    return {"annotations": notes, "labels": {f"runai-gpu-group/{it}": it for it in groups}}


@st.composite
def nodes(draw: st.DrawFn) -> Object:
    """Return one of a few nodes, in any condition."""
    labels = draw(st.just({}) | st.fixed_dictionaries({}, optional=LABELS))
    return node(
        draw(st.sampled_from(NODES)),
        draw(units),
        allocatable=draw(st.none() | units),
        ready=draw(st.sampled_from(["True", "True", "False", "Unknown"])),
        cordoned=draw(st.booleans()),
        taints=draw(st.sampled_from([(), (), (taint(GPU),), (taint("dedicated"),)])),
        labels=labels,
    )


@st.composite
def pods(draw: st.DrawFn) -> Object:
    """Return one of a few pods, anywhere and in any phase."""
    members: dict[str, Any] = draw(st.sampled_from([{}, owned(reference("ReplicaSet", "web-7f9"))]))
    members |= draw(st.builds(lambda it: {"annotations": it}, st.just({}) | shares()) | fractions())
    namespace = draw(st.sampled_from(["ml", "ml", "kai-resource-reservation"]))
    return pod(
        draw(st.sampled_from(PODS)),
        draw(st.none() | units),
        node=draw(st.sampled_from(["", *NODES])),
        phase=draw(st.sampled_from(["Pending", "Running", "Running", "Unknown", "Succeeded"])),
        namespace=namespace,
        **members,
    )


def accounts(told: Scrape) -> dict[tuple[str, str], dict[str, float]]:
    """Return every published account; `unavailable` is summed over its reasons."""
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in told.of(*ACCOUNT):
        match = re.match(r'gpu_node_(\w+)\{node="(.+?)",resource="(.+?)".*\} (.+)', line)
        assert match, line
        found[match[2], match[3]][match[1]] += float(match[4])
    return found


@patient
@given(st.lists(nodes()), st.lists(pods()))
def test_every_device_is_accounted_for(servers: list[Object], others: list[Object]) -> None:
    """Capacity = allocated + free + unavailable - overcommitted, to the sixth decimal."""
    for account in accounts(scrape(*servers, *others)).values():
        used = account["allocated"] + account["free"] + account["unavailable"]

        assert account["capacity"] == round(used - account["overcommitted"], 6)


@patient
@given(st.lists(nodes()), st.lists(pods()))
def test_no_amount_is_negative(servers: list[Object], others: list[Object]) -> None:
    """Nobody has, holds or lacks fewer than no GPUs, under whatever reason."""
    told = scrape(*servers, *others)
    for line in told.of(*ACCOUNT, "gpu_node_units", "gpu_pod_requested"):
        assert float(line.rpartition(" ")[2]) >= 0, line


@patient
@given(st.lists(nodes()), st.lists(pods()))
def test_free_devices_are_whole(servers: list[Object], others: list[Object]) -> None:
    """What is free is a count of devices, and none on a node that takes no work."""
    told = scrape(*servers, *others)
    for (name, _), account in accounts(told).items():
        assert account["free"] >= 0
        assert account["free"] == int(account["free"])
        if f'gpu_node_schedulable{{node="{name}"}} 0' in told.lines:
            assert 0 == account["free"]


@patient
@given(st.lists(nodes()), st.lists(pods()))
def test_what_pods_hold_is_what_nodes_give(servers: list[Object], others: list[Object]) -> None:
    """Summed over known nodes, GPUs allocated are the GPUs held by the pods bound to them."""
    told = scrape(*servers, *others)
    present = {it["metadata"]["name"] for it in servers}
    held = sum(
        float(line.rpartition(" ")[2])
        for line in told.of("gpu_pod_allocated")
        if line.rpartition('node="')[2].partition('"')[0] in present
    )
    given_out = sum(account["allocated"] for account in accounts(told).values())

    assert abs(held - given_out) < 1e-5  # each figure is rounded to the sixth decimal


changes = st.one_of(
    st.tuples(st.just("put"), nodes() | pods()),
    st.tuples(st.just("drop"), nodes() | pods()),
    st.tuples(st.just("nodes"), st.lists(nodes())),
    st.tuples(st.just("pods"), st.lists(pods())),
    st.tuples(st.just("scrape"), st.none()),
)


class Model:
    """The cluster as a plain mapping: what is there at the end of any changes."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}

    def change(self, how: str, what: Any) -> None:
        """Apply one change."""
        if how == "put":
            self.objects[what["metadata"]["uid"]] = what
        elif how == "drop":
            self.objects.pop(what["metadata"]["uid"], None)
        elif how in {"nodes", "pods"}:
            kind = {"nodes": "Node", "pods": "Pod"}[how]
            kept = {uid: it for uid, it in self.objects.items() if it["kind"] != kind}
            self.objects = kept | {it["metadata"]["uid"]: it for it in what}


def tell(relay: Relay, how: str, what: Any) -> None:
    """Apply one change to a fleet."""
    if how == "scrape":
        relay.scrape()
    elif how in {"put", "drop"}:
        getattr(relay, how)(what)
    else:
        getattr(relay, f"replace_{how}")(what)


@patient
@given(st.lists(changes, max_size=30))
def test_only_the_final_state_counts(history: list[tuple[str, Any]]) -> None:
    """After any changes and scrapes, a scrape reads as that of a fleet told only the outcome."""
    relay, model = Relay().put(WEB), Model()
    for how, what in history:
        tell(relay, how, what)
        model.change(how, what)
    fresh = Relay().put(WEB, *model.objects.values())

    assert fresh.scrape().without(*HISTORY) == relay.scrape().without(*HISTORY)
    assert fresh.counts() == relay.counts()
