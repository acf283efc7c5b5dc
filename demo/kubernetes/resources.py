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
        plural: For example "pods"; unique in its group.
        group: API group; "" is the core group.
        version: API version.
        namespaced: Whether its objects live in namespaces.
        short_names: What kubectl accepts besides the name.
        own_fields: What `fieldSelector` knows beside name and namespace.
        blank: The members, beside metadata, of an object of Go's zero value: bookmarks carry them.
        writable: Whether clients may create and update its objects; the others only the store.
        patched: Whether clients may patch its objects.
        stored: Whether there are objects of it at all; a review is answered and forgotten.
        custom: Whether a CustomResourceDefinition made it, not Kubernetes itself.
    """

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    own_fields: tuple[Field, ...] = ()
    blank: str = '"spec":{},"status":{}'
    writable: bool = False
    patched: bool = False
    stored: bool = True
    custom: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other resource: its group and plural."""
        return self.group, self.plural

    @property
    def qualified(self) -> str:
        """Its full name as kubectl writes it: "pods", "jobs.batch"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def verbs(self) -> tuple[str, ...]:
        """What clients may do with it."""
        if not self.stored:
            return ("create",)
        written = ("create", "update") if self.writable else ()
        return ("get", "list", "watch", *written, *(("patch",) if self.patched else ()))

    @property
    def api_version(self) -> str:
        """The `apiVersion` its objects carry."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def details(self, name: str) -> dict[str, str]:
        """Return a Status' `details` about one of its objects."""
        about = {"name": name, "kind": self.plural}
        return about | ({"group": self.group} if self.group else {})

    @property
    def fields(self) -> tuple[Field, ...]:
        """Everything `fieldSelector` knows, in the order of an entry's facts."""
        names = (_field("metadata.name"), _field("metadata.namespace"))
        return (names if self.namespaced else names[:1]) + self.own_fields

    def typed(self, content: bytes) -> bytes:
        """Put kind and apiVersion, which items of a list lack, in front of an encoded object."""
        head = f'{{"kind":"{self.kind}","apiVersion":"{self.api_version}",'.encode()
        return head + content[1:]


def _custom(kind: str, group: str, version: str, *short_names: str) -> Resource:
    """A resource of a CustomResourceDefinition: its zero value is nothing but metadata."""
    plural = f"{kind.lower()}s"
    return Resource(kind, plural, group, version, short_names=short_names, blank="", custom=True)


# Kinds of well-known operators that own pods, or what owns them: group, version, kinds.
_CUSTOM = (
    ("jobset.x-k8s.io", "v1alpha2", (("JobSet",),)),
    ("leaderworkerset.x-k8s.io", "v1", (("LeaderWorkerSet", "lws"),)),
    ("ray.io", "v1", (("RayCluster",), ("RayCronJob",), ("RayJob",), ("RayService",))),
    ("kubeflow.org", "v1", (
        ("PyTorchJob",), ("MPIJob",), ("TFJob",), ("XGBoostJob",), ("PaddleJob",), ("JAXJob",),
    )),
    ("trainer.kubeflow.org", "v1alpha1", (("TrainJob",),)),
    ("batch.volcano.sh", "v1alpha1", (("Job", "vcjob", "vj"),)),
    ("argoproj.io", "v1alpha1", (("Workflow", "wf"), ("CronWorkflow", "cwf"), ("Rollout", "ro"))),
    ("serving.kserve.io", "v1beta1", (("InferenceService", "isvc"),)),
    ("sparkoperator.k8s.io", "v1beta2", (
        ("SparkApplication", "sparkapp"), ("ScheduledSparkApplication", "scheduledsparkapp"),
    )),
)  # fmt: skip

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
        patched=True,
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
    Resource(
        kind="Lease",
        plural="leases",
        group="coordination.k8s.io",
        blank='"spec":{}',
        writable=True,
    ),
    Resource(
        kind="TokenReview",
        plural="tokenreviews",
        group="authentication.k8s.io",
        namespaced=False,
        stored=False,
    ),
    Resource(
        kind="ResourceClaim",
        plural="resourceclaims",
        group="resource.k8s.io",
        blank='"spec":{"devices":{}},"status":{}',
    ),
    Resource(
        kind="ResourceSlice",
        plural="resourceslices",
        group="resource.k8s.io",
        namespaced=False,
        own_fields=(_field("spec.nodeName"), _field("spec.driver")),
        blank='"spec":{"driver":"","pool":{"name":"","generation":0,"resourceSliceCount":0}}',
    ),
    Resource(
        kind="DeviceClass",
        plural="deviceclasses",
        group="resource.k8s.io",
        namespaced=False,
        blank='"spec":{}',
    ),
    *(
        _custom(kind, group, version, *short_names)
        for group, version, kinds in _CUSTOM
        for kind, *short_names in kinds
    ),
)

_BY_PATH = {(row.group, row.version, row.plural): row for row in RESOURCES}
_BY_KIND = {(row.api_version, row.kind): row for row in RESOURCES}
# A bare name that several groups use means the first of them in the table, as with kubectl.
_BY_NAME = {
    name: row
    for row in reversed(RESOURCES)
    for name in (row.kind, row.plural, row.qualified, f"{row.kind}.{row.group}")
}


def at(group: str, version: str, plural: str) -> Resource | None:
    """Return the resource that a URL names; None when there is none."""
    return _BY_PATH.get((group, version, plural))


def named(name: str) -> Resource:
    """Return the resource of a kind or plural, bare ("Pod", "jobs") or with its group.

    Args:
        name: "jobs" is Kubernetes' own; "jobs.batch.volcano.sh" and "Job.batch.volcano.sh" are not.

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
    kind, version = str(content.get("kind")), content.get("apiVersion")
    if version is None:
        return named(kind)
    found = _BY_KIND.get((str(version), kind))
    if found is None:
        first = named(kind)
        raise UnknownKindError(
            f"no {kind} in {version!r}: this server knows it in {first.api_version}"
        )
    return found
