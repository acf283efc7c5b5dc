"""Why a pod is pending: from its spec and its scheduler's words to one of a few words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cluster.objects import pending
from tests.support.objects import Object, condition, pod, scheduled
from tests.support.podlines import record

NO_VICTIMS = (
    " preemption: 0/9 nodes are available: 6 No preemption victims found for incoming pod, "
    "3 Preemption is not helpful for scheduling."
)


def reason(status: Object | None = None, *gates: str) -> str:
    """Return why an unbound pod with this status and these gates is pending."""
    spec = {"schedulingGates": [{"name": gate} for gate in gates]} if gates else {}
    return record(pod(node="", phase="Pending", status=status, spec=spec)).pending


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("0/9 nodes are available: 9 Insufficient nvidia.com/gpu.", "insufficient_gpu"),
        ("0/9 nodes are available: 9 Insufficient amd.com/gpu.", "insufficient_gpu"),
        ("0/9 nodes are available: 9 Insufficient nvidia.com/mig-1g.5gb.", "insufficient_gpu"),
        ("0/9 nodes are available: 9 Insufficient cpu.", "insufficient_cpu"),
        ("0/9 nodes are available: 9 Insufficient memory.", "insufficient_memory"),
        ("0/9 nodes are available: 9 Insufficient ephemeral-storage.", "insufficient_other"),
        ("0/9 nodes are available: 9 Too many pods.", "insufficient_other"),
        ("0/9 nodes are available: 9 node(s) had untolerated taint {dedicated: a}.", "taints"),
        (
            "0/9 nodes are available: 9 node(s) had untolerated taint {node.kubernetes.io/x: }.",
            "taints",
        ),
        (
            "0/9 nodes are available: 9 node(s) had taint {node.kubernetes.io/not-ready: }.",
            "unavailable_nodes",
        ),
        ("0/9 nodes are available: 9 node(s) were unschedulable.", "unavailable_nodes"),
        ("no nodes available to schedule pods", "unavailable_nodes"),
        (
            "0/9 nodes are available: 9 node(s) didn't match Pod's node affinity/selector.",
            "affinity",
        ),
        ("0/9 nodes are available: 9 node(s) had volume node affinity conflict.", "volumes"),
        (
            "0/9 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            "volumes",
        ),
        ("0/9 nodes are available: 9 cannot allocate all claims.", "claims"),
        ("waiting for dynamic resource controller to create the resourceclaim", "claims"),
        ("0/9 nodes are unavailable: 9 Insufficient nvidia.com/gpu.", "insufficient_gpu"),
        ("queue resource quota insufficient", "quota"),
        ("the moon is in the wrong house", "other"),
        ("", "other"),
    ],
)
def test_one_thing_is_wrong(message: str, expected: str) -> None:
    """The scheduler's own words are understood, with and without a word on preemption."""
    assert expected == reason(condition("Unschedulable", message))
    assert expected == reason(condition("Unschedulable", message + NO_VICTIMS))


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ("1 Insufficient nvidia.com/gpu, 8 node(s) were unschedulable", "insufficient_gpu"),
        ("8 node(s) were unschedulable, 1 Insufficient nvidia.com/gpu", "insufficient_gpu"),
        ("3 Insufficient cpu, 6 node(s) had untolerated taint {a: b}", "taints"),
        ("6 Insufficient cpu, 3 node(s) had untolerated taint {a: b}", "insufficient_cpu"),
        ("2 node(s) had taint {a: }, 2 node(s) had taint {b: }, 3 Insufficient cpu", "taints"),
        ("8 node(s) are haunted, 1 Insufficient memory", "insufficient_memory"),
    ],
)  # fmt: skip
def test_several_things_are_wrong(clauses: str, expected: str) -> None:
    """Too few GPUs comes first; else what most nodes lack; what is not understood comes last."""
    message = f"0/9 nodes are available: {clauses}.{NO_VICTIMS}"

    assert expected == reason(condition("Unschedulable", message))


def test_kept_back() -> None:
    """A gate keeps a pod from the scheduler: Kueue's until there is quota, any other as such."""
    gated = condition("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")

    assert "quota" == reason(gated, "kueue.x-k8s.io/admission")
    assert "quota" == reason(gated, "example.com/wait", "kueue.x-k8s.io/topology")
    assert "gated" == reason(gated, "example.com/wait")
    assert "gated" == reason(gated)
    assert "gated" == reason(None, "example.com/wait")


def test_a_node_is_being_cleared() -> None:
    """A nominated pod waits for others to leave; it holds nothing yet."""
    status = condition("Unschedulable", "0/9 nodes are available: 9 Insufficient nvidia.com/gpu.")
    it = record(pod(node="", phase="Pending", status=status | {"nominatedNodeName": "n1"}))

    assert "preemption" == it.pending
    assert not it.holds_gpus


def test_nobody_looked_at_it_yet() -> None:
    """Without a condition no scheduler has said anything: a scheduler may be missing."""
    assert "not_considered" == reason()


def test_pods_that_wait_for_no_node() -> None:
    """A pod that has a node, has ended or is being deleted is not pending, whatever is said."""
    said = condition("Unschedulable", "0/9 nodes are available: 9 Insufficient nvidia.com/gpu.")
    deleted = "2026-01-01T00:00:00Z"

    assert "" == record(pod(status=said)).pending
    assert "" == record(pod(status=scheduled())).pending
    assert "" == record(pod(node="", phase="Failed", status=said)).pending
    assert "" == record(pod(node="", phase="Pending", deletionTimestamp=deleted)).pending


@given(message=st.text() | st.lists(st.sampled_from(
    ["0/9", "nodes are", "available:", "preemption:", ", ", "3 ", "٣ ", "9" * 12, "Insufficient ",
     "nvidia.com/gpu", "taint {", "}", ".", "\x00", "\ud800"])).map("".join))  # fmt: skip
def test_hostile_words(message: str) -> None:
    """Whatever a scheduler says, the answer is one of the few words."""
    assert pending.of_message(message) in pending.REASONS


def test_a_message_without_end() -> None:
    """Only the beginning of a message is read, so that nobody can make reading it costly."""
    filler = "1 node(s) were haunted, " * 100_000

    assert "other" == pending.of_message(f"0/9 nodes are available: {filler}1 Insufficient cpu.")
