"""The resources this server knows: one table, and the ways to look into it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from demo.kubernetes.errors import UnknownKindError


class Field(msgspec.Struct, frozen=True):
    """A field that `fieldSelector` understands.

    Args:
        label: Its name in a selector.
        path: The members that lead to it in an object.
        default: What an absent field selects as.
    """

    label: str
    path: tuple[str, ...]
    default: str

    def read(self, content: Mapping[str, Any]) -> str:
        """Return the field of an object as a selector sees it."""
        value: Any = content
        for step in self.path:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, bool):
            return "true" if value else "false"
        return self.default if value is None else str(value)


def _field(label: str, *, at: str = "", default: str = "") -> Field:
    """A field whose label is also its place in the object, unless *at* names another."""
    return Field(label, tuple((at or label).split(".")), default)


class Resource(msgspec.Struct, frozen=True):
    """One row of the table.

    Args:
        kind: For example "Pod".
        plural: For example "pods"; unique in the table.
        group: API group; "" is the core group.
        version: API version.
        namespaced: Whether its objects live in namespaces.
        short_names: What kubectl accepts besides the name.
        own_fields: What `fieldSelector` knows beside name and namespace.
        blank: The members, beside metadata, of an object of Go's zero value: bookmarks carry them.
    """

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    own_fields: tuple[Field, ...] = ()
    blank: str = '"spec":{},"status":{}'

    @property
    def api_version(self) -> str:
        """The `apiVersion` its objects carry."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def fields(self) -> tuple[Field, ...]:
        """Everything `fieldSelector` knows, in the order of an entry's facts."""
        names = (_field("metadata.name"), _field("metadata.namespace"))
        return (names if self.namespaced else names[:1]) + self.own_fields

    def typed(self, content: bytes) -> bytes:
        """Put kind and apiVersion, which items of a list lack, in front of an encoded object."""
        head = f'{{"kind":"{self.kind}","apiVersion":"{self.api_version}",'.encode()
        return head + content[1:]


# The selectable fields are those of the API server's registry (pkg/registry/*/strategy.go) and
# its field label conversions (pkg/apis/*/v1/conversion.go).
RESOURCES = (
    Resource(
        kind="Node",
        plural="nodes",
        namespaced=False,
        short_names=("no",),
        own_fields=(_field("spec.unschedulable", default="false"),),
        blank='"spec":{},"status":{"daemonEndpoints":{"kubeletEndpoint":{"Port":0}}}',
    ),
    Resource(
        kind="Pod",
        plural="pods",
        short_names=("po",),
        own_fields=(
            _field("spec.nodeName"),
            _field("spec.restartPolicy"),
            _field("spec.schedulerName"),
            _field("spec.serviceAccountName"),
            _field("spec.hostNetwork", default="false"),
            _field("status.phase"),
            _field("status.podIP"),
            _field("status.nominatedNodeName"),
        ),
        blank='"spec":{"containers":null},"status":{}',
    ),
    Resource(
        kind="Namespace",
        plural="namespaces",
        namespaced=False,
        short_names=("ns",),
        own_fields=(_field("status.phase"),),
    ),
    Resource(
        kind="Event",
        plural="events",
        short_names=("ev",),
        own_fields=(
            _field("involvedObject.kind"),
            _field("involvedObject.namespace"),
            _field("involvedObject.name"),
            _field("involvedObject.uid"),
            _field("involvedObject.apiVersion"),
            _field("involvedObject.resourceVersion"),
            _field("involvedObject.fieldPath"),
            _field("reason"),
            _field("reportingComponent"),
            _field("source", at="source.component"),
            _field("type"),
        ),
        blank='"involvedObject":{},"source":{},"firstTimestamp":null,"lastTimestamp":null',
    ),
    Resource(
        kind="ReplicaSet",
        plural="replicasets",
        group="apps",
        short_names=("rs",),
        own_fields=(_field("status.replicas", default="0"),),
        blank='"spec":{"selector":null},"status":{"replicas":0}',
    ),
    Resource(kind="Deployment", plural="deployments", group="apps", short_names=("deploy",)),
    Resource(kind="StatefulSet", plural="statefulsets", group="apps", short_names=("sts",)),
    Resource(kind="DaemonSet", plural="daemonsets", group="apps", short_names=("ds",)),
    Resource(
        kind="Job",
        plural="jobs",
        group="batch",
        own_fields=(_field("status.successful", at="status.succeeded", default="0"),),
    ),
    Resource(kind="CronJob", plural="cronjobs", group="batch", short_names=("cj",)),
)

_BY_PATH = {(row.group, row.version, row.plural): row for row in RESOURCES}
_BY_NAME = {name: row for row in RESOURCES for name in (row.kind, row.plural)}


def at(group: str, version: str, plural: str) -> Resource | None:
    """Return the resource that a URL names; None when there is none."""
    return _BY_PATH.get((group, version, plural))


def named(name: str) -> Resource:
    """Return the resource of a kind ("Pod") or plural ("pods").

    Raises:
        UnknownKindError: When the table has none.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        known = ", ".join(row.kind for row in RESOURCES)
        raise UnknownKindError(f"no resource {name!r}: this server knows {known}") from None


def of(content: Mapping[str, Any]) -> Resource:
    """Return the resource an object belongs to, by its kind and, where given, its apiVersion.

    Raises:
        UnknownKindError: When the table has none.
    """
    resource = named(str(content.get("kind")))
    version = content.get("apiVersion", resource.api_version)
    if version != resource.api_version:
        raise UnknownKindError(
            f"no {resource.kind} in {version!r}: this server knows it in {resource.api_version}"
        )
    return resource
