"""What a pod runs, as digests: equal for pods of one template, different where it matters."""

import copy
import hashlib
import re
from collections.abc import Callable

import pytest

from exporter.cluster.objects.digests import Digests
from exporter.errors import MalformedObject
from tests.support.objects import GPU, Object, container, pod
from tests.support.podlines import record

ENV = [{"name": "SEED", "value": "1"}, {"name": "TOKEN", "value": "secret"}]
TRAIN = container({GPU: 1, "cpu": "4"}) | {
    "image": "registry/train:1",
    "command": ["python", "-m", "train"],
    "args": ["--größe", "9"],
    "workingDir": "/src",
    "env": ENV,
}
VOLUMES = [
    {"name": "data", "persistentVolumeClaim": {"claimName": "corpus"}},
    {"name": "conf", "configMap": {"name": "settings", "optional": True}},
    {"name": "key", "secret": {"secretName": "hub", "defaultMode": 420}},
    {"name": "tmp", "emptyDir": {}},
    {"name": "kube-api-access-abcde", "projected": {"sources": []}},
]
INIT = {"name": "init", "image": "registry/init:1"}


def job(name: str = "p1") -> Object:
    """Return a pod that says all that digests are made of."""
    spec = {
        "containers": [TRAIN],
        "initContainers": [INIT],
        "volumes": VOLUMES,
        "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "one-gpu"}],
    }
    return pod(name, spec=copy.deepcopy(spec))


def digests(it: Object) -> Digests:
    """Return the digests of a pod."""
    found = record(it).digests
    assert found is not None
    return found


def sha256(text: str) -> str:
    """Return the digest of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_what_the_digests_are_of() -> None:
    """Anybody can work them out anew: canonical JSON of the parts, and SHA-256."""
    command = (
        '{"containers":[{"args":["--größe","9"],"command":["python","-m","train"],'
        '"env":["SEED","TOKEN"],"workingDir":"/src"}],'
        '"initContainers":[{"args":[],"command":[],"env":[],"workingDir":""}]}'
    )
    input_root = (
        '{"claims":[["gpu","","one-gpu"]],"images":["registry/train:1"],'
        '"initImages":["registry/init:1"],"volumes":[["conf","configMap","settings"],'
        '["data","persistentVolumeClaim","corpus"],["key","secret","hub"],["tmp","emptyDir",""]]}'
    )
    found = digests(job())

    assert sha256(command) == found.command
    assert sha256(input_root) == found.input_root
    assert re.fullmatch("sha256:[0-9a-f]{64}", found.action)


def test_pods_of_one_template() -> None:
    """Whatever the pods are called and wherever they run, they do the same."""
    first, second = job("p1"), job("p2")
    second["spec"]["volumes"][-1]["name"] = "kube-api-access-vwxyz"
    second["spec"]["nodeName"] = "n2"
    second["status"] = {"phase": "Pending"}
    second["metadata"]["labels"] = {"index": "2"}

    assert digests(first) == digests(second)
    assert digests(first).command is digests(second).command


def test_pods_of_one_stateful_set() -> None:
    """Each has a claim of its own, called after the pod: the template is the same."""
    found = set()
    for name in ("db-0", "db-1"):
        claim = {"name": "data", "persistentVolumeClaim": {"claimName": f"data-{name}"}}
        found.add(digests(pod(name, spec={"volumes": [claim]})).input_root)

    assert 1 == len(found)


def changed(change: Callable[[Object], object]) -> tuple[bool, bool, bool]:
    """Return which of the digests a change of the spec changes: command, input root, action."""
    it = job()
    before = digests(it)
    change(it["spec"])
    after = digests(it)
    return (
        before.command != after.command,
        before.input_root != after.input_root,
        before.action != after.action,
    )


def of_container(**members: object) -> Callable[[Object], object]:
    """Return a change of the container."""
    return lambda spec: spec["containers"][0].update(members)


COMMAND, INPUT, ACTION, NOTHING = (
    (True, False, True), (False, True, True), (False, False, True), (False, False, False),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (of_container(command=["sh"]), COMMAND),
        (of_container(args=None), COMMAND),
        (of_container(workingDir="/"), COMMAND),
        (of_container(env=ENV[:1]), COMMAND),
        (of_container(image="registry/train:2"), INPUT),
        (lambda spec: spec.update(initContainers=None), (True, True, True)),
        (lambda spec: spec["volumes"][0]["persistentVolumeClaim"].update(claimName="x"), INPUT),
        (lambda spec: spec["volumes"].pop(3), INPUT),
        (lambda spec: spec.update(resourceClaims=None), INPUT),
        (lambda spec: spec.update(activeDeadlineSeconds=60), ACTION),
        (lambda spec: spec.update(nodeSelector={"zone": "a"}), ACTION),
        (of_container(resources={"requests": {GPU: 2, "cpu": "4"}}), ACTION),
        (of_container(resources={"requests": {GPU: 1, "cpu": "8"}}), ACTION),
        (of_container(env=ENV[::-1]), NOTHING),
        (of_container(env=[it | {"value": "other"} for it in ENV]), NOTHING),
        (of_container(name="other"), NOTHING),
        (lambda spec: spec["volumes"].reverse(), NOTHING),
        (lambda spec: spec["volumes"][2]["secret"].update(defaultMode=256), NOTHING),
        (lambda spec: spec.update(priority=7), NOTHING),
    ],
)
def test_what_changes_them(
    change: Callable[[Object], object], expected: tuple[bool, bool, bool]
) -> None:
    """The command, what it reads, or where it may run: each changes its digest and the action."""
    assert expected == changed(change)


def test_values_of_variables_stay_secret() -> None:
    """Digests are published: nothing may be guessed from them that could be a secret."""
    it = job()
    it["spec"]["containers"][0]["env"] = [{"name": "SEED", "valueFrom": {"fieldRef": {}}}, ENV[1]]

    assert digests(job()).command == digests(it).command


@pytest.mark.parametrize(
    "spec",
    [
        {"volumes": [{"emptyDir": {}}]},
        {"volumes": [{"name": "a", "configMap": None}]},
        {"volumes": [{"name": "a", "configMap": {}}]},
        {"volumes": None},
        {"containers": [container(1) | {"env": None, "command": None, "image": None}]},
    ],
)
def test_specs_that_leave_things_out(spec: Object) -> None:
    """What is not there has a digest too."""
    assert re.fullmatch("sha256:[0-9a-f]{64}", digests(pod(spec=spec)).input_root)


@pytest.mark.parametrize(
    "spec",
    [
        {"volumes": {"name": "data"}},
        {"volumes": [{"name": 7}]},
        {"volumes": [{"name": "a", "secret": "hub"}]},
        {"containers": [container(1) | {"command": "sh"}]},
        {"containers": [container(1) | {"env": [{"name": 1}]}]},
    ],
)
def test_specs_of_another_shape(spec: Object) -> None:
    """A GPU pod whose parts make no sense is malformed, and only that one is lost."""
    with pytest.raises(MalformedObject):
        record(pod(spec=spec))
