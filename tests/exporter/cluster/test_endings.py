"""Pods that ended: shown for a while, counted, and without a hold on anything."""

import pytest

from exporter.cluster.fleet import Scope
from tests.support.objects import EPOCH, Object, at, containers_in, node, pod
from tests.support.scrape import NOW, Relay, text, value

HOUR = 3600.0


def ended(minute: int, phase: str = "Succeeded") -> Object:
    """Return a pod with eight GPUs that ended so many minutes after midnight."""
    run = {"terminated": {"startedAt": at(10), "finishedAt": at(minute)}}
    return pod(gpus=8, phase=phase, status=containers_in(run))


def following(completed_for: float = HOUR) -> Relay:
    """Return a fleet at one in the morning, with a pod that holds all GPUs of a node."""
    relay = Relay(scope=Scope(completed_for=completed_for))
    relay.now = EPOCH + HOUR
    return relay.put(node(), pod(gpus=8, status=containers_in({"running": {"startedAt": at(10)}})))


def test_an_ended_pod_is_shown_for_a_while() -> None:
    """What it was, asked for and when it ended stay; what it held is free at once."""
    told = following().put(ended(50)).scrape()
    expected = text(f"""
        gpu_pod_created_timestamp_seconds{{namespace="ml",pod="p1",uid="uid-p1"}} {EPOCH}
        gpu_pod_finished_timestamp_seconds{{namespace="ml",pod="p1",uid="uid-p1"}} {EPOCH + 3000}
        gpu_pod_info{{namespace="ml",pod="p1",uid="uid-p1",node="n1",workload_type="Pod",workload_name="p1",owner="uid-p1"}} 1
        gpu_pod_requested{{namespace="ml",pod="p1",uid="uid-p1"}} 8
        gpu_pod_start_timestamp_seconds{{namespace="ml",pod="p1",uid="uid-p1"}} {EPOCH + 600}
        gpu_pod_state{{namespace="ml",pod="p1",uid="uid-p1",phase="Succeeded",state="terminal"}} 1
    """)  # noqa: E501 - exposition text cannot be broken

    assert expected == told.of_pods()
    assert 8 == value(told.of("gpu_node_free"))
    assert 'gpu_pods{phase="Succeeded"} 1' in told.lines


def test_then_it_goes() -> None:
    """Its time runs from its end; after that it is one of the pods that are only counted."""
    relay = following().put(ended(50))
    relay.now = EPOCH + 3000 + HOUR - 1

    assert 1 == len(relay.scrape().of("gpu_pod_info"))

    relay.now += 1
    told = relay.scrape()

    assert [] == told.of_pods()
    assert 'gpu_pods{phase="Succeeded"} 0' in told.lines
    assert (1, 0) == (relay.counts()["pods"], relay.counts()["gpu_pods"])
    assert 'gpu_node_completed_pods_total{node="n1",result="succeeded"} 1' in told.lines


def test_it_does_not_come_back() -> None:
    """What is told of it later shows it no more, and its deletion forgets it."""
    relay = following().put(ended(50))
    relay.now += HOUR
    relay.scrape()
    relay.put(ended(50))

    assert [] == relay.scrape().of_pods()
    assert 0 == relay.drop(ended(50)).counts()["pods"]


def test_an_end_that_nobody_dates() -> None:
    """A pod that was evicted before it ran ended when it was first told of."""
    relay = following().put(pod(gpus=8, phase="Failed", status={"reason": "Evicted"}))
    relay.now += HOUR - 1

    assert 1 == len(relay.scrape().of("gpu_pod_info"))

    relay.put(pod(gpus=8, phase="Failed", status={"reason": "Evicted"}))
    relay.now += 1

    assert [] == relay.scrape().of("gpu_pod_info")


@pytest.mark.parametrize(
    ("phase", "result", "kind"),
    [("Succeeded", "succeeded", "PodFinished"), ("Failed", "failed", "PodFailed")],
)
@pytest.mark.parametrize("completed_for", [0, HOUR], ids=["never shown", "shown"])
def test_every_end_is_counted(phase: str, result: str, kind: str, completed_for: float) -> None:
    """However late we hear of it, and though the pod is not shown any more: it ended once."""
    relay = following(completed_for)
    relay.now = NOW
    told = relay.put(ended(50, phase), ended(50, phase)).scrape()

    assert f'gpu_node_completed_pods_total{{node="n1",result="{result}"}} 1' in told.lines
    assert f'gpu_events_total{{type="{kind}"}} 1' in told.lines
    assert [] == told.of_pods()
    assert 8 == value(told.of("gpu_node_free"))


def test_a_pod_that_ended_long_before() -> None:
    """One that is told of for the first time long after its end was never ours to tell of."""
    told = Relay().put(node(), ended(50)).scrape()

    assert [] == told.of_pods()
    assert 'gpu_events_total{type="PodCreated"} 0' in told.lines
    assert 'gpu_node_completed_pods_total{node="n1",result="succeeded"} 0' in told.lines


def test_a_pod_that_is_deleted_while_it_is_shown() -> None:
    """It goes at once, and the happening says how it had ended."""
    told = following().put(ended(50)).drop(ended(50)).scrape()
    (deleted,) = [line for line in told.of("gpu_event_timestamp_seconds") if "PodDeleted" in line]

    assert [] == told.of_pods()
    assert 'message="Pod deleted after it succeeded"' in deleted
