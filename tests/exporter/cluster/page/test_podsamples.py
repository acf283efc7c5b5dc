"""All series of one pod: from its JSON to exposition text."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import catalogue
from exporter.cluster.objects import containers, pending
from tests.support.objects import (
    EPOCH,
    GPU,
    MIDNIGHT,
    Object,
    at,
    condition,
    container,
    containers_in,
    owned,
    owner,
    pod,
    reference,
    scheduled,
)
from tests.support.podlines import lines
from tests.support.scrape import text

MOST = 10
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def without_digests(told: list[str]) -> list[str]:
    """Return the lines with each digest's hex left out."""
    return [DIGEST.sub("sha256:…", line) for line in told]


def labels_of(told: list[str], family: str) -> dict[str, str]:
    """Return the labels of the family's only line, still escaped."""
    (line,) = (it for it in told if it.startswith(f"{family}{{"))
    return dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line))


def test_everything_about_a_running_pod() -> None:
    """Ten series at most say who it is, what it wants, holds and does, and since when."""
    job = owner("Job", "sim-w-0", reference("JobSet", "sim"))
    it = pod(
        "sim-w-0-x",
        spec={
            "containers": [container({GPU: 8, "cpu": "16", "memory": "64Gi"})],
            "priority": 1000,
            "priorityClassName": "high",
            "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
            "activeDeadlineSeconds": 86400,
        },
        status=scheduled(at(5)) | containers_in({"running": {"startedAt": at(10)}}),
        labels={"kueue.x-k8s.io/queue-name": "batch"},
        **owned(reference("Job", "sim-w-0")),
    )
    expected = text(f"""
        gpu_pod_allocated{{namespace="ml",pod="sim-w-0-x",uid="uid-sim-w-0-x",node="n1"}} 8
        gpu_pod_created_timestamp_seconds{{namespace="ml",pod="sim-w-0-x",uid="uid-sim-w-0-x"}} {EPOCH}
        gpu_pod_info{{namespace="ml",pod="sim-w-0-x",uid="uid-sim-w-0-x",node="n1",workload_type="JobSet",workload_name="sim",owner="uid-sim",workload_group="jobset.x-k8s.io",priority_class="high",queue="batch",gpu_model="NVIDIA-H100-80GB-HBM3",active_deadline_seconds="86400",command_digest="sha256:…",input_root_digest="sha256:…",action_digest="sha256:…"}} 1
        gpu_pod_priority{{namespace="ml",pod="sim-w-0-x",uid="uid-sim-w-0-x"}} 1000
        gpu_pod_requested_cpu_cores{{namespace="ml",pod="sim-w-0-x",uid="uid-sim-w-0-x"}} 16
        gpu_pod_requested_memory_bytes{{namespace="ml",pod="sim-w-0-x",uid="uid-sim-w-0-x"}} 68719476736
        gpu_pod_requested{{namespace="ml",pod="sim-w-0-x",uid="uid-sim-w-0-x"}} 8
        gpu_pod_scheduled_timestamp_seconds{{namespace="ml",pod="sim-w-0-x",uid="uid-sim-w-0-x"}} {EPOCH + 300}
        gpu_pod_start_timestamp_seconds{{namespace="ml",pod="sim-w-0-x",uid="uid-sim-w-0-x"}} {EPOCH + 600}
        gpu_pod_state{{namespace="ml",pod="sim-w-0-x",uid="uid-sim-w-0-x",phase="Running",state="running"}} 1
    """)  # noqa: E501 - exposition text cannot be broken

    assert expected == without_digests(lines(it, job, gpus=8))


def test_a_pod_that_says_little() -> None:
    """What nobody said gives no sample and no label, and never a zero."""
    it = pod(node="", phase="Pending")
    del it["metadata"]["creationTimestamp"]
    expected = text("""
        gpu_pod_info{namespace="ml",pod="p1",uid="uid-p1",workload_type="Pod",workload_name="p1",owner="uid-p1",command_digest="sha256:…",input_root_digest="sha256:…",action_digest="sha256:…"} 1
        gpu_pod_requested{namespace="ml",pod="p1",uid="uid-p1"} 1
        gpu_pod_state{namespace="ml",pod="p1",uid="uid-p1",phase="Pending",state="pending",reason="not_considered"} 1
    """)  # noqa: E501 - idem

    assert expected == without_digests(lines(it))


def test_a_pod_that_ended() -> None:
    """It holds nothing any more; when it started and ended, and why it failed, stays to be read."""
    killed = {"exitCode": 137, "reason": "OOMKilled", "startedAt": at(1), "finishedAt": at(30)}
    told = lines(pod(phase="Failed", status=containers_in({"terminated": killed})))
    expected = text(f"""
        gpu_pod_created_timestamp_seconds{{namespace="ml",pod="p1",uid="uid-p1"}} {EPOCH}
        gpu_pod_finished_timestamp_seconds{{namespace="ml",pod="p1",uid="uid-p1"}} {EPOCH + 1800}
        gpu_pod_requested{{namespace="ml",pod="p1",uid="uid-p1"}} 1
        gpu_pod_start_timestamp_seconds{{namespace="ml",pod="p1",uid="uid-p1"}} {EPOCH + 60}
        gpu_pod_state{{namespace="ml",pod="p1",uid="uid-p1",phase="Failed",state="terminal",reason="OOMKilled"}} 1
    """)  # noqa: E501 - idem

    assert expected == [line for line in told if not line.startswith("gpu_pod_info")]


@pytest.mark.parametrize(
    ("it", "known", "ready", "expected"),
    [
        (pod(), True, False, ("node_lost", "node_not_ready")),
        (pod(), False, False, ("node_lost", "node_gone")),
        (pod(), False, True, ("node_lost", "node_gone")),
        (pod(node="", phase="Pending"), False, False, ("pending", "not_considered")),
        (pod(phase="Succeeded"), False, False, ("terminal", "")),
    ],
    ids=["node not ready", "orphan", "orphan of a node once ready", "unbound", "ended"],
)
def test_a_pod_without_its_node(
    it: Object, *, known: bool, ready: bool, expected: tuple[str, str]
) -> None:
    """A pod whose node is gone is as lost as one whose node is silent, and the reason tells."""
    told = labels_of(lines(it, node_known=known, node_ready=ready), "gpu_pod_state")

    assert expected == (told["state"], told.get("reason", ""))


def test_a_reservation() -> None:
    """A placeholder that keeps a GPU for others is no task and has no series."""
    assert [] == lines(pod(namespace="kai-resource-reservation"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a" * 63, "a" * 63),
        ("größe-模型", "größe-模型"),
        ('say "hi"', r"say \"hi\""),
        ("back\\slash", r"back\\slash"),
        ("two\nlines", r"two\nlines"),
    ],
    ids=["63 characters", "UTF-8", "quotes", "backslash", "line break"],
)
def test_any_text_in_a_label(given: str, expected: str) -> None:
    """Whatever Kubernetes lets through stays one label of one line."""
    it = pod(labels={"kueue.x-k8s.io/queue-name": given}, spec={"priorityClassName": given})
    told = labels_of(lines(it), "gpu_pod_info")

    assert (expected, expected) == (told["queue"], told["priority_class"])


def test_two_gpu_resources_in_one_pod() -> None:
    """A pod has one series of what it asks for, whatever it asks for."""
    mixed: Object = {GPU: 1, "nvidia.com/mig-1g.5gb": 2, "cpu": "500m"}
    it = pod(spec={"containers": [container(mixed)]})
    expected = text("""
        gpu_pod_requested_cpu_cores{namespace="ml",pod="p1",uid="uid-p1"} 0.5
        gpu_pod_requested{namespace="ml",pod="p1",uid="uid-p1"} 1.25
    """)

    assert expected == [line for line in lines(it, gpus=1.25) if "_requested" in line]


moments = st.integers(0, 1000).map(at)
runs = st.fixed_dictionaries(
    {"startedAt": moments, "finishedAt": moments},
    optional={
        "exitCode": st.sampled_from([0, 1, 137]),
        "reason": st.sampled_from(["Error", "OOMKilled", "Completed"]),
    },
)
states = st.one_of(
    st.just({}),
    st.builds(lambda it: {"running": {"startedAt": it}}, moments),
    st.builds(lambda it: {"terminated": it}, runs),
    st.sampled_from(["CrashLoopBackOff", "ImagePullBackOff", "PodInitializing", "Weird"]).map(
        lambda it: {"waiting": {"reason": it}}
    ),
)


@st.composite
def any_pod(draw: st.DrawFn) -> Object:
    """Return a pod that says as much as a pod can, or less."""
    status: Object = draw(st.one_of(st.builds(scheduled, moments), st.builds(condition, words)))
    status |= containers_in(*draw(st.lists(states, max_size=3)))
    status["startTime"] = draw(moments)
    status["reason"] = draw(words)
    spec: Object = {
        "priority": draw(st.integers(-5, 5)),
        "containers": [container({GPU: 1, "cpu": "1", "memory": "1Gi"})],
    }
    deleted: dict[str, Any] = draw(st.sampled_from([{}, {"deletionTimestamp": MIDNIGHT}]))
    return pod(
        node=draw(st.sampled_from(["", "n1"])),
        phase=draw(
            st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown", "New"])
        ),
        spec=spec,
        status=status,
        **deleted,
    )


words = st.sampled_from(["", "Unschedulable", "SchedulingGated", "Evicted", "OutOfcpu", "Weird"])


@settings(deadline=None)
@given(it=any_pod(), known=st.booleans(), ready=st.booleans())
def test_no_pod_has_more_than_ten_series(it: Object, *, known: bool, ready: bool) -> None:
    """Each family is there once at most, and the reasons are few."""
    told = lines(it, node_known=known, node_ready=ready)
    families = [line.partition("{")[0] for line in told]
    reason = labels_of(told, "gpu_pod_state").get("reason", "")

    assert len(families) == len(set(families)) <= MOST
    assert set(families) <= {family.name for family in catalogue.CATALOGUE}
    assert reason in containers.REASONS | pending.REASONS | {"", "node_gone", "node_not_ready"}
