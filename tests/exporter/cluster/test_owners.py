"""Owners that nobody described are asked for, once needed, and forgotten when they are not."""

from tests.support.objects import Object, owned, owner, pod, reference
from tests.support.scrape import Relay

LWS = reference("LeaderWorkerSet", "lws", uid="uid-top")
LEADER_SET = owner("StatefulSet", "lws", LWS)
WORKER_SET = owner("StatefulSet", "lws-0", reference("Pod", "lws-0", uid="uid-leader"))


def leader(gpus: int | None = 1) -> Object:
    """Return the pod that leads a group."""
    return pod("lws-0", gpus, uid="uid-leader", **owned(reference("StatefulSet", "lws")))


def worker(name: str = "lws-0-1") -> Object:
    """Return a pod of the group."""
    return pod(name, **owned(reference("StatefulSet", "lws-0")))


def workloads(relay: Relay) -> dict[str, str]:
    """Return type and name of every pod's workload."""
    found = {}
    for line in relay.scrape().of("gpu_pod_info"):
        labels = dict(part.split("=") for part in line.partition("{")[2].split(",")[:8])
        kind, name = labels["workload_type"], labels["workload_name"]
        found[labels["pod"].strip('"')] = f"{kind} {name}".replace('"', "")
    return found


def test_a_leader_that_is_a_gpu_pod() -> None:
    """Workers belong to their leader's set, and the leader need not be asked for."""
    relay = Relay().put(LEADER_SET, WORKER_SET, leader(), worker())
    expected = {"lws-0": "LeaderWorkerSet lws", "lws-0-1": "LeaderWorkerSet lws"}

    assert expected == workloads(relay)
    assert [("ml", "uid-top")] == sorted(set(relay.wanted))


def test_a_leader_told_of_after_its_workers() -> None:
    """As soon as the leader is known, its workers are named by it."""
    relay = Relay().put(LEADER_SET, WORKER_SET, worker())

    assert {"lws-0-1": "Pod lws-0"} == workloads(relay)
    assert {"LeaderWorkerSet lws"} == set(workloads(relay.put(leader())).values())


def test_a_leader_without_gpus_is_asked_for() -> None:
    """It is wanted, and its answer names the workers."""
    relay = Relay().put(LEADER_SET, WORKER_SET, leader(None), worker())

    assert {"lws-0-1": "Pod lws-0"} == workloads(relay)
    assert [("ml", "uid-leader")] == relay.wanted
    assert {"lws-0-1": "LeaderWorkerSet lws"} == workloads(relay.answer(leader(None)))


def test_what_was_asked_for_is_forgotten_with_its_last_pod() -> None:
    """Nobody tells when such an owner goes: it is kept for as long as a pod is below it."""
    relay = Relay().put(LEADER_SET, WORKER_SET, worker("a"), worker("b"))
    relay.scrape()
    relay.answer(leader(None))

    assert 3 == relay.counts()["owners"]

    relay.scrape()
    relay.drop(worker("a")).scrape()

    assert 3 == relay.counts()["owners"]
    assert 2 == relay.drop(worker("b")).counts()["owners"]


def test_an_answer_that_comes_too_late() -> None:
    """An owner that no pod needs any more is not kept."""
    relay = Relay().put(WORKER_SET, worker())
    relay.scrape()
    relay.drop(worker()).answer(leader(None))

    assert 1 == relay.counts()["owners"]


def test_an_owner_that_takes_the_uid_of_a_pod() -> None:
    """Only owners that are pods are looked for among the pods."""
    relay = Relay().put(pod("a", uid="same"), pod("b", **owned(reference("Cron", "c", uid="same"))))

    assert "Cron c" == workloads(relay)["b"]
    assert [("ml", "same")] == relay.wanted
