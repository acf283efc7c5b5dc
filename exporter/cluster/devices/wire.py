"""The few fields we read of resource.k8s.io/v1, in the manner of `exporter.cluster.objects.wire`.

v1beta2 has the same shape; v1beta1 nests a device's members one level deeper and is not read.
"""

import msgspec

from exporter.cluster.objects.wire import Metadata

Quantity = str | int | float


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    """Base of all wire types; `gc=False` because none can take part in a reference cycle."""


class Requirement(_Wire):
    """`nodeSelectorTerms[].matchFields[]`."""

    key: str
    operator: str
    values: list[str] | None = None


class Term(_Wire):
    """`nodeSelectorTerms[]`."""

    match_fields: list[Requirement] | None = None


class NodeSelector(_Wire):
    """`nodeSelector` of a slice, a device or an allocation."""

    node_selector_terms: list[Term] | None = None


class Attribute(_Wire):
    """`devices[].attributes.*`: one of its members is set; those we never read are left out."""

    string: str | None = None
    truth: bool | None = msgspec.field(default=None, name="bool")


class Capacity(_Wire):
    """`devices[].capacity.*`."""

    value: Quantity


class CounterConsumption(_Wire):
    """`devices[].consumesCounters[]`."""

    counter_set: str = ""


class DeviceTaint(_Wire):
    """`devices[].taints[]`."""

    effect: str = ""


class DeviceWire(_Wire):
    """`spec.devices[]`."""

    name: str
    attributes: dict[str, Attribute] | None = None
    capacity: dict[str, Capacity] | None = None
    consumes_counters: list[CounterConsumption] | None = None
    taints: list[DeviceTaint] | None = None
    node_name: str | None = None
    node_selector: NodeSelector | None = None
    allow_multiple_allocations: bool | None = None


class PoolWire(_Wire):
    """`spec.pool`."""

    name: str
    generation: int = 0
    resource_slice_count: int = 1


class SliceSpec(_Wire):
    """`spec` of a ResourceSlice."""

    driver: str
    pool: PoolWire
    node_name: str | None = None
    node_selector: NodeSelector | None = None
    devices: list[DeviceWire] | None = None


class SliceWire(_Wire):
    """A ResourceSlice."""

    metadata: Metadata
    spec: SliceSpec


class Cel(_Wire):
    """`selectors[].cel`."""

    expression: str = ""


class Selector(_Wire):
    """`requests[].exactly.selectors[]`."""

    cel: Cel | None = None


class CapacityRequests(_Wire):
    """`requests[].exactly.capacity`."""

    requests: dict[str, Quantity] | None = None


class DeviceRequest(_Wire):
    """`requests[].exactly` and `requests[].firstAvailable[]`."""

    device_class_name: str
    allocation_mode: str | None = None
    count: int | None = None
    admin_access: bool | None = None
    selectors: list[Selector] | None = None
    capacity: CapacityRequests | None = None


class RequestWire(_Wire):
    """`spec.devices.requests[]`."""

    exactly: DeviceRequest | None = None
    first_available: list[DeviceRequest] | None = None


class DeviceClaim(_Wire):
    """`spec.devices`."""

    requests: list[RequestWire] | None = None


class ClaimSpec(_Wire):
    """`spec` of a ResourceClaim."""

    devices: DeviceClaim | None = None


class ResultWire(_Wire):
    """`status.allocation.devices.results[]`."""

    driver: str
    pool: str
    device: str
    admin_access: bool | None = None
    share_id: str | None = msgspec.field(default=None, name="shareID")
    consumed_capacity: dict[str, Quantity] | None = None


class Allocated(_Wire):
    """`status.allocation.devices`."""

    results: list[ResultWire] | None = None


class Allocation(_Wire):
    """`status.allocation`."""

    devices: Allocated | None = None
    node_selector: NodeSelector | None = None


class Consumer(_Wire):
    """`status.reservedFor[]`."""

    resource: str
    uid: str
    api_group: str | None = None


class ClaimStatus(_Wire):
    """`status` of a ResourceClaim."""

    allocation: Allocation | None = None
    reserved_for: list[Consumer] | None = None


class ClaimWire(_Wire):
    """A ResourceClaim."""

    metadata: Metadata
    spec: ClaimSpec = msgspec.field(default_factory=ClaimSpec)
    status: ClaimStatus = msgspec.field(default_factory=ClaimStatus)


SLICE = msgspec.json.Decoder(SliceWire)
CLAIM = msgspec.json.Decoder(ClaimWire)


def only_node(selector: NodeSelector | None) -> str:
    """Return the node that a selector names as the only one; empty when it allows others."""
    terms = (selector.node_selector_terms or []) if selector else []
    if len(terms) != 1:
        return ""
    for field in terms[0].match_fields or ():
        if field.key == "metadata.name" and field.operator == "In" and field.values:
            return field.values[0] if len(field.values) == 1 else ""
    return ""
