"""A pod's workload: from owner references and labels to the labels of `gpu_pod_info`."""

import re

import pytest

from exporter.cluster.objects.workload import Workload
from tests.support.objects import Object, owned, owner, pod, reference
from tests.support.podlines import workload_of
from tests.support.scrape import Relay, Scrape, scrape

JOBSET = "jobset.sigs.k8s.io/jobset-name"
LWS = "leaderworkerset.sigs.k8s.io/name"
RAY = {"ray.io/originated-from-crd": "RayJob", "ray.io/originated-from-cr-name": "tune"}


def named(told: Scrape) -> tuple[str, str, str]:
    """Return workload type, name and UID of the only pod."""
    (line,) = told.of("gpu_pod_info")
    found = dict(re.findall(r'(\w+)="([^"]*)"', line))
    return found["workload_type"], found["workload_name"], found["owner"]


def chain(*references: Object) -> Object:
    """Return a pod with these owners."""
    return pod(**owned(*references))


def test_a_bare_pod() -> None:
    """A pod that nobody controls is its own workload."""
    assert ("Pod", "p1", "uid-p1") == named(scrape(pod()))


def test_a_deployment_by_its_objects() -> None:
    """Pod → ReplicaSet → Deployment."""
    middle = owner("ReplicaSet", "web-7f9", reference("Deployment", "web"))

    assert ("Deployment", "web", "uid-web") == named(
        scrape(middle, chain(reference("ReplicaSet", "web-7f9")))
    )


def test_an_owner_that_comes_after_its_pod() -> None:
    """Resources are watched apart, so a pod may be there first: it is named anew."""
    middle = owner("ReplicaSet", "web-7f9", reference("Deployment", "web"))
    relay = Relay().put(chain(reference("ReplicaSet", "web-7f9")))

    assert ("ReplicaSet", "web-7f9", "uid-web-7f9") == named(relay.scrape())
    assert ("Deployment", "web", "uid-web") == named(relay.put(middle).scrape())


def test_a_deployment_by_label_only() -> None:
    """Where ReplicaSets may not be read, the pod's template hash tells the name."""
    it = pod(labels={"pod-template-hash": "7f9"}, **owned(reference("ReplicaSet", "web-7f9")))
    other = pod(labels={"pod-template-hash": "abc"}, **owned(reference("ReplicaSet", "web-7f9")))

    assert ("Deployment", "web", "uid-web-7f9") == named(scrape(it))
    assert ("ReplicaSet", "web-7f9", "uid-web-7f9") == named(scrape(other))


def test_a_cron_job() -> None:
    """Pod → Job → CronJob."""
    middle = owner("Job", "nightly-1", reference("CronJob", "nightly"))

    assert ("CronJob", "nightly", "uid-nightly") == named(
        scrape(middle, chain(reference("Job", "nightly-1")))
    )


@pytest.mark.parametrize(
    ("top", "labels", "kind", "name"),
    [
        (reference("Job", "sim-workers-0"), {JOBSET: "sim"}, "JobSet", "sim"),
        (reference("Job", "sim"), {}, "Job", "sim"),
        (reference("StatefulSet", "llm-0"), {LWS: "llm"}, "LeaderWorkerSet", "llm"),
        (reference("Pod", "llm-0"), {LWS: "llm"}, "LeaderWorkerSet", "llm"),
        (reference("RayCluster", "tune-x1"), RAY, "RayJob", "tune"),
        (reference("RayCluster", "tune-x1"), {}, "RayCluster", "tune-x1"),
        (reference("PyTorchJob", "bert"), {JOBSET: "other"}, "PyTorchJob", "bert"),
    ],
    ids=["JobSet", "Job", "LWS leader", "LWS worker", "RayJob", "RayCluster", "other"],
)
def test_names_from_labels(top: Object, labels: dict[str, str], kind: str, name: str) -> None:
    """What lies above the last owner we may read, its controllers tell by label."""
    it = pod(labels=labels, **owned(top))

    assert (kind, name, top["uid"]) == named(scrape(it))


def test_a_leader_worker_set_through_a_pod() -> None:
    """A worker's chain passes through its leader's pod: StatefulSet → Pod → and then the label."""
    group = owner("StatefulSet", "llm-0", reference("Pod", "llm-0", uid="uid-leader"))
    it = pod("llm-0-1", labels={LWS: "llm"}, **owned(reference("StatefulSet", "llm-0")))

    assert ("LeaderWorkerSet", "llm", "uid-leader") == named(scrape(group, it))


def test_a_mirror_pod() -> None:
    """A static pod's mirror object is owned by its node; a file of the kubelet's started it."""
    it = pod("dcgm-n1", **owned(reference("Node", "n1")))

    assert ("StaticPod", "dcgm-n1", "uid-dcgm-n1") == named(scrape(it))


def test_a_cycle() -> None:
    """Owners that own each other end the chain where it would begin again."""
    first = owner("Job", "a", reference("Job", "b"))
    second = owner("Job", "b", reference("Job", "a"))

    assert ("Job", "b", "uid-b") == named(scrape(first, second, chain(reference("Job", "a"))))


def test_a_chain_too_long() -> None:
    """Eight owners are followed and no more."""
    links = [owner("Job", f"j{n}", reference("Job", f"j{n + 1}")) for n in range(1, 12)]

    assert ("Job", "j8", "uid-j8") == named(scrape(*links, chain(reference("Job", "j1"))))


@pytest.mark.parametrize("controller", [False, None])
def test_owners_that_do_not_control(*, controller: bool | None) -> None:
    """Two owners of which none is the controller leave the pod its own workload."""
    owners = [reference("Job", name, controller=controller) for name in ("a", "b")]

    assert ("Pod", "p1", "uid-p1") == named(scrape(chain(*owners)))


def test_the_controller_among_the_owners() -> None:
    """The controller counts wherever it stands in the list, for pods and for owners alike."""
    bystander = reference("Queue", "q", controller=None)
    middle = owner("Job", "nightly-1", bystander, reference("CronJob", "nightly"))
    it = chain(bystander, reference("Job", "nightly-1"))

    assert ("CronJob", "nightly", "uid-nightly") == named(scrape(middle, it))


def test_an_owner_deleted_before_its_pod() -> None:
    """A pod that outlives its ReplicaSet keeps the Deployment's name, through later changes too."""
    middle = owner("ReplicaSet", "web-7f9", reference("Deployment", "web"))
    it = chain(reference("ReplicaSet", "web-7f9"))
    relay = Relay().put(middle, it)
    relay.scrape()
    relay.drop(middle).put(it | {"status": {"phase": "Pending"}})

    assert ("Deployment", "web", "uid-web") == named(relay.scrape())


def test_an_owner_left_out_of_a_new_list() -> None:
    """The same holds when a list no longer has it."""
    middle = owner("ReplicaSet", "web-7f9", reference("Deployment", "web"))
    relay = Relay().replace_owners("ReplicaSet", [middle, owner("ReplicaSet", "other")])
    relay.put(chain(reference("ReplicaSet", "web-7f9"))).scrape()
    relay.replace_owners("ReplicaSet", [])

    assert 0 == relay.counts()["owners"]
    assert ("Deployment", "web", "uid-web") == named(relay.scrape())


def test_a_pod_adopted_by_another() -> None:
    """Only the chain that a pod still has is remembered: a new controller gives a new name."""
    middle = owner("ReplicaSet", "web-7f9", reference("Deployment", "web"))
    relay = Relay().put(middle, chain(reference("ReplicaSet", "web-7f9")))
    relay.scrape()
    relay.put(chain(reference("ReplicaSet", "api-1c2")))

    assert ("ReplicaSet", "api-1c2", "uid-api-1c2") == named(relay.scrape())


def test_an_owner_that_changes_hands() -> None:
    """A ReplicaSet adopted by another Deployment takes its pods along."""
    it = chain(reference("ReplicaSet", "web-7f9"))
    relay = Relay().put(owner("ReplicaSet", "web-7f9", reference("Deployment", "web")), it)
    relay.scrape()
    relay.put(owner("ReplicaSet", "web-7f9", reference("Deployment", "api")))

    assert ("Deployment", "api", "uid-api") == named(relay.scrape())


def test_a_label_that_comes_later() -> None:
    """A pod's labels may change: with the same owners the newest ones name it."""
    top = reference("Job", "sim-workers-0")
    relay = Relay().put(pod(**owned(top)))
    relay.scrape()
    relay.put(pod(labels={JOBSET: "sim"}, **owned(top)))

    assert ("JobSet", "sim", "uid-sim-workers-0") == named(relay.scrape())


def test_a_pod_of_the_same_uid_forgets_its_name_once_gone() -> None:
    """What is remembered of a pod ends with it."""
    middle = owner("ReplicaSet", "web-7f9", reference("Deployment", "web"))
    it = chain(reference("ReplicaSet", "web-7f9"))
    relay = Relay().put(middle, it)
    relay.scrape()
    relay.drop(middle, it).put(it)

    assert ("ReplicaSet", "web-7f9", "uid-web-7f9") == named(relay.scrape())


# --- all chains, and what stands in for the owners that may not be read ---


def told(found: Workload) -> tuple[str, str, str, str]:
    """Return group, kind, name and UID of a workload."""
    return found.group, found.kind, found.name, found.uid


def missing(found: Workload) -> str:
    """Return the name of the owner nobody told of; empty when all were known."""
    return found.missing.name if found.missing else ""


CHAINS: dict[str, list[tuple[str, str]]] = {
    "Deployment": [("ReplicaSet", "web-7f9"), ("Deployment", "web")],
    "CronJob": [("Job", "nightly-1"), ("CronJob", "nightly")],
    "TrainJob": [("Job", "bert-node-0"), ("JobSet", "bert"), ("TrainJob", "bert")],
    "RayJob": [("RayCluster", "tune-x1"), ("RayJob", "tune")],
    "RayJob submitter": [("Job", "tune-x"), ("RayJob", "tune")],
    "LWS leader": [("StatefulSet", "llm"), ("LeaderWorkerSet", "llm")],
    "LWS worker": [
        ("StatefulSet", "llm-0"), ("Pod", "llm-0"), ("StatefulSet", "llm"),
        ("LeaderWorkerSet", "llm"),
    ],
    "Spark executor": [("Pod", "etl-driver"), ("SparkApplication", "etl")],
    "PyTorchJob": [("PyTorchJob", "bert")],
    "DaemonSet": [("DaemonSet", "dcgm")],
    "Workflow": [("Workflow", "dag")],
}  # fmt: skip


def linked(links: list[tuple[str, str]]) -> list[Object]:
    """Return references to these owners; each has a UID of its own, whatever it is called."""
    return [reference(kind, name, uid=f"uid-{n}") for n, (kind, name) in enumerate(links)]


@pytest.mark.parametrize("links", CHAINS.values(), ids=CHAINS)
def test_every_chain(links: list[tuple[str, str]]) -> None:
    """With all owners known the topmost is the workload, and nobody needs to be asked."""
    references = linked(links)
    above = [
        owner(kind, name, *references[n + 1 : n + 2]) | {"metadata": meta}
        for n, (kind, name) in enumerate(links)
        for meta in [{"name": name, "uid": f"uid-{n}"} | owned(*references[n + 1 : n + 2])]
    ]
    found = workload_of(chain(references[0]), *above)
    group = references[-1]["apiVersion"].rpartition("/")[0]

    assert (group, *links[-1], f"uid-{len(links) - 1}") == told(found)
    assert "" == missing(found)


@pytest.mark.parametrize("links", CHAINS.values(), ids=CHAINS)
def test_every_chain_cut_short(links: list[tuple[str, str]]) -> None:
    """Without any owner the pod's own controller is the answer, and the one to be asked for."""
    first = linked(links)[0]
    found = workload_of(chain(first))
    group = first["apiVersion"].rpartition("/")[0]

    assert (group, *links[0], "uid-0") == told(found)
    assert links[0][1] == missing(found)


def test_jobs_of_two_api_groups() -> None:
    """Two Jobs of one name stay two workloads: the group tells them apart."""
    kubernetes = workload_of(chain(reference("Job", "train")))
    volcano = workload_of(chain(reference("Job", "train", version="batch.volcano.sh/v1alpha1")))

    assert ("batch", "batch.volcano.sh") == (kubernetes.group, volcano.group)
    assert (kubernetes.kind, kubernetes.name) == (volcano.kind, volcano.name)


def test_an_owner_known_to_be_the_top() -> None:
    """Labels stand in for owners that may not be read, not for owners that are not there."""
    it = pod(labels={"pod-template-hash": "7f9"}, **owned(reference("ReplicaSet", "web-7f9")))
    found = workload_of(it, owner("ReplicaSet", "web-7f9"))

    assert ("ReplicaSet", "web-7f9", "") == (found.kind, found.name, missing(found))


def test_an_owner_missing_half_way() -> None:
    """The first owner nobody told of is the one to ask for; a name by label does not hide it."""
    job = owner("Job", "bert-node-0", reference("JobSet", "bert"))
    it = pod(labels={JOBSET: "bert"}, **owned(reference("Job", "bert-node-0")))

    assert "bert" == missing(workload_of(it, job))
    assert "bert-node-0" == missing(workload_of(it))


def test_nobody_is_asked_for_a_node_or_in_a_cycle() -> None:
    """A static pod's node is no owner to look up, and a cycle's are all known."""
    cycle = [
        owner("Job", "a", reference("Job", "b")),
        owner("Job", "b", reference("Job", "a")),
    ]

    assert "" == missing(workload_of(chain(reference("Node", "n1"))))
    assert "" == missing(workload_of(chain(reference("Job", "a")), *cycle))
    assert "" == missing(workload_of(pod()))
