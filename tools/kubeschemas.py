"""Writes schemas as kubeconform reads them, each in one file: `… FOLDER VERSION CRD.yaml …`.

Kubernetes' own come from the package kubernetes-validate, custom resources' from their CRDs.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

_KINDS = (
    *("clusterrole-rbac", "clusterrolebinding-rbac", "role-rbac", "rolebinding-rbac"),
    *("configmap", "persistentvolumeclaim", "pod", "service", "serviceaccount"),
    *("daemonset-apps", "deployment-apps", "horizontalpodautoscaler-autoscaling/v2"),
    *("ingress-networking", "networkpolicy-networking", "poddisruptionbudget-policy"),
)
_BUNDLE = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
_REFERENCE = re.compile(r'"(?:/api/_definitions\.json)?#/\$defs/([^"]+)"')


def main(arguments: Sequence[str]) -> int:
    """Write a file for each version of each resource; return the status."""
    folder, version, *files = arguments
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, schema in builtin(_BUNDLE / f"v{version}-local-strict"):
        (Path(folder) / f"{name}.json").write_text(json.dumps(schema))
    for file in files:
        for name, schema in custom(yaml.safe_load(Path(file).read_text())):
            (Path(folder) / f"{name}.json").write_text(json.dumps(schema))
    return 0


def builtin(bundle: Path) -> Iterator[tuple[str, Any]]:
    """Yield KIND-GROUP-VERSION and schema of what a chart installs, with all it refers to."""
    definitions = json.loads((bundle / "_definitions.json").read_text())["$defs"]
    for kind in _KINDS:
        group, _, version = kind.partition("/")
        name = f"{group}-{version or 'v1'}"
        schema = json.loads((bundle / f"{name}.json").read_text())
        yield name, json.loads(_local(schema | {"$defs": _reached(schema, definitions)}))


def _reached(schema: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    ahead = set(_REFERENCE.findall(json.dumps(schema)))
    while ahead:
        name = ahead.pop()
        found[name] = definitions[name]
        ahead |= set(_REFERENCE.findall(json.dumps(found[name]))) - set(found)
    return found


def _local(schema: Any) -> str:
    return _REFERENCE.sub(r'"#/$defs/\1"', json.dumps(schema))


def custom(resource: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield KIND-GROUP-VERSION and the strict schema of each version of a CRD."""
    spec = resource["spec"]
    group = spec["group"].partition(".")[0]
    for version in spec["versions"]:
        name = f"{spec['names']['kind']}-{group}-{version['name']}".lower()
        yield name, strict(version["schema"]["openAPIV3Schema"])


def strict(schema: Any) -> Any:
    """Return *schema* so that it refuses fields which the API server would drop."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: strict(value) for key, value in schema.items()}
    closed = not inner.get("x-kubernetes-preserve-unknown-fields")
    # A property may itself be called `properties`: only an object's own are meant.
    if closed and inner.get("type") == "object" and isinstance(inner.get("properties"), dict):
        inner.setdefault("additionalProperties", False)
    if inner.get("x-kubernetes-int-or-string") is True:
        inner["type"] = ["integer", "string"]
    return inner


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
