"""What every pod of ours must be like, and the few exceptions, by name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.manifests import Object, of_kind, pods

NODE_EXPORTER = "-node-exporter"
"""How the one pod ends that is root: the kubelet's socket is open to nobody else."""
HELM_TEST = "-test"
"""How the one pod ends that serves nothing and is gone within seconds."""
_KUBELET = "/var/lib/kubelet/pod-resources"
_HOST = ("hostNetwork", "hostIPC", "hostPID", "hostUsers", "shareProcessNamespace")
_VOLUMES = {"hostPath", "emptyDir", "configMap", "secret", "persistentVolumeClaim"}
_OF_CONTAINER = {"allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"}
_OF_POD = {"runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy"}
_ONE_VERSION = re.compile(r"[^:@]+(:(?!latest$)[\w.-]+)?(@sha256:[0-9a-f]{64})?")
_SECRET = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIAL|://[^/@]*:[^/@]*@", re.IGNORECASE)
_PROBES = {"startupProbe", "livenessProbe", "readinessProbe"}


def faults(name: str, pod: Any, *, may_see_processes: bool = False) -> list[str]:
    """Return what of a pod of ours is not as it must be.

    Args:
        name: Of what starts it.
        pod: Its specification.
        may_see_processes: Whether the node exporter's `hostPID` was asked for.
    """
    containers = [one for key, found in pod.items() if _holds(key) for one in found]
    found = [what for what, good in _of_pod(name, pod, may_see_processes).items() if not good]
    found += [what for volume in pod.get("volumes", ()) for what in _of_volume(name, pod, volume)]
    for container in containers:
        checks = _of_container(container)
        if container in pod["containers"] and not name.endswith(HELM_TEST):
            checks["is probed"] = set(container) >= _PROBES
        found += [what for what, good in checks.items() if not good]
    return [f"{name}: {what}" for what in found]


def unwatched(objects: Sequence[Object]) -> list[str]:
    """Return the pods that no NetworkPolicy keeps from being asked by everybody."""
    policies = [
        one["spec"]["podSelector"]["matchLabels"].items()
        for one in of_kind(objects, "NetworkPolicy")
        if "Ingress" in one["spec"]["policyTypes"]
        # A rule without anybody stands for everybody.
        and all(rule.get("from") for rule in one["spec"]["ingress"])
    ]
    return [
        name
        for name, _, labels in pods(objects)
        if not name.endswith(HELM_TEST) and not any(it <= labels.items() for it in policies)
    ]


def idle_tokens(objects: Sequence[Object]) -> list[str]:
    """Return the pods that are given a token that is good for nothing but to be stolen."""
    bindings = of_kind(objects, "ClusterRoleBinding", "RoleBinding")
    bound = {subject["name"] for one in bindings for subject in one["subjects"]}
    return [
        name
        for name, pod, _ in pods(objects)
        if pod.get("automountServiceAccountToken", True)
        and pod.get("serviceAccountName", "default") not in bound
    ]


def _holds(key: str) -> bool:
    return key.lower().endswith("containers")


def _of_pod(name: str, pod: Any, may_see_processes: bool) -> dict[str, bool]:  # noqa: FBT001
    own = pod.get("securityContext", {})
    root = name.endswith(NODE_EXPORTER) and own.get("runAsUser") == 0
    shared = {key for key in _HOST if pod.get(key)}
    if may_see_processes and name.endswith(NODE_EXPORTER):
        shared.discard("hostPID")
    profile = own.get("seccompProfile")
    return {
        "says whether it gets a token": "automountServiceAccountToken" in pod,
        "root is only for the kubelet's socket": root or own.get("runAsUser", 0) > 0,
        "runs as no root": root or own.get("runAsNonRoot") is True,
        "has the runtime's seccomp profile": profile == {"type": "RuntimeDefault"},
        "has nothing that nobody has judged": set(own) <= _OF_POD | {"seccompProfile"},
        "shares nothing with the host": not shared,
    }


def _of_volume(name: str, pod: Any, volume: Mapping[str, Any]) -> Iterator[str]:
    kinds = set(volume) - {"name"}
    if not kinds <= _VOLUMES:
        yield f"has no volume that nobody has judged: {kinds}"
    if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
        yield "fills no disk"
    if "hostPath" not in volume:
        return
    if not name.endswith(NODE_EXPORTER) or volume["hostPath"]["path"] != _KUBELET:
        yield f"sees no folder of the node: {volume['hostPath']['path']}"
    mounts = [
        mount
        for container in pod["containers"]
        for mount in container.get("volumeMounts", ())
        if mount["name"] == volume["name"]
    ]
    if not all(mount.get("readOnly") for mount in mounts):
        yield "folders of the node are read only"


def _of_container(container: Any) -> dict[str, bool]:
    closed = container.get("securityContext", {})
    asked = container.get("resources", {})
    given = {
        entry["name"]: f"{entry['name']} {entry['value']}"
        for entry in container.get("env", ())
        if entry.get("value")
    }
    return {
        "has no capability": closed.get("capabilities") == {"drop": ["ALL"]},
        "cannot become more": closed.get("allowPrivilegeEscalation") is False,
        "cannot write its root": closed.get("readOnlyRootFilesystem") is True,
        "is like its pod in all else": set(closed) <= _OF_CONTAINER,
        "asks for memory and processor": {"cpu", "memory"} <= set(asked.get("requests", ())),
        "has a limit of memory": "memory" in asked.get("limits", ()),
        "takes no GPU": not any("gpu" in key for part in asked.values() for key in part),
        "is of one version": _is_of_one_version(container["image"]),
        "holds no secret in its text": not any(map(_SECRET.search, given.values())),
        "takes no port of the node": not any(
            "hostPort" in port for port in container.get("ports", ())
        ),
    }


def _is_of_one_version(image: str) -> bool:
    # A registry may have a port.
    named = _ONE_VERSION.fullmatch(image.rpartition("/")[2])
    return bool(named and any(named.groups()))
