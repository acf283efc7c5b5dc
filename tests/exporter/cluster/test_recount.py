"""The totals of any cluster, counted a second time, from its objects' JSON and without haste.

The recount below knows nothing of how the exporter works: it goes through all objects that there
are at the end, as a person with a pencil would.
"""

import re
from collections import defaultdict
from fractions import Fraction
from math import ceil, floor
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.dra import claim, gpus, request, slice_
from tests.support.objects import (
    GPU,
    MIDNIGHT,
    Object,
    container,
    node,
    owned,
    owner,
    pod,
    reference,
    taint,
)
from tests.support.scrape import ACCOUNT, HISTORY, Relay, Scrape

NODES = ("n1", "n2", "n3")
PODS = ("p1", "p2", "p3", "p4")
CLAIMS = ("c1", "c2")
WEB = owner("ReplicaSet", "web-7f9", reference("Deployment", "web"))
ENDED = {"Succeeded", "Failed"}
TOTALS = (*ACCOUNT, "gpu_pod_requested", "gpu_pod_allocated", "gpu_pods", "gpu_orphaned_allocated")
PENDING = ("gpu_pending_pods", "gpu_pending_requested")

Totals = dict[str, float]

# --- any cluster ---------------------------------------------------------------------------------

few = st.integers(0, 4)
deletion = st.sampled_from([{}, {}, {"deletionTimestamp": MIDNIGHT}])


@st.composite
def nodes(draw: st.DrawFn) -> Object:
    """Return a node of whole GPUs, in any condition."""
    members: dict[str, Any] = draw(deletion)
    return node(
        draw(st.sampled_from(NODES)),
        draw(st.none() | few),
        allocatable=draw(st.none() | few),
        ready=draw(st.sampled_from(["True", "True", "False", "Unknown"])),
        cordoned=draw(st.booleans()),
        taints=draw(st.sampled_from([(), (), (taint(GPU),), (taint("dedicated", "NoExecute"),)])),
        **members,
    )


@st.composite
def asking(draw: st.DrawFn) -> Object:
    """Return the spec and metadata of a pod that asks for whole GPUs, for shares, or by claim."""
    how = draw(st.sampled_from(["whole", "whole", "share", "claim", "nothing"]))
    if how == "claim":
        return {"spec": {"resourceClaims": [{"resourceClaimName": draw(st.sampled_from(CLAIMS))}]}}
    if how == "share":
        share = draw(st.sampled_from(["0.1", "0.25", "0.5", "0.6", "1"]))
        return {
            "annotations": {
                "gpu-fraction": share,
                "gpu-fraction-num-devices": str(draw(st.integers(1, 3))),
            }
        }
    if how == "nothing":
        return {}
    asked = st.builds(container, few)
    early = st.builds(container, few, sidecar=st.booleans())
    return {
        "spec": {
            "containers": draw(st.lists(asked, max_size=2)),
            "initContainers": draw(st.lists(early, max_size=3)),
            "overhead": {GPU: str(draw(st.integers(0, 1)))},
        }
    }


@st.composite
def pods(draw: st.DrawFn) -> Object:
    """Return a pod anywhere, in any phase; one of its name may have another UID."""
    name = draw(st.sampled_from(PODS))
    members: dict[str, Any] = draw(deletion) | draw(asking())
    if draw(st.booleans()):
        members |= owned(reference("ReplicaSet", "web-7f9"))
    claims = "resourceClaims" in members.get("spec", {})
    return pod(
        name,
        None,
        node=draw(st.sampled_from([*NODES, "gone"] if claims else ["", *NODES, "gone"])),
        phase=draw(st.sampled_from(["Pending", "Running", "Running", "Unknown", *ENDED])),
        uid=draw(st.sampled_from(["", "", f"second-{name}"])),
        **members,
    )


@st.composite
def slices(draw: st.DrawFn) -> Object:
    """Return the only slice of a node's pool."""
    name = draw(st.sampled_from(NODES))
    return slice_(gpus(draw(few)), node=name, generation=draw(st.integers(1, 3)))


@st.composite
def claims(draw: st.DrawFn) -> Object:
    """Return a claim, allocated or not."""
    devices = st.lists(st.sampled_from(["gpu-0", "gpu-1", "gpu-9"]), unique=True, min_size=1)
    return claim(
        draw(st.sampled_from(CLAIMS)),
        draw(st.none() | devices),
        pods=draw(st.lists(st.sampled_from(PODS), unique=True)),
        requests=[request(count=draw(few))],
    )


ANY = {
    "Node": nodes(),
    "Pod": pods(),
    "ResourceSlice": slices(),
    "ResourceClaim": claims(),
    "ReplicaSet": st.just(WEB),
}
REPLACE = {
    "Node": "replace_nodes",
    "Pod": "replace_pods",
    "ResourceSlice": "replace_slices",
    "ResourceClaim": "replace_claims",
}
objects = st.one_of(nodes(), pods(), pods(), slices(), claims(), st.just(WEB))
changes = st.one_of(
    st.tuples(st.just("put"), objects),
    st.tuples(st.just("put"), objects),
    st.tuples(st.just("drop"), objects),
    st.tuples(st.just("scrape"), st.none()),
    *(st.tuples(st.just(kind), st.lists(it, max_size=4)) for kind, it in ANY.items()),
)


def applied(history: list[tuple[str, Any]], relay: Relay) -> list[Object]:
    """Tell a fleet of every change; return what is there at the end."""
    there: dict[tuple[str, str], Object] = {}
    for how, what in history:
        if how == "scrape":
            relay.scrape()
        elif how == "put":
            relay.put(what)
            there[key(what)] = what
        elif how == "drop":
            relay.drop(what)
            there.pop(key(what), None)
        else:
            if how in REPLACE:
                getattr(relay, REPLACE[how])(what)
            else:
                relay.replace_owners(how, what)
            there = {it: there[it] for it in there if it[0] != how}
            there |= {key(it): it for it in what}
    return list(there.values())


def key(it: Object) -> tuple[str, str]:
    """Return what an object is known by."""
    return it["kind"], it["metadata"]["uid"]


# --- the recount ---------------------------------------------------------------------------------


def gpus_of(asked: Object) -> int:
    """Return the GPUs of one container."""
    return int(asked["resources"]["requests"].get(GPU, 0))


def whole(it: Object) -> int:
    """Return the whole GPUs a pod needs at its neediest moment."""
    moments, beside = [0], 0
    for early in it["spec"].get("initContainers", ()):
        moments.append(beside + gpus_of(early))
        if early.get("restartPolicy") == "Always":
            beside += gpus_of(early)
    moments.append(beside + sum(map(gpus_of, it["spec"]["containers"])))
    return max(moments) + int(it["spec"].get("overhead", {}).get(GPU, 0))


def shares(it: Object) -> list[Fraction]:
    """Return the share of each device a pod asks for by annotation."""
    notes = it["metadata"].get("annotations", {})
    count = int(notes.get("gpu-fraction-num-devices", 0))
    return [Fraction(notes.get("gpu-fraction", 0))] * count


def claim_of(it: Object) -> str:
    """Return the name of a pod's claim; empty when it has none."""
    return next((c["resourceClaimName"] for c in it["spec"].get("resourceClaims", ())), "")


def asked(it: Object) -> Fraction:
    """Return the GPUs a pod asks for beside claims."""
    return whole(it) + sum(shares(it), Fraction())


def bound(it: Object) -> str:
    """Return the node on which a pod holds GPUs; empty when it holds none."""
    return "" if it["status"]["phase"] in ENDED else it["spec"].get("nodeName", "")


def obstacle(it: Object) -> str:
    """Return the first reason why a node takes no work; empty when it does."""
    ready = next(c["status"] for c in it["status"]["conditions"] if c["type"] == "Ready")
    reasons = {
        "terminating": "deletionTimestamp" in it["metadata"],
        "unreachable": ready == "Unknown",
        "not_ready": ready == "False",
        "cordoned": it["spec"].get("unschedulable", False),
        "tainted": any(taint["key"] == "dedicated" for taint in it["spec"]["taints"]),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def account(it: Object, here: list[Object]) -> dict[str, Fraction]:
    """Return the account of a node's GPUs, given the pods that hold some there."""
    has = Fraction(it["status"]["capacity"].get(GPU, 0))
    offers = min(has, Fraction(it["status"]["allocatable"].get(GPU, 0)))
    used = sum(map(asked, here), Fraction())
    small = [share for other in here for share in shares(other) if share < 1]
    full = sum(map(whole, here)) + sum(share == 1 for other in here for share in shares(other))
    touched = max(ceil(sum(small)), sum(share > Fraction(1, 2) for share in small))
    left = max(Fraction(0), offers - used)
    free = Fraction(max(0, min(floor(offers) - full - touched, floor(left))))
    lost = {"unhealthy" if offers else "plugin_down": has - offers, "partly_allocated": left - free}
    if obstacle(it):
        lost[obstacle(it)], free = free, Fraction(0)
    figures = {"capacity": has, "allocatable": offers, "allocated": used, "free": free}
    figures["overcommitted"] = max(Fraction(0), used - offers)
    return figures | {f"unavailable {reason}": gpus for reason, gpus in lost.items() if gpus}


def recount(there: list[Object]) -> Totals:
    """Return every total by the names of its family and of what it is about."""
    pods = [it for it in there if it["kind"] == "Pod"]
    known = {it["metadata"]["name"] for it in there if it["kind"] == "ResourceClaim"}
    tasks = [it for it in pods if asked(it) or claim_of(it) in known]
    names = {it["metadata"]["name"] for it in there if it["kind"] == "Node"}
    found: dict[str, Fraction] = defaultdict(Fraction)
    for it in there:
        here = [other for other in pods if bound(other) == it["metadata"]["name"] and asked(other)]
        if it["kind"] == "Node" and (GPU in it["status"]["capacity"] or here):
            for figure, count in account(it, here).items():
                found[f"{it['metadata']['name']} {figure}"] = count
    for it in tasks:
        found[f"phase {it['status']['phase']}"] += 1
        if not claim_of(it):
            found[f"{it['metadata']['uid']} requested"] = asked(it)
            if bound(it):
                found[f"{it['metadata']['uid']} allocated"] = asked(it)
                found["orphaned"] += asked(it) if bound(it) not in names else 0
        waits = "nodeName" not in it["spec"] and it["status"]["phase"] not in ENDED
        if waits and "deletionTimestamp" not in it["metadata"]:
            found["pending pods"] += 1
            found["pending requested"] += asked(it)
    return {name: round(float(count), 6) for name, count in found.items() if count}


def published(told: Scrape, there: list[Object]) -> Totals:
    """Return the same totals as a scrape tells them; what claims hold is left out."""
    claiming = {it["metadata"]["uid"] for it in there if it["kind"] == "Pod" and claim_of(it)}
    found: Totals = defaultdict(float)
    for line in told.of(*TOTALS, *PENDING):
        series, _, count = line.rpartition(" ")
        family, _, rest = series.partition("{")
        labels = dict(re.findall(r'(\w+)="(.*?)"', rest))
        name = _name(family, labels)
        if name and labels.get("uid") not in claiming:
            found[name] += float(count)
    return {name: round(count, 6) for name, count in found.items() if count}


def _name(family: str, labels: dict[str, str]) -> str:
    short = family.removeprefix("gpu_")
    if short.startswith("node_"):
        figure = f"{short.removeprefix('node_')} {labels.get('reason', '')}".strip()
        return f"{labels['node']} {figure}" if labels["resource"] == GPU else ""
    if short == "pods":
        return f"phase {labels['phase']}"
    if short.startswith("pod_"):
        return f"{labels['uid']} {short.removeprefix('pod_')}"
    return short.removesuffix("_allocated").replace("_", " ")


@settings(deadline=None)
@given(st.lists(changes, max_size=25))
def test_a_recount_comes_to_the_same(history: list[tuple[str, Any]]) -> None:
    """Whatever came, changed and went, in any order: the totals are those of what is there."""
    relay = Relay()
    there = applied(history, relay)
    expected, found = recount(there), published(relay.scrape(), there)
    if any(it["kind"] == "Pod" and bound(it) and claim_of(it) for it in there):
        # Such a pod may be an orphan, and what it holds is told by claims only.
        assert found.pop("orphaned", 0) >= expected.pop("orphaned", 0)

    assert expected == found


@settings(deadline=None)
@given(st.lists(changes, max_size=25))
def test_only_what_is_there_counts(history: list[tuple[str, Any]]) -> None:
    """Every line is that of a fleet told only the outcome, but for owners that went: pods keep
    the name they were last known by.
    """
    relay = Relay()
    there = applied(history, relay)
    apart = HISTORY if WEB in there else (*HISTORY, "gpu_pod_info")
    fresh = Relay().put(*there)

    assert fresh.scrape().without(*apart) == relay.scrape().without(*apart)
    assert fresh.counts() == relay.counts()
