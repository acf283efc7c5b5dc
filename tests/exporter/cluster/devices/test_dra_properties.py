"""What holds for any slices and claims: every GPU is accounted for, only the final state counts."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.cluster.accounting import Account
from exporter.cluster.devices.inventory import Touched
from exporter.cluster.objects import nodes, wire
from tests.support.dra import (
    AMD,
    NVIDIA,
    Told,
    chip,
    claim,
    device,
    mig,
    read_claim,
    read_slice,
    result,
    slice_,
)
from tests.support.objects import Object, node
from tests.support.whole import some

NODES = ["n1", "n2"]
PODS = ["p", "q", "r"]
CLAIMS = ["a", "b", "c", "d"]

patient = settings(deadline=None, max_examples=some(15, 40))
"""A slow machine is no counterexample, and an example is dear."""

effects = st.sampled_from(["", "", "", "NoSchedule", "NoExecute", "None"])


@st.composite
def devices(draw: st.DrawFn) -> Object:
    """Return a device of one of two GPUs, in any form."""
    index = draw(st.integers(0, 1))
    form = draw(st.sampled_from(["gpu", "vfio", "mig", "shared", "bare", "partition"]))
    taint = draw(effects)
    if form == "mig":
        profile = draw(st.sampled_from(["1g.10gb", "3g.40gb", "4g.24gb"]))
        return mig(index, profile, draw(st.integers(0, 3)), taint=taint)
    if form == "shared":
        return device(f"s-{index}", taint=taint, allowMultipleAllocations=True)
    if form == "bare":
        return device(f"b-{index}", None, memory=None, taint=taint)
    kind = {"partition": "amdgpu-partition"}.get(form, form)
    return device(f"{form}-{index}", kind, taint=taint, attributes=chip(index))


@st.composite
def slices(draw: st.DrawFn, count: int = 1, *, placed: bool = False) -> Object:
    """Return one of a few slices; its pool is one of a few, of a node if *placed*."""
    place = draw(st.sampled_from(NODES if placed else [*NODES, None]))
    return slice_(
        draw(st.lists(devices(), max_size=6)),
        node=place,
        name=draw(st.sampled_from(["s1", "s2", "s3"])),
        driver=draw(st.sampled_from([NVIDIA, NVIDIA, AMD, "compute-domain.nvidia.com"])),
        generation=draw(st.integers(1, 3)),
        count=count,
        allNodes=place is None,
    )


@st.composite
def results(draw: st.DrawFn) -> Object:
    """Return an allocated device, which some slice may list."""
    members: Object = {}
    if draw(st.booleans()):
        members = {"shareID": draw(st.sampled_from(["1", "2"]))}
        if draw(st.booleans()):
            members["consumedCapacity"] = {"memory": draw(st.sampled_from(["0", "10Gi", "30Gi"]))}
    return result(
        draw(devices())["name"],
        pool=draw(st.sampled_from([*NODES, "pool"])),
        driver=draw(st.sampled_from([NVIDIA, NVIDIA, AMD, "compute-domain.nvidia.com"])),
        adminAccess=draw(st.sampled_from([None, False, True])),
        **members,
    )


@st.composite
def claims(draw: st.DrawFn, *, placed: bool = False) -> Object:
    """Return one of a few claims, allocated or not; on a node if *placed*."""
    return claim(
        draw(st.sampled_from(CLAIMS)),
        draw(st.none() | st.lists(results(), max_size=4)),
        pods=draw(st.lists(st.sampled_from(PODS), max_size=3)),
        node=draw(st.sampled_from(NODES if placed else ["", *NODES])),
    )


holding = st.sets(st.sampled_from(PODS))
conditions = st.fixed_dictionaries({"cordoned": st.booleans()})


def accounts(told: Told, name: str, **condition: Any) -> list[Account]:
    """Return the accounts of a node."""
    raw = msgspec.json.encode(node(name, None, **condition))
    return told.inventory.accounts(nodes.from_wire(wire.decode(raw, wire.NODE)))


@patient
@given(st.lists(slices() | claims(), max_size=12), holding, conditions)
def test_every_gpu_is_accounted_for(
    objects: list[Object], users: set[str], condition: dict[str, bool]
) -> None:
    """Capacity = allocated + free + unavailable - overcommitted, to the sixth decimal."""
    told = Told(*objects, holding=users)
    for name in NODES:
        for account in accounts(told, name, **condition):
            used = account.allocated + account.free + sum(account.unavailable.values())

            assert account.capacity == round(used - account.overcommitted, 6)
            assert account.free == int(account.free) >= 0
            assert 0 <= account.allocatable <= account.capacity
            assert all(gpus > 0 for gpus in account.unavailable.values())
            assert account.overcommitted >= 0
            if condition["cordoned"]:
                assert 0 == account.free


@patient
@given(st.lists(slices(placed=True) | claims(placed=True), max_size=12), holding)
def test_what_pods_hold_is_what_nodes_give(objects: list[Object], users: set[str]) -> None:
    """Where every device is on a node, GPUs allocated are the GPUs that pods hold."""
    told = Told(*objects, holding=users)
    held = sum(gpus for pod in PODS for gpus in told.amounts(pod).values())
    given_out = sum(it.allocated for name in NODES for it in accounts(told, name))

    assert abs(held - given_out) < 1e-4  # each figure is rounded to the sixth decimal


changes = st.one_of(
    st.tuples(st.just("put"), slices() | claims()),
    st.tuples(st.just("drop"), slices() | claims()),
    st.tuples(st.just("ResourceSlice"), st.lists(slices(), max_size=4)),
    st.tuples(st.just("ResourceClaim"), st.lists(claims(), max_size=4)),
)


def answers(told: Told) -> Any:
    """Return everything that an inventory can be asked."""
    return (
        [told.accounts(name) for name in NODES],
        [told.inventory.model(name) for name in NODES],
        told.inventory.counts(),
        [told.amounts(pod) for pod in PODS],
        [told.inventory.asked("ml", [name]) for name in CLAIMS],
        [told.inventory.covers("ml", frozenset({name})) for name in CLAIMS],
    )


def apply(told: Told, how: str, what: Any) -> Touched:
    """Apply one change to an inventory."""
    if how == "put":
        return told.put(what)
    if how == "drop":
        return told.drop(what)
    if how == "ResourceSlice":
        return told.inventory.replace_slices(map(read_slice, what))
    return told.inventory.replace_claims(map(read_claim, what))


def remember(model: dict[str, Object], how: str, what: Any) -> None:
    """Apply the same change to a plain mapping."""
    if how == "put":
        model[what["metadata"]["uid"]] = what
    elif how == "drop":
        model.pop(what["metadata"]["uid"], None)
    else:
        for uid in [uid for uid, it in model.items() if it["kind"] == how]:
            del model[uid]
        model.update({it["metadata"]["uid"]: it for it in what})


@patient
@given(st.lists(changes, max_size=20), holding)
def test_only_the_final_state_counts(history: list[tuple[str, Any]], users: set[str]) -> None:
    """After any changes an inventory answers as one that was told only the outcome."""
    told, model = Told(holding=users), dict[str, Object]()
    for how, what in history:
        apply(told, how, what)
        remember(model, how, what)

    assert answers(Told(*model.values(), holding=users)) == answers(told)


@patient
@given(st.lists(slices(count=2), max_size=10), st.lists(slices(), max_size=3))
def test_a_complete_pool_forgets_its_past(past: list[Object], last: list[Object]) -> None:
    """Whatever was incomplete before: once a newer generation is complete, only that counts."""
    final = {it["metadata"]["uid"]: it for it in last}
    for it in final.values():
        it["spec"]["pool"]["generation"] = 9
    told = Told(*past)
    told.inventory.replace_slices(map(read_slice, final.values()))

    assert answers(Told(*final.values())) == answers(told)


@patient
@given(st.lists(changes, max_size=12), holding)
def test_nothing_changes_that_is_not_said_to(
    history: list[tuple[str, Any]], users: set[str]
) -> None:
    """Nodes and pods that a change does not name are as they were."""
    told = Told(holding=users)
    for how, what in history:
        before = [told.accounts(name) for name in NODES], [told.amounts(pod) for pod in PODS]
        touched = apply(told, how, what)
        after = [told.accounts(name) for name in NODES], [told.amounts(pod) for pod in PODS]

        for name, old, new in zip(NODES, before[0], after[0], strict=True):
            assert old == new or name in touched.nodes
        for pod, was, now in zip(PODS, before[1], after[1], strict=True):
            assert was == now or f"uid-{pod}" in touched.pods
