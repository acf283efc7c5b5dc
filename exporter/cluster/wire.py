"""The few fields we read of Kubernetes' JSON, decoded by msgspec.

Every field has a default where Kubernetes may leave it out or write null; a value of the wrong
type is a MalformedObject. Unknown fields cost nothing: msgspec skips them.
"""

from datetime import datetime
from typing import TypeVar

import msgspec

from exporter.errors import ApiServerUnavailable, MalformedObject


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


class Requirements(_Wire):
    """`resources` of a container."""

    requests: Quantities | None = None
    limits: Quantities | None = None


class Container(_Wire):
    """`spec.containers[]` and `spec.initContainers[]`."""

    resources: Requirements | None = None
    restart_policy: str | None = None


class PodSpec(_Wire):
    """`spec` of a pod."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    node_name: str | None = None
    overhead: Quantities | None = None


class Condition(_Wire):
    """`status.conditions[]` of nodes and pods."""

    type: str
    status: str = "Unknown"
    reason: str | None = None


class Running(_Wire):
    """`state.running`."""

    started_at: datetime | None = None


class Waiting(_Wire):
    """`state.waiting`."""

    reason: str | None = None


class ContainerState(_Wire):
    """`status.containerStatuses[].state`."""

    running: Running | None = None
    waiting: Waiting | None = None


class ContainerStatus(_Wire):
    """`status.containerStatuses[]`."""

    state: ContainerState | None = None


class PodStatus(_Wire):
    """`status` of a pod."""

    phase: str | None = None
    start_time: datetime | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None


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

    unschedulable: bool | None = None
    taints: list[Taint] | None = None


class NodeStatus(_Wire):
    """`status` of a node."""

    capacity: Quantities | None = None
    allocatable: Quantities | None = None
    conditions: list[Condition] | None = None


class NodeWire(_Wire):
    """A node."""

    metadata: Metadata
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)


class ListMetadata(_Wire):
    """`metadata` of a list."""

    resource_version: str = ""
    continue_token: str | None = msgspec.field(default=None, name="continue")


class ListPage(_Wire):
    """One page of a list; items stay undecoded so that a bad one spoils only itself."""

    kind: str
    metadata: ListMetadata
    items: list[msgspec.Raw] | None = None


class WatchEvent(_Wire):
    """One line of a watch."""

    type: str
    object: msgspec.Raw


class Bookmark(_Wire):
    """The part of any watch event's object that moves the watch forward."""

    metadata: ListMetadata


class Status(_Wire):
    """The object of an ERROR event, or the body of a refusal."""

    code: int = 0
    reason: str = ""
    message: str = ""


# msgspec leaves bytes that are not UTF-8 to the codec's own error.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)

_page = msgspec.json.Decoder(ListPage)
_event = msgspec.json.Decoder(WatchEvent)
_bookmark = msgspec.json.Decoder(Bookmark)
_status = msgspec.json.Decoder(Status)

POD = msgspec.json.Decoder(PodWire)
NODE = msgspec.json.Decoder(NodeWire)
OBJECT = msgspec.json.Decoder(ObjectWire)
IDENTITY = msgspec.json.Decoder(Identity)


def decode_page(body: bytes) -> ListPage:
    """Decode one page of a list.

    Raises:
        ApiServerUnavailable: When the body is no list: a proxy's page, or half an answer.
    """
    try:
        page = _page.decode(body)
    except _UNREADABLE as error:
        raise ApiServerUnavailable(f"the API server's list cannot be read: {error}") from error
    if not page.kind.endswith("List"):
        # Whatever answers there: its lack of items must not be taken for an empty cluster.
        raise ApiServerUnavailable(f"the API server answered a {page.kind!r} instead of a list")
    return page


def decode_event(line: bytes) -> WatchEvent:
    """Decode one line of a watch.

    Raises:
        ApiServerUnavailable: When the line is no event, as when a connection was cut in its middle.
    """
    try:
        return _event.decode(line)
    except _UNREADABLE as error:
        raise ApiServerUnavailable(f"the API server's watch cannot be read: {error}") from error


def version_of(raw: msgspec.Raw) -> str:
    """Return the resource version of an event's object; empty when it has none."""
    try:
        return _bookmark.decode(raw).metadata.resource_version
    except _UNREADABLE:
        return ""


def decode_status(raw: bytes | msgspec.Raw) -> Status:
    """Decode a Status; an unreadable one is an empty one, because it reports a failure anyway."""
    try:
        return _status.decode(raw)
    except _UNREADABLE:
        return Status()


_Kind = TypeVar("_Kind")


def decode(raw: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[_Kind]) -> _Kind:
    """Decode one object with POD, NODE or OBJECT.

    Raises:
        MalformedObject: When it does not have the shape of its kind.
    """
    try:
        return decoder.decode(raw)
    except _UNREADABLE as error:
        raise MalformedObject(str(error)) from error


def epoch(moment: datetime | None) -> float | None:
    """Return Unix time; None stays None."""
    return None if moment is None else moment.timestamp()
