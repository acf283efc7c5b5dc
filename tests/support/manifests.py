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
    # The loader in C: ten times as fast, over megabytes.
    return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]


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
    """Yield name, specification and labels of each pod that *objects* of any kind start."""
    for one in objects:
        for pod in _with_containers(one):
            yield one["metadata"]["name"], pod["spec"], pod["metadata"].get("labels", {})


def _with_containers(value: Any) -> Iterator[Any]:
    """Yield whatever has a specification with containers: pods, and templates of pods."""
    if isinstance(value, dict):
        spec = value.get("spec")
        if isinstance(spec, dict) and "containers" in spec:
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _with_containers(part)


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
