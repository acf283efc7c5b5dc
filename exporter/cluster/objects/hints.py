"""What a pod itself says of its workload, for where its owners may not be read.

Controllers mark their pods with labels, KAI's pod grouper with an annotation. One table says which
mark stands for what, and below which last known owner it is to be believed. The names are the
controllers' own: jobset, lws, kuberay, training-operator and mpi-operator, volcano,
spark-operator, argo.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from exporter.cluster.objects.wire import OwnerReference


class Kind(NamedTuple):
    """A kind of object: the same word means different things in different API groups."""

    group: str
    name: str


BARE = Kind("", "")
"""What stands above a pod that nobody controls."""

_JOB = Kind("batch", "Job")
_POD = Kind("", "Pod")
_REPLICA_SET = Kind("apps", "ReplicaSet")
_RAY_CLUSTER = Kind("ray.io", "RayCluster")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A workload by a mark of the pod's; without a UID where the mark has none."""

    group: str
    kind: str
    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class _Hint:
    """A label by which a controller names the workload its pods belong to."""

    below: frozenset[Kind]
    label: str
    names: Kind
    uid_label: str = ""


def _hint(label: str, names: Kind, *below: Kind, uid_label: str = "") -> _Hint:
    return _Hint(frozenset(below), label, names, uid_label)


_HINTS = (
    _hint(
        "jobset.sigs.k8s.io/jobset-name",
        Kind("jobset.x-k8s.io", "JobSet"),
        _JOB,
        uid_label="jobset.sigs.k8s.io/jobset-uid",
    ),
    _hint(
        "leaderworkerset.sigs.k8s.io/name",
        Kind("leaderworkerset.x-k8s.io", "LeaderWorkerSet"),
        Kind("apps", "StatefulSet"),
        _POD,
    ),
    _hint("volcano.sh/job-name", Kind("batch.volcano.sh", "Job"), BARE),
    # An executor belongs to its driver's pod, which in turn may belong to nobody.
    _hint(
        "sparkoperator.k8s.io/app-name",
        Kind("sparkoperator.k8s.io", "SparkApplication"),
        _POD,
        BARE,
    ),
    _hint("spark-app-name", Kind("", "SparkApplication"), _POD, BARE),
    _hint("workflows.argoproj.io/workflow", Kind("argoproj.io", "Workflow"), BARE),
)

# ReplicaSets are called after what made them and the hash of its template.
_TEMPLATES = {
    "pod-template-hash": Kind("apps", "Deployment"),
    "rollouts-pod-template-hash": Kind("argoproj.io", "Rollout"),
}

_RAY_CRD = "ray.io/originated-from-crd"
_RAY_NAME = "ray.io/originated-from-cr-name"
_RAY_KINDS = frozenset({"RayCluster", "RayCronJob", "RayJob", "RayService"})

_TRAINING_NAME = "training.kubeflow.org/job-name"
_TRAINING_OPERATOR = "training.kubeflow.org/operator-name"
_TRAINING_KINDS = {
    "jaxjob-controller": "JAXJob",
    "mpi-operator": "MPIJob",
    "mpijob-controller": "MPIJob",
    "paddlejob-controller": "PaddleJob",
    "pytorchjob-controller": "PyTorchJob",
    "tfjob-controller": "TFJob",
    "xgboostjob-controller": "XGBoostJob",
}

LABELS = frozenset(
    {hint.label for hint in _HINTS}
    | {hint.uid_label for hint in _HINTS if hint.uid_label}
    | _TEMPLATES.keys()
    | {_RAY_CRD, _RAY_NAME, _TRAINING_NAME, _TRAINING_OPERATOR}
)
"""Every label that is read here; a pod's others need not be kept."""

_TOP_OWNER = "kai.scheduler/top-owner-metadata"
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_MAX_NAME = 253


def from_labels(labels: Mapping[str, str], top: OwnerReference | None) -> Claimed | None:
    """Return the workload that a pod's labels name.

    Args:
        labels: The pod's labels, of which only LABELS matter.
        top: The last owner known of; None when nobody controls the pod.
    """
    if not labels:
        return None
    below = BARE if top is None else Kind(group_of(top), top.kind)
    if top is not None and below == _REPLICA_SET:
        return _of_template(labels, top.name)
    if below in (_RAY_CLUSTER, _JOB) and labels.get(_RAY_CRD) in _RAY_KINDS:
        name = labels.get(_RAY_NAME)
        if name:
            return Claimed("ray.io", labels[_RAY_CRD], name)
    # PyTorchJobs and the like control their pods themselves; only launchers are Jobs' pods.
    operator = _TRAINING_KINDS.get(labels.get(_TRAINING_OPERATOR, ""))
    if below == _JOB and operator and labels.get(_TRAINING_NAME):
        return Claimed("kubeflow.org", operator, labels[_TRAINING_NAME])
    for hint in _HINTS:
        if below in hint.below and labels.get(hint.label):
            uid = labels.get(hint.uid_label, "")
            return Claimed(hint.names.group, hint.names.name, labels[hint.label], uid)
    return None


def _of_template(labels: Mapping[str, str], replica_set: str) -> Claimed | None:
    for label, kind in _TEMPLATES.items():
        suffix = f"-{labels[label]}" if labels.get(label) else ""
        name = replica_set.removesuffix(suffix)
        if suffix and name and name != replica_set:
            return Claimed(kind.group, kind.name, name)
    return None


def from_annotations(annotations: Mapping[str, str]) -> Claimed | None:
    """Return the workload that KAI's pod grouper wrote down; None when it is not readable.

    It is flat YAML (or JSON) with the keys name, uid, group, version and kind.
    """
    text = annotations.get(_TOP_OWNER)
    if not text:
        return None
    members = _json(text) if text.lstrip().startswith("{") else _flat_yaml(text)
    found = Claimed(
        members.get("group", ""),
        members.get("kind", ""),
        members.get("name", ""),
        members.get("uid", ""),
    )
    # Anybody may write this annotation: what could not be an object's is none.
    named = _KIND.fullmatch(found.kind) and found.name
    short = max(map(len, (found.group, found.name, found.uid))) <= _MAX_NAME
    return found if named and short else None


def _json(text: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError):
        return {}


def _flat_yaml(text: str) -> dict[str, str]:
    members: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        # Anything nested, continued or repeated is not what the grouper writes.
        if not colon or key != key.strip() or key in members:
            return {}
        members[key] = value.strip().strip("\"'")
    return members


def group_of(reference: OwnerReference) -> str:
    """Return the API group of a reference; empty for the core group."""
    return reference.api_version.rpartition("/")[0]
