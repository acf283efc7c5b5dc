"""The messages of PodResources, built at run time: no generated code, no compiler.

The shape is that of k8s.io/kubelet/pkg/apis/podresources/v1/api.proto, fields that nobody here
sends left out.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_TYPES = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
}
# Message → field → number and type; a type in brackets is repeated, any other name is a message.
_MESSAGES = {
    "NUMANode": {"ID": (1, "int64")},
    "TopologyInfo": {"nodes": (1, "[NUMANode]")},
    "ContainerMemory": {
        "memory_type": (1, "string"),
        "size": (2, "uint64"),
        "topology": (3, "TopologyInfo"),
    },
    "ContainerDevices": {
        "resource_name": (1, "string"),
        "device_ids": (2, "[string]"),
        "topology": (3, "TopologyInfo"),
    },
    "CDIDevice": {"name": (1, "string")},
    "ClaimResource": {
        "cdi_devices": (1, "[CDIDevice]"),
        "driver_name": (2, "string"),
        "pool_name": (3, "string"),
        "device_name": (4, "string"),
        "share_id": (5, "string"),
    },
    "DynamicResource": {
        "claim_name": (2, "string"),
        "claim_namespace": (3, "string"),
        "claim_resources": (4, "[ClaimResource]"),
    },
    "ContainerResources": {
        "name": (1, "string"),
        "devices": (2, "[ContainerDevices]"),
        "cpu_ids": (3, "[int64]"),
        "memory": (4, "[ContainerMemory]"),
        "dynamic_resources": (5, "[DynamicResource]"),
    },
    "PodResources": {
        "name": (1, "string"),
        "namespace": (2, "string"),
        "containers": (3, "[ContainerResources]"),
        "cpu_ids": (4, "[int64]"),
        "memory": (5, "[ContainerMemory]"),
    },
    "ListPodResourcesRequest": {},
    "ListPodResourcesResponse": {"pod_resources": (1, "[PodResources]")},
}


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="podresources.proto", package="v1", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = DescriptorProto(name=name)
        for field, (number, kind) in fields.items():
            message.field.append(_field(field, number, kind))
        file.message_type.append(message)
    return file


def _field(name: str, number: int, kind: str) -> FieldDescriptorProto:
    bare = kind.strip("[]")
    made = FieldDescriptorProto(
        name=name,
        number=number,
        label=(
            FieldDescriptorProto.LABEL_REPEATED
            if kind.startswith("[")
            else FieldDescriptorProto.LABEL_OPTIONAL
        ),
    )
    if bare in _TYPES:
        made.type = _TYPES[bare]
    else:
        made.type = FieldDescriptorProto.TYPE_MESSAGE
        made.type_name = f".v1.{bare}"
    return made


def _message(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"v1.{name}"))


_POOL = DescriptorPool()
_POOL.Add(_file())

Request = _message("ListPodResourcesRequest")
Response = _message("ListPodResourcesResponse")
PodResources = _message("PodResources")
"""`PodResources(namespace="ml", name="a", containers=[{...}])`: nested messages may be dicts."""
