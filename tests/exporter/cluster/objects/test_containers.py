"""What container statuses say: why a pod is as it is, and when it ran."""

import pytest

from exporter.cluster.objects import pods
from exporter.cluster.objects.containers import Activity
from tests.support.objects import EPOCH, Object, at, containers_in, pod, restarted, scheduled
from tests.support.podlines import record

DELETED: Object = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
RUNNING = {"running": {"startedAt": at(10)}}
CRASHED = {"waiting": {"reason": "CrashLoopBackOff"}}


def waiting(reason: str) -> Object:
    """Return the state of a container that waits for this reason."""
    return {"waiting": {"reason": reason}}


def initialising(*states: Object) -> Object:
    """Return the status of a pod whose init containers are in these states."""
    return {"initContainerStatuses": containers_in(*states)["containerStatuses"]}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([waiting("ContainerCreating")], "ContainerCreating"),
        ([waiting("PodInitializing")], "PodInitializing"),
        ([waiting("ImagePullBackOff")], "ImagePullBackOff"),
        ([waiting("ErrImagePull")], "ErrImagePull"),
        ([waiting("CreateContainerConfigError")], "CreateContainerConfigError"),
        ([waiting("ContainerCreating"), waiting("ErrImagePull")], "ErrImagePull"),
        ([waiting("SomethingNew")], "other"),
        ([{"waiting": {}}], ""),
        ([{}], ""),
    ],
)
def test_why_a_pod_does_not_start(states: list[Object], expected: str) -> None:
    """A container that fails tells more than one that merely waits for its turn."""
    it = record(pod(phase="Pending", status=containers_in(*states)))

    assert expected == it.reason
    assert it.holds_gpus


def test_why_a_pod_does_not_get_past_its_initialisation() -> None:
    """An init container that fails is why the app containers are not there yet."""
    status = initialising(CRASHED) | containers_in(waiting("PodInitializing"))

    assert "CrashLoopBackOff" == record(pod(phase="Pending", status=status)).reason


def test_why_a_pod_crashes() -> None:
    """Running out of memory is told apart from other crashes."""
    oom = restarted(CRASHED, {"exitCode": 137, "reason": "OOMKilled"})
    error = restarted(CRASHED, {"exitCode": 1, "reason": "Error"})

    assert (Activity.CRASHING, "OOMKilled") == (
        record(pod(status=oom)).activity,
        record(pod(status=oom)).reason,
    )
    assert "CrashLoopBackOff" == record(pod(status=error)).reason


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Evicted", "Evicted"),
        ("UnexpectedAdmissionError", "UnexpectedAdmissionError"),
        ("NodeShutdown", "NodeShutdown"),
        ("Preempting", "Preempting"),
        ("DeadlineExceeded", "DeadlineExceeded"),
        ("OutOfcpu", "OutOfResource"),
        ("OutOfnvidia.com/gpu", "OutOfResource"),
        ("SomethingNew", "other"),
    ],
)
def test_why_a_pod_failed(said: str, expected: str) -> None:
    """The kubelet's reason stays, and a pod that failed holds nothing though it has a node."""
    it = record(pod(phase="Failed", status={"reason": said}))

    assert (expected, False) == (it.reason, it.holds_gpus)
    assert "terminal" == pods.state(it, node_ready=True)


def ended(code: int, reason: str) -> Object:
    """Return the state of a container that ended so."""
    return {"terminated": {"exitCode": code, "reason": reason}}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (containers_in(ended(1, "Error"), ended(137, "OOMKilled")), "OOMKilled"),
        (containers_in(ended(0, "Completed"), ended(1, "Error")), "Error"),
        (containers_in(ended(1, "SomethingNew")), "other"),
        (initialising(ended(1, "Error")), "Error"),
        ({"conditions": [{"type": "DisruptionTarget", "status": "True",
                          "reason": "DeletionByPodGC"}]}, "DeletionByPodGC"),
        ({}, ""),
    ],
    ids=["out of memory", "error", "new", "initialisation", "collected", "nothing said"],
)  # fmt: skip
def test_why_the_containers_of_a_pod_failed(status: Object, expected: str) -> None:
    """Where the kubelet gives no reason for the pod, its containers' exits do."""
    assert expected == record(pod(phase="Failed", status=status)).reason
    assert "" == record(pod(phase="Succeeded", status=status)).reason


@pytest.mark.parametrize(
    ("said", "expected"),
    [("PreemptionByScheduler", "PreemptionByScheduler"), ("SomethingNew", "other")],
)
def test_who_takes_a_pod_away(said: str, expected: str) -> None:
    """A pod that is being deleted still holds its GPUs, and says who wants it gone."""
    target = {"type": "DisruptionTarget", "status": "True", "reason": said}
    it = record(pod(status={"conditions": [target]}, **DELETED))

    assert (expected, True) == (it.reason, it.holds_gpus)
    assert "" == record(pod(**DELETED)).reason


def test_the_first_of_several_runs() -> None:
    """A restart does not begin a pod's running time anew: the run before it still counts."""
    it = restarted({"running": {"startedAt": at(30)}}, {"startedAt": at(10), "finishedAt": at(29)})

    assert EPOCH + 600 == record(pod(status=it)).started


def test_a_container_that_ended_ran_too() -> None:
    """Of two containers the one that started first tells, though it has ended."""
    done = {"terminated": {"startedAt": at(5), "finishedAt": at(6)}}
    it = record(pod(status=containers_in({"running": {"startedAt": at(10)}}, done)))

    assert (EPOCH + 300, None) == (it.started, it.finished)


def test_a_container_that_could_not_be_started() -> None:
    """It "ran" at the beginning of Unix time, or of Go's, which is when nobody ran."""
    never = [
        {"terminated": {"startedAt": when, "finishedAt": when, "reason": "StartError"}}
        for when in ("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z")
    ]
    it = record(pod(phase="Failed", status=containers_in(*never) | {"startTime": at(5)}))

    assert (None, None, EPOCH + 300) == (it.ran, it.finished, it.started)


def test_runs_that_the_status_forgot() -> None:
    """Kubernetes keeps one run before the present one; of those before, we keep the first."""
    first = record(pod(status=containers_in(RUNNING)))
    third = restarted({"running": {"startedAt": at(50)}}, {"startedAt": at(40)}, restarts=2)
    now = pods.remembering(record(pod(status=third)), first)

    assert EPOCH + 600 == now.started
    assert EPOCH + 600 == pods.remembering(record(pod(phase="Unknown")), now).started


def test_what_is_not_remembered() -> None:
    """Another pod of the same name, an earlier start, and a kubelet's word that was no start."""
    ran = record(pod(status=containers_in(RUNNING)))
    other = record(pod(uid="uid-2", status=containers_in({"running": {"startedAt": at(50)}})))
    earlier = record(pod(status=containers_in({"running": {"startedAt": at(1)}})))
    accepted = record(pod(phase="Pending", status={"startTime": at(5)}))

    assert EPOCH + 3000 == pods.remembering(other, ran).started
    assert earlier is pods.remembering(earlier, ran)
    assert ran is pods.remembering(ran, None)
    assert ran is pods.remembering(ran, ran)
    assert ran is pods.remembering(ran, accepted)


def test_clocks_that_disagree() -> None:
    """Moments are told as they were given: a node's clock may be behind the control plane's."""
    before = {"running": {"startedAt": "2025-12-31T23:59:00Z"}}
    it = record(pod(status=scheduled(at(1)) | containers_in(before)))

    assert (EPOCH, EPOCH + 60, EPOCH - 60) == (it.created, it.scheduled, it.started)
