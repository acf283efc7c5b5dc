"""Writes what the Helm chart takes from the rest of the repository, and plain manifests from it.

`--check` compares. Without Helm the plain manifests are left as they are.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

_ROOT = Path(__file__).parent.parent
_CHART = _ROOT / "deploy" / "helm" / "gpuscope"
_FILES = _CHART / "files"
_PLAIN = _ROOT / "deploy" / "kubernetes"
_NOTE = "# Written by `make chart` from deploy/helm/gpuscope; the rights are in rbac.yaml.\n"
_SOURCES = (
    ("prometheus/rules/*.yml", "rules"),
    ("prometheus/rules/adapters/*.yml", "adapters"),
    ("prometheus/alerts/*.yml", "alerts"),
    ("grafana/dashboards/*.json", "dashboards"),
    ("deploy/kubernetes/rbac.yaml", "."),
)
_MANIFESTS = {
    "node-exporter": "node-exporter",
    "cluster-exporter": "cluster-exporter",
    "api": "query-api",
}
_KIND_ORDER = ("ServiceAccount", "ConfigMap", "PersistentVolumeClaim", "Service")
_RIGHTS = {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}
KUBERNETES = "1.33.0"
"""What is rendered for: a Helm built from source takes an old one for granted."""
_HELMS_OWN = ("helm.sh/chart", "app.kubernetes.io/managed-by", "helm.sh/resource-policy")


def main(arguments: Sequence[str]) -> int:
    """Write what differs and remove what has no source, or only name it; return the status."""
    check = "--check" in arguments
    wanted = dict(copies())
    helm = find_helm()
    if helm is None:
        print("chart: no helm (tools/gotools installs it): deploy/kubernetes is left as it is")
    else:
        wanted |= dict(manifests(render(helm)))
    outdated = [path for path, text in wanted.items() if _text(path) != text]
    strangers = sorted({path for path in _FILES.rglob("*") if path.is_file()} - set(wanted))
    if check:
        for path in (*outdated, *strangers):
            print(f"{path.relative_to(_ROOT)} is out of date: run `make chart`", file=sys.stderr)
        return 1 if outdated or strangers else 0
    for path in outdated:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    for path in strangers:
        path.unlink()
    return 0


def find_helm() -> str | None:
    """Return where Helm is, if it is anywhere."""
    own = _ROOT / ".tools" / "bin" / "helm"
    return str(own) if own.exists() else shutil.which("helm")


def copies() -> Iterator[tuple[Path, str]]:
    """Yield path and text of each file that the chart carries: Helm reads nothing outside it."""
    for pattern, folder in _SOURCES:
        for source in sorted(_ROOT.glob(pattern)):
            yield _FILES / folder / source.name, source.read_text()


def render(helm: str) -> str:
    """Return the chart as it is installed with its own values."""
    command = [helm, "template", "gpuscope", str(_CHART), "--namespace=gpuscope"]
    command += ["--skip-tests", f"--kube-version={KUBERNETES}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own arguments


def manifests(rendered: str) -> Iterator[tuple[Path, str]]:
    """Yield path and text of each plain manifest."""
    objects = [one for one in yaml.safe_load_all(rendered) if one]
    for component, name in _MANIFESTS.items():
        mine = [one for one in objects if _is_part(one, component)]
        texts = (
            yaml.dump(_plain(one), Dumper=_Dumper, sort_keys=False)
            for one in sorted(mine, key=_order)
        )
        yield _PLAIN / f"{name}.yaml", _NOTE + "---\n".join(texts)


def _is_part(one: Mapping[str, Any], component: str) -> bool:
    if one["kind"] in _RIGHTS or (one["kind"] == "ServiceAccount" and component != "api"):
        return False
    labels: Mapping[str, str] = one["metadata"]["labels"]
    return labels["app.kubernetes.io/component"] == component


def _order(one: Mapping[str, Any]) -> tuple[int, str]:
    kind = str(one["kind"])
    return (_KIND_ORDER.index(kind) if kind in _KIND_ORDER else len(_KIND_ORDER), kind)


def _plain(one: dict[str, Any]) -> dict[str, Any]:
    """Return *one* without what is Helm's alone: `kubectl --namespace` says where it goes."""
    plain: dict[str, Any] = _without(one, _HELMS_OWN)
    return plain | {"metadata": _without(plain["metadata"], ("namespace",))}


def _without(node: Any, keys: Sequence[str]) -> Any:
    if isinstance(node, list):
        return [_without(one, keys) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _without(value, keys) for key, value in node.items() if key not in keys}
    # A map that only held such keys goes with them.
    return {key: value for key, value in kept.items() if value != {} or node[key] == {}}


class _Dumper(yaml.SafeDumper):
    """Writes settings as a block."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
