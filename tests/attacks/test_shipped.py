"""What is shipped gives whoever takes over a part of it little: pods, services, images.

Each rule walks whatever is found, so that what is added tomorrow cannot escape it; and each is
shown to notice when it is broken.
"""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo.stack import ROOT
from tests.support import compose
from tests.support.confined import NODE_EXPORTER, faults, idle_tokens, unwatched
from tests.support.dockerfile import stages
from tests.support.manifests import CHART, Object, named, plain, pods, rendered

pytestmark = pytest.mark.attacks

_VALUES = sorted(CHART.glob("ci/*.yaml"))
# What they turn on or off besides, by name.
_SEES_PROCESSES = {"everything-values"}
_WITHOUT_POLICIES = {"exporters-values"}
_INSTALLED: dict[str, Callable[[], list[Object]]] = {
    "plain": plain,
    "defaults": rendered,
    **{path.stem: lambda path=path: rendered(f"--values={path}") for path in _VALUES},  # type: ignore[misc]
}
_SOURCES = ("deploy", "docs", "demo", "exporter", "queryapi", "grafana", "prometheus")
# All that a service of ours says of itself; whatever else there is gets judged before it is used.
_JUDGED = {
    *("build", "cap_drop", "command", "depends_on", "deploy", "entrypoint", "environment"),
    *("healthcheck", "image", "init", "logging", "networks", "network_mode", "pids_limit", "ports"),
    *("profiles", "read_only", "restart", "secrets", "security_opt", "shm_size"),
    *("stop_grace_period", "tmpfs", "user", "volumes"),
}
_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY", re.IGNORECASE)


@pytest.mark.parametrize("how", _INSTALLED)
def test_every_pod_is_confined(how: str) -> None:
    """No root, no rights, no GPU, nothing of the node's, no disk to fill, no secret in its text."""
    objects = _INSTALLED[how]()
    sees = how in _SEES_PROCESSES

    found = [
        fault
        for name, pod, _ in pods(objects)
        for fault in faults(name, pod, may_see_processes=sees)
    ]
    assert [] == found + idle_tokens(objects)
    assert [] == ([] if how in _WITHOUT_POLICIES else unwatched(objects))


def test_every_manifest_is_walked() -> None:
    """A file with objects of Kubernetes lies in the folder that is read, or in the chart."""
    found = [
        path
        for folder in _SOURCES
        for path in (ROOT / folder).rglob("*.y*ml")
        if re.search(r"^kind: ", path.read_text(), re.MULTILINE)
    ]

    assert found
    assert {"kubernetes", "helm"} >= {path.relative_to(ROOT / "deploy").parts[0] for path in found}


def test_a_pod_is_found_in_whatever_starts_it() -> None:
    """Kinds that nobody uses yet are walked too: jobs, their timetables, sets, lists of them."""
    pod = {"metadata": {"labels": {}}, "spec": {"containers": [{}]}}
    template = {"spec": {"template": pod}}
    kinds: list[dict[str, Any]] = [
        pod,
        template,
        {"spec": {"jobTemplate": template}},
        {"kind": "List", "items": [template]},
    ]
    for one in kinds:
        assert 1 == len(list(pods([{**one, "metadata": {"name": "a"}}])))


def _of_container(**changes: Any) -> Callable[[Any], None]:
    return lambda pod: pod["containers"][0].update(changes)


def _closed(**changes: Any) -> Callable[[Any], None]:
    return lambda pod: pod["containers"][0]["securityContext"].update(changes)


def _of_pod(**changes: Any) -> Callable[[Any], None]:
    return lambda pod: pod.update(changes)


def _own(**changes: Any) -> Callable[[Any], None]:
    return lambda pod: pod["securityContext"].update(changes)


def _volume(**kind: Any) -> Callable[[Any], None]:
    return lambda pod: pod.setdefault("volumes", []).append({"name": "more", **kind})


_OPENED: dict[str, Callable[[Any], None]] = {
    "root": _own(runAsUser=0),
    "perhaps root": _own(runAsNonRoot=False),
    "no user": lambda pod: pod["securityContext"].pop("runAsUser"),
    "more groups": _own(supplementalGroups=[0]),
    "sysctls": _own(sysctls=[{"name": "net.ipv4.ip_forward", "value": "1"}]),
    "any system call": _own(seccompProfile={"type": "Unconfined"}),
    "nothing said": lambda pod: pod.pop("securityContext"),
    "host's network": _of_pod(hostNetwork=True),
    "host's processes": _of_pod(hostPID=True),
    "host's memory": _of_pod(hostIPC=True),
    "each other's processes": _of_pod(shareProcessNamespace=True),
    "perhaps a token": lambda pod: pod.pop("automountServiceAccountToken"),
    "the node's disk": _volume(hostPath={"path": "/"}),
    "the kubelet's folder": _volume(hostPath={"path": "/var/lib/kubelet"}),
    "the engine's socket": _volume(hostPath={"path": "/run/containerd/containerd.sock"}),
    "endless disk": _volume(emptyDir={}),
    "another's disk": _volume(nfs={"server": "a", "path": "/"}),
    "privileged": _closed(privileged=True),
    "more rights": _closed(allowPrivilegeEscalation=True),
    "own root": _closed(readOnlyRootFilesystem=False),
    "a capability": _closed(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    "not all dropped": _closed(capabilities={"drop": ["NET_RAW"]}),
    "root in one container": _closed(runAsUser=0),
    "raw proc": _closed(procMount="Unmasked"),
    "container says nothing": lambda pod: pod["containers"][0].pop("securityContext"),
    "all memory": lambda pod: pod["containers"][0]["resources"].pop("limits"),
    "no share": lambda pod: pod["containers"][0]["resources"].pop("requests"),
    "a GPU": lambda pod: pod["containers"][0]["resources"]["limits"].update({"nvidia.com/gpu": 1}),
    "any version": _of_container(image="gpuscope-api"),
    "the latest": _of_container(image="registry:5000/gpuscope-api:latest"),
    "a password": _of_container(env=[{"name": "PGPASSWORD", "value": "hunter2"}]),
    "a password in a URL": _of_container(env=[{"name": "DB", "value": "redis://:hunter2@redis/0"}]),
    "a port of the node": _of_container(ports=[{"containerPort": 80, "hostPort": 80}]),
    "not probed": lambda pod: pod["containers"][0].pop("livenessProbe"),
    "an open companion": lambda pod: pod["containers"].append({"image": "a:1"}),
    "an open beginning": _of_pod(initContainers=[{"image": "a:1"}]),
    "an open debugger": _of_pod(ephemeralContainers=[{"image": "a:1"}]),
}


@pytest.mark.parametrize("name", ["gpuscope-api", "gpuscope-cluster-exporter"])
@pytest.mark.parametrize("opened", _OPENED)
def test_a_pod_that_is_opened_is_noticed(name: str, opened: str) -> None:
    """Each way to have more than is needed is a fault."""
    pod = copy.deepcopy(named(plain(), "Deployment", name)["spec"]["template"]["spec"])
    _OPENED[opened](pod)

    assert [] != faults(name, pod)


def test_the_node_exporter_is_root_and_nothing_else() -> None:
    """Its exception is bounded: uid 0 for one folder, read only; no capability, no token."""
    name = f"gpuscope{NODE_EXPORTER}"
    shipped = named(plain(), "DaemonSet", name)["spec"]["template"]["spec"]
    own = {"root", "perhaps root"}

    assert [] == faults(name, shipped)
    assert shipped["automountServiceAccountToken"] is False
    assert ["/var/lib/kubelet/pod-resources"] == [
        it["hostPath"]["path"] for it in shipped["volumes"] if "hostPath" in it
    ]
    for opened in _OPENED.keys() - own:
        pod = copy.deepcopy(shipped)
        _OPENED[opened](pod)
        assert [] != faults(name, pod), opened
    writable = copy.deepcopy(shipped)
    writable["containers"][0]["volumeMounts"][0]["readOnly"] = False
    assert [f"{name}: folders of the node are read only"] == faults(name, writable)


def test_a_pod_without_a_policy_is_noticed() -> None:
    """One that no policy selects, or whose policy lets everybody in; and a token for nothing."""
    objects = copy.deepcopy(plain())
    everybody = named(objects, "NetworkPolicy", "gpuscope-api")
    everybody["spec"]["ingress"].append({"ports": [{"port": 8080}]})
    nobody = [one for one in objects if one is not everybody]
    without_rights = [one for one in plain() if not one["kind"].endswith("Binding")]

    assert ["gpuscope-api"] == unwatched(objects)
    assert ["gpuscope-api"] == unwatched(nobody)
    assert ["gpuscope-cluster-exporter"] == idle_tokens(without_rights)


@pytest.mark.parametrize("name", sorted(compose.services()))
def test_a_service_says_nothing_that_nobody_has_judged(name: str) -> None:
    """Neither privileges nor devices nor namespaces of the host, in whatever word there is."""
    service = compose.services()[name]
    networks = {service.get("network_mode", "none")} | set(service.get("networks", ()))
    volumes = [source for source, _, _ in compose.mounts(service)]

    assert set() == service.keys() - _JUDGED
    assert set() == networks - {"none", "default", "store"}
    assert not [source for source in volumes if ".sock" in source or ".." in source]
    assert {"/proc", "/sys"} >= {source for source in volumes if source.startswith("/")}


@pytest.mark.parametrize("name", sorted(compose.services()))
def test_no_secret_is_written_beside_a_service(name: str) -> None:
    """What is called like a secret is empty until somebody sets it, or the name of a file."""
    environment = compose.services()[name].get("environment", {})

    assert {} == {
        key: value
        for key, value in environment.items()
        if _SECRET.search(key) and value and not str(value).startswith("/run/secrets/")
    }


def test_there_are_no_other_files_of_containers() -> None:
    """Every Compose file and every Dockerfile of the repository is one of those that are judged."""
    composed = {
        path for path in _files() if re.search(r"^services:", path.read_text(), re.MULTILINE)
    }
    built = {path for path in _tracked() if re.search(r"(^|\.)Dockerfile|Containerfile", path.name)}

    assert {compose.FILE} == composed
    assert {ROOT / "deploy" / "docker"} == {path.parent for path in built}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "deploy" / "docker").iterdir()), ids=lambda path: path.stem
)
def test_an_image_holds_no_secret_and_fetches_nothing_unnamed(path: Path) -> None:
    """Its variables are no secrets, and nothing comes by ADD or by a program that fetches."""
    arguments, found = stages(path)
    variables = [text for stage in found for word in ("ENV", "ARG") for text in stage.of(word)]
    run = " ".join(text for stage in found for text in stage.of("RUN"))

    assert [] == [text for text in [*variables, *arguments] if _SECRET.search(text)]
    assert [] == [text for stage in found for text in stage.of("ADD")]
    assert not re.search(r"\b(curl|wget|git)\b", run)
    assert all("@sha256:" in value for value in arguments.values())


def _tracked() -> list[Path]:
    return [
        path
        for top in ROOT.iterdir()
        if not top.name.startswith(".") and top.name not in {"build", "dist", "data"}
        for path in ([top] if top.is_file() else top.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _files() -> list[Path]:
    return [path for path in _tracked() if path.suffix in (".yml", ".yaml")]
