"""What a pod says of its workload itself: labels and annotations, where owners are unknown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.cluster.objects import hints
from exporter.cluster.objects.workload import Workload
from tests.support.objects import Object, owned, pod, reference
from tests.support.podlines import workload_of

JOBSET = "jobset.sigs.k8s.io/jobset-name"
RAY = {"ray.io/originated-from-crd": "RayJob", "ray.io/originated-from-cr-name": "tune"}


def told(found: Workload) -> tuple[str, str, str, str]:
    """Return group, kind, name and UID of a workload."""
    return found.group, found.kind, found.name, found.uid


@pytest.mark.parametrize(
    ("top", "labels", "expected"),
    [
        (reference("Job", "sim-w-0"), {JOBSET: "sim", "jobset.sigs.k8s.io/jobset-uid": "u7"},
         ("jobset.x-k8s.io", "JobSet", "sim", "u7")),
        (reference("ReplicaSet", "web-7f9"), {"pod-template-hash": "7f9"},
         ("apps", "Deployment", "web", "uid-web-7f9")),
        (reference("ReplicaSet", "web-7f9"), {"rollouts-pod-template-hash": "7f9"},
         ("argoproj.io", "Rollout", "web", "uid-web-7f9")),
        (reference("Job", "tune-submit"), RAY, ("ray.io", "RayJob", "tune", "uid-tune-submit")),
        (reference("Job", "mpi-launcher"),
         {"training.kubeflow.org/job-name": "mpi",
          "training.kubeflow.org/operator-name": "mpi-operator"},
         ("kubeflow.org", "MPIJob", "mpi", "uid-mpi-launcher")),
        (reference("Pod", "etl-driver"), {"sparkoperator.k8s.io/app-name": "etl"},
         ("sparkoperator.k8s.io", "SparkApplication", "etl", "uid-etl-driver")),
        (reference("Pod", "etl-driver"), {"spark-app-name": "etl"},
         ("", "SparkApplication", "etl", "uid-etl-driver")),
        (None, {"spark-app-name": "etl"}, ("", "SparkApplication", "etl", "uid-p1")),
        (None, {"volcano.sh/job-name": "vc"}, ("batch.volcano.sh", "Job", "vc", "uid-p1")),
        (None, {"workflows.argoproj.io/workflow": "dag"},
         ("argoproj.io", "Workflow", "dag", "uid-p1")),
        (None, {JOBSET: "sim"}, ("", "Pod", "p1", "uid-p1")),
    ],
)  # fmt: skip
def test_groups_from_labels(
    top: Object | None, labels: dict[str, str], expected: tuple[str, str, str, str]
) -> None:
    """A label names the workload where the owner is not known, in the right API group."""
    it = pod(labels=labels, **(owned(top) if top else {}))

    assert expected == told(workload_of(it))


@pytest.mark.parametrize(
    ("top", "labels"),
    [
        (reference("Job", "vc", version="batch.volcano.sh/v1alpha1"), {JOBSET: "sim"}),
        (reference("ReplicaSet", "web-7f9", version="example.com/v1"),
         {"pod-template-hash": "7f9"}),
        (reference("ReplicaSet", "-7f9"), {"pod-template-hash": "7f9"}),
        (reference("RayCluster", "c"), {"ray.io/originated-from-crd": "Fleet",
                                        "ray.io/originated-from-cr-name": "f"}),
        (reference("RayCluster", "c"), {"ray.io/originated-from-crd": "RayJob"}),
        (reference("Job", "j"), {"training.kubeflow.org/job-name": "x",
                                 "training.kubeflow.org/operator-name": "another"}),
        (reference("Workflow", "dag"), {"workflows.argoproj.io/workflow": "other"}),
    ],
)  # fmt: skip
def test_labels_that_do_not_count(top: Object, labels: dict[str, str]) -> None:
    """A Job of another API group is another thing, and a label nobody knows says nothing."""
    found = workload_of(pod(labels=labels, **owned(top)))

    assert (top["kind"], top["name"]) == (found.kind, found.name)


TOP_OWNER = {"name": "tune", "uid": "u9", "group": "ray.io", "version": "v1", "kind": "RayJob"}
FLAT = "".join(f"{key}: {text}\n" for key, text in TOP_OWNER.items())
QUOTED = "".join(f'{key}: "{text}"\n' for key, text in TOP_OWNER.items())


@pytest.mark.parametrize(
    "note", [FLAT, QUOTED, json.dumps(TOP_OWNER)], ids=["flat", "quoted", "JSON"]
)
def test_the_top_owner_by_annotation(note: str) -> None:
    """What KAI's pod grouper found out is believed where the owners may not be read."""
    notes = {"kai.scheduler/top-owner-metadata": note}
    it = pod(annotations=notes, labels=RAY, **owned(reference("RayCluster", "c")))
    found = workload_of(it)

    assert ("ray.io", "RayJob", "tune", "u9") == told(found)
    assert found.missing is not None


@pytest.mark.parametrize(
    "note",
    [
        "",
        "nonsense",
        "name: a",
        "kind: Job",
        "kind: Job\nname: a\nname: b",
        "kind: Job\n  name: a",
        "{",
        '{"kind": 1, "name": "a"}',
        '["kind"]',
        "- kind: Job",
        "kind: Job of mine\nname: a",
        f"kind: Job\nname: {'a' * 254}",
    ],
)
def test_an_annotation_that_cannot_be_read(note: str) -> None:
    """It is as if it were not there."""
    it = pod(annotations={"kai.scheduler/top-owner-metadata": note})

    assert ("", "Pod", "p1", "uid-p1") == told(workload_of(it))


@given(note=st.text())
def test_any_annotation(note: str) -> None:
    """Nothing that somebody writes there does harm, and a workload always has kind and name."""
    found = hints.from_annotations({"kai.scheduler/top-owner-metadata": note})

    assert found is None or (found.kind and found.name)
