"""Why no node has taken a pod, as one bounded word, from what its scheduler says of it.

kube-scheduler's message counts nodes by what was wrong with them ("0/9 nodes are available: 3
Insufficient nvidia.com/gpu, 6 node(s) had untolerated taint {...}"); Volcano's and KAI's look
alike. The wording is no interface, so what is not recognised is `other` and never an error.
"""

from collections import Counter

from exporter.cluster.objects import resources
from exporter.cluster.objects.wire import Condition, PodWire

NOT_CONSIDERED = "not_considered"
OTHER = "other"
_GPU = "insufficient_gpu"

_QUOTA_GATES = "kueue.x-k8s.io/"
_INSUFFICIENT = "insufficient "
_HOST = {"cpu": "insufficient_cpu", "memory": "insufficient_memory"}

# The first that a clause contains; more special ones stand above the more general.
_CLAUSES = (
    ("resourceclaim", "claims"),
    ("resource claim", "claims"),
    ("allocate all claims", "claims"),
    ("deviceclass", "claims"),
    ("node.kubernetes.io/unschedulable", "unavailable_nodes"),
    ("node.kubernetes.io/not-ready", "unavailable_nodes"),
    ("node.kubernetes.io/unreachable", "unavailable_nodes"),
    ("were unschedulable", "unavailable_nodes"),
    ("no nodes available", "unavailable_nodes"),
    ("taint", "taints"),
    ("quota", "quota"),
    ("volume", "volumes"),
    ("storageclass", "volumes"),
    ("affinity", "affinity"),
    ("node selector", "affinity"),
    ("topology spread", "affinity"),
    ("requested node name", "affinity"),
    ("too many pods", "insufficient_other"),
    ("free ports", "insufficient_other"),
    (_INSUFFICIENT, "insufficient_other"),
)

REASONS = frozenset(
    {"gated", "preemption", NOT_CONSIDERED, OTHER, _GPU, *_HOST.values()}
    | {word for _, word in _CLAUSES}
)
"""Every word there is."""

# A message is as long as a cluster has reasons; one that is longer is not worth reading on.
_MAX_MESSAGE = 16_384
# More digits than any count of nodes: no number.
_MAX_DIGITS = 9


def reason(pod: PodWire) -> str:
    """Return why the pod, which no node has taken, is pending: one of REASONS."""
    condition = _scheduled(pod)
    gates = pod.spec.scheduling_gates
    if gates:
        # Kueue holds a pod back by a gate of its own until the quota admits it.
        kept_by_quota = any(gate.name.startswith(_QUOTA_GATES) for gate in gates)
        return "quota" if kept_by_quota else "gated"
    if condition is not None and condition.reason == "SchedulingGated":
        return "gated"
    if pod.status.nominated_node_name:
        # A node is found and others have to leave it first.
        return "preemption"
    if condition is None:
        return NOT_CONSIDERED
    return of_message(condition.message or "")


def of_message(message: str) -> str:
    """Return the word for a scheduler's message: too few GPUs first, else what most nodes lack."""
    nodes: Counter[str] = Counter()
    # What follows says whether evicting others would help, not what is wrong.
    text = message[:_MAX_MESSAGE].lower().partition("preemption:")[0]
    for clause in text.rpartition("available:")[2].split(", "):
        count, _, rest = clause.strip(" .").partition(" ")
        if count.isascii() and count.isdigit() and len(count) <= _MAX_DIGITS:
            nodes[_of_clause(rest)] += int(count)
        else:
            nodes[_of_clause(clause)] += 0
    if _GPU in nodes:
        return _GPU
    if len(nodes) > 1:
        del nodes[OTHER]
    return max(nodes, key=nodes.__getitem__)


def _of_clause(clause: str) -> str:
    if clause.startswith(_INSUFFICIENT):
        resource = clause.removeprefix(_INSUFFICIENT).rstrip(". ")
        if resources.rule_for(resource):
            return _GPU
        if resource in _HOST:
            return _HOST[resource]
    return next((word for part, word in _CLAUSES if part in clause), OTHER)


def _scheduled(pod: PodWire) -> Condition | None:
    return next(
        (
            condition
            for condition in pod.status.conditions or ()
            if condition.type == "PodScheduled" and condition.status == "False"
        ),
        None,
    )
