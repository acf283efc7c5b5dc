"""What the server says about itself: versions, groups and resources, all from one table.

Clients since 1.26 ask `/api` and `/apis` for the aggregated form
(`as=APIGroupDiscoveryList;g=apidiscovery.k8s.io;v=v2`) and then need nothing more; older ones
read APIVersions and APIGroupList and go on to one APIResourceList per group version.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from demo.kubernetes.errors import NotFoundError
from demo.kubernetes.resources import RESOURCES, Resource

Document = dict[str, Any]

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_NOT_FOUND = "the server could not find the requested resource"


def wants_aggregated(accept: str) -> bool:
    """Tell whether an Accept header asks for aggregated discovery v2."""
    wanted = set(AGGREGATED.split(";"))
    return any(
        wanted <= {part.strip() for part in clause.split(";")} for clause in accept.split(",")
    )


def core_versions(address: str) -> Document:
    """Return `/api`: the versions of the core group.

    Args:
        address: host:port under which the client reached the server.
    """
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def groups() -> Document:
    """Return `/apis`: every named group."""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name) for name, _ in _by_group() if name],
    }


def group(name: str) -> Document:
    """Return `/apis/<group>`.

    Raises:
        NotFoundError: When there is no such group.
    """
    if not name or name not in dict(_by_group()):
        raise NotFoundError(_NOT_FOUND, details={})
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}


def resources(group_name: str, version: str) -> Document:
    """Return `/api/v1` or `/apis/<group>/<version>`: the resources of one group version.

    Raises:
        NotFoundError: When there is no such group version.
    """
    rows = [row for row in RESOURCES if (row.group, row.version) == (group_name, version)]
    if not rows:
        raise NotFoundError(_NOT_FOUND, details={})
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": rows[0].api_version,
        "resources": [
            {
                "name": row.plural,
                "singularName": row.kind.lower(),
                "namespaced": row.namespaced,
                "kind": row.kind,
                "verbs": row.verbs,
                "shortNames": row.short_names,
            }
            for row in rows
        ],
    }


def aggregated(*, core: bool) -> Document:
    """Return the aggregated form of `/api` (core) or `/apis` (all named groups)."""
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            _aggregated_group(name, rows) for name, rows in _by_group() if core is (name == "")
        ],
    }


def version(git_version: str) -> Document:
    """Return `/version` for a version such as "v1.34.1"."""
    major, minor, _ = git_version.removeprefix("v").split(".", 2)
    return {
        "major": major,
        "minor": minor,
        "gitVersion": git_version,
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2025-01-01T00:00:00Z",
        "goVersion": "go1.24.0",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def _by_group() -> Iterable[tuple[str, list[Resource]]]:
    ordered = sorted(RESOURCES, key=lambda row: row.group)
    return [(name, list(rows)) for name, rows in groupby(ordered, key=lambda row: row.group)]


def _versions(rows: Iterable[Resource]) -> Iterable[tuple[str, list[Resource]]]:
    return [(name, list(found)) for name, found in groupby(rows, key=lambda row: row.version)]


def _group(name: str) -> Document:
    entries = [
        {"groupVersion": f"{name}/{version}", "version": version}
        for version, _ in _versions(dict(_by_group())[name])
    ]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _aggregated_group(name: str, rows: Iterable[Resource]) -> Document:
    return {
        "metadata": {"name": name, "creationTimestamp": None} if name else {},
        "versions": [
            {
                "version": version,
                "freshness": "Current",
                "resources": [_aggregated_resource(row) for row in found],
            }
            for version, found in _versions(rows)
        ],
    }


def _aggregated_resource(row: Resource) -> Document:
    return {
        "resource": row.plural,
        "responseKind": {"group": row.group, "version": row.version, "kind": row.kind},
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "singularResource": row.kind.lower(),
        "verbs": row.verbs,
        "shortNames": row.short_names,
    }
