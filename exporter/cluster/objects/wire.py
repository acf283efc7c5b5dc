"""The few fields we read of Kubernetes' JSON, decoded by msgspec.

Every field has a default where Kubernetes may leave it out or write null; a value of the wrong
type is a MalformedObject. Unknown fields cost nothing: msgspec skips them.
"""

from datetime import datetime
from typing import TypeVar

import msgspec

from exporter.errors import MalformedObject


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    """Base of all wire types; `gc=False` because none can take part in a reference cycle."""


class OwnerReference(_Wire):
    """`metadata.ownerReferences[]`."""

    kind: str
    name: str
    uid: str
    api_version: str = ""
    controller: bool | None = None


class Metadata(_Wire):
    """`metadata` of any object."""

    name: str
    uid: str
    namespace: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None


class ObjectWire(_Wire):
    """An object of which only the metadata matters (PartialObjectMetadata)."""

    metadata: Metadata


class IdentityMetadata(_Wire):
    """The part of `metadata` that even an object we cannot use must have to be told apart."""

    uid: str = ""


class Identity(_Wire):
    """An object of which only the identity is read."""

    metadata: IdentityMetadata


Quantities = dict[str, str | int | float]

_ABSENT = msgspec.Raw(b"null")


class Requirements(_Wire):
    """`resources` of a container."""

    requests: Quantities | None = None
    limits: Quantities | None = None


class Container(_Wire):
    """`spec.containers[]` and `spec.initContainers[]`; what only digests read stays undecoded."""

    resources: Requirements | None = None
    restart_policy: str | None = None
    image: str | None = None
    working_dir: str | None = None
    command: msgspec.Raw = _ABSENT
    args: msgspec.Raw = _ABSENT
    env: msgspec.Raw = _ABSENT


class Named(_Wire):
    """Anything of which only the name is read."""

    name: str = ""


class PodClaim(_Wire):
    """`spec.resourceClaims[]`."""

    name: str = ""
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class PodSpec(_Wire):
    """`spec` of a pod; volumes and affinity stay undecoded until somebody needs them."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    node_name: str | None = None
    overhead: Quantities | None = None
    resources: Requirements | None = None
    node_selector: dict[str, str] | None = None
    affinity: msgspec.Raw = _ABSENT
    volumes: msgspec.Raw = _ABSENT
    resource_claims: list[PodClaim] | None = None
    scheduling_gates: list[Named] | None = None
    priority: int | None = None
    priority_class_name: str | None = None
    active_deadline_seconds: int | None = None


class Condition(_Wire):
    """`status.conditions[]` of nodes and pods."""

    type: str
    status: str = "Unknown"
    reason: str | None = None
    message: str | None = None
    last_transition_time: datetime | None = None


class Running(_Wire):
    """`state.running`."""

    started_at: datetime | None = None


class Waiting(_Wire):
    """`state.waiting`."""

    reason: str | None = None


class Terminated(_Wire):
    """`state.terminated` and `lastState.terminated`."""

    reason: str | None = None
    exit_code: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerState(_Wire):
    """`status.containerStatuses[].state` and `.lastState`."""

    running: Running | None = None
    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(_Wire):
    """`status.containerStatuses[]`."""

    state: ContainerState | None = None
    last_state: ContainerState | None = None


class ClaimStatus(_Wire):
    """`status.resourceClaimStatuses[]`: the claim made for one of the pod's own."""

    resource_claim_name: str | None = None


class RequestMapping(_Wire):
    """`status.extendedResourceClaimStatus.requestMappings[]`."""

    resource_name: str = ""


class ExtendedClaim(_Wire):
    """`status.extendedResourceClaimStatus`: the claim that stands for extended resources."""

    resource_claim_name: str | None = None
    request_mappings: list[RequestMapping] | None = None


class PodStatus(_Wire):
    """`status` of a pod."""

    phase: str | None = None
    reason: str | None = None
    start_time: datetime | None = None
    nominated_node_name: str | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    resource_claim_statuses: list[ClaimStatus] | None = None
    extended_resource_claim_status: ExtendedClaim | None = None


class PodWire(_Wire):
    """A pod."""

    metadata: Metadata
    spec: PodSpec
    status: PodStatus = msgspec.field(default_factory=PodStatus)


class Taint(_Wire):
    """`spec.taints[]`."""

    key: str
    effect: str = ""


class NodeSpec(_Wire):
    """`spec` of a node."""

    provider_id: str = msgspec.field(name="providerID", default="")
    unschedulable: bool | None = None
    taints: list[Taint] | None = None


class NodeSystem(_Wire):
    """`status.nodeInfo` of a node."""

    architecture: str = ""
    operating_system: str = ""


class NodeStatus(_Wire):
    """`status` of a node."""

    capacity: Quantities | None = None
    allocatable: Quantities | None = None
    conditions: list[Condition] | None = None
    node_info: NodeSystem | None = None


class NodeWire(_Wire):
    """A node."""

    metadata: Metadata
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)


# msgspec leaves bytes that are not UTF-8 to the codec's own error.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
"""What a decoder raises for bytes that are not of its type."""

POD = msgspec.json.Decoder(PodWire)
NODE = msgspec.json.Decoder(NodeWire)
OBJECT = msgspec.json.Decoder(ObjectWire)
IDENTITY = msgspec.json.Decoder(Identity)


_Kind = TypeVar("_Kind")


def decode(raw: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[_Kind]) -> _Kind:
    """Decode one object with POD, NODE or OBJECT.

    Raises:
        MalformedObject: When it does not have the shape of its kind.
    """
    try:
        return decoder.decode(raw)
    except UNREADABLE as error:
        raise MalformedObject(str(error)) from error


def epoch(moment: datetime | None) -> float | None:
    """Return Unix time; None stays None."""
    return None if moment is None else moment.timestamp()
