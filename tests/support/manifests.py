"""Objects of Kubernetes as files and charts have them, and what every pod of ours must be like."""

import functools
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.chart import KUBERNETES, find_helm

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "deploy" / "helm" / "gpuscope"
PLAIN = ROOT / "deploy" / "kubernetes"
OPERATOR = ("monitoring.coreos.com/v1/PodMonitor", "monitoring.coreos.com/v1/PrometheusRule")

Object = Mapping[str, Any]


def load(text: str) -> list[Object]:
    """Return the objects of *text*."""
    return [one for one in yaml.safe_load_all(text) if one]


@functools.cache
def plain() -> list[Object]:
    """Return all objects of the plain manifests."""
    return [one for path in sorted(PLAIN.glob("*.yaml")) for one in load(path.read_text())]


def of_kind(objects: Sequence[Object], *kinds: str) -> list[Any]:
    """Return those of *objects* that are of one of *kinds*."""
    return [one for one in objects if one["kind"] in kinds]


def named(objects: Sequence[Object], kind: str, name: str) -> Any:
    """Return the one object of that kind and name."""
    (found,) = (one for one in of_kind(objects, kind) if one["metadata"]["name"] == name)
    return found


def pods(objects: Sequence[Object]) -> Iterator[tuple[str, Any, Mapping[str, str]]]:
    """Yield name, specification and labels of each pod that *objects* start."""
    for one in of_kind(objects, "DaemonSet", "Deployment"):
        template = one["spec"]["template"]
        yield one["metadata"]["name"], template["spec"], template["metadata"]["labels"]
    for one in of_kind(objects, "Pod"):
        yield one["metadata"]["name"], one["spec"], one["metadata"]["labels"]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Helm, or skip the test where there is none."""
    program = find_helm()
    if program is None:
        pytest.skip("no helm: tools/gotools installs it")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def template(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Render the chart as `helm template` does for a cluster with the Prometheus Operator."""
    crds = [part for name in OPERATOR for part in ("--api-versions", name)]
    command = ("template", "gpuscope", str(CHART), "--namespace=gpuscope")
    return helm(*command, f"--kube-version={KUBERNETES}", *crds, *arguments)


@functools.cache
def rendered(*arguments: str) -> list[Object]:
    """Return the objects that the chart renders with *arguments*."""
    done = template(*arguments)
    assert done.returncode == 0, done.stderr
    return load(done.stdout)


def faults(name: str, pod: Any) -> list[str]:
    """Return what of a pod of ours is not as it must be."""
    found = []
    own = pod["securityContext"]
    root = own["runAsUser"] == 0
    checks = {
        "says whether it gets a token": "automountServiceAccountToken" in pod,
        "root is only for the kubelet's socket": not root or name.endswith("-node-exporter"),
        "runs as no root": root or own["runAsNonRoot"] is True,
        "has the runtime's seccomp profile": own["seccompProfile"] == {"type": "RuntimeDefault"},
        "is not in the host's network": "hostNetwork" not in pod and "hostIPC" not in pod,
    }
    found += [f"{name}: {what}" for what, good in checks.items() if not good]
    mounted = {mount["name"]: mount for one in pod["containers"] for mount in one["volumeMounts"]}
    found += [
        f"{name}: folders of the node are read only"
        for volume in pod.get("volumes", ())
        if "hostPath" in volume and not mounted[volume["name"]].get("readOnly")
    ]
    return found + [f"{name}: {it}" for one in pod["containers"] for it in _of_container(one)]


def _of_container(container: Any) -> Iterator[str]:
    closed = container["securityContext"]
    asked = container["resources"]
    _, _, tag = container["image"].rpartition(":")
    probes = {"startupProbe", "livenessProbe", "readinessProbe"} & set(container)
    checks = {
        "has no capability": closed["capabilities"] == {"drop": ["ALL"]},
        "cannot become more": closed["allowPrivilegeEscalation"] is False,
        "cannot write its root": closed["readOnlyRootFilesystem"] is True,
        "asks for memory and processor": set(asked["requests"]) == {"cpu", "memory"},
        "has a limit of memory": "memory" in asked["limits"],
        "takes no GPU": not any("gpu" in key for part in asked.values() for key in part),
        "is of one version": "/" not in tag and tag not in ("", "latest"),
        "is probed": len(probes) == len(("startup", "liveness", "readiness")),
    }
    return (what for what, good in checks.items() if not good)
