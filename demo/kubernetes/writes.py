"""What clients may write: creation, patches, replacement under optimistic locking; no HTTP in it.

A replacement names the version it was made from; if that is no longer the present one, somebody
else was first and the writer must read again (apimachinery, "Concurrency Control and
Consistency"). All functions act in one piece: nothing comes between the check and the change.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from demo.kubernetes.entries import Entry, Key
from demo.kubernetes.errors import (
    AlreadyExistsError,
    BadRequestError,
    ConflictError,
    InvalidError,
    MethodNotAllowedError,
    NotFoundError,
)
from demo.kubernetes.resources import Resource
from demo.kubernetes.store import Store

Content = dict[str, Any]

_NOT_ALLOWED = "the server does not allow this method on the requested resource"
_MERGED = frozenset({"application/merge-patch+json", "application/strategic-merge-patch+json"})


def create(store: Store, resource: Resource, namespace: str, body: bytes) -> Entry:
    """Make a new object and return it.

    Args:
        store: Where it goes.
        resource: What the URL says it is.
        namespace: The namespace in the URL.
        body: The object as JSON.

    Raises:
        AlreadyExistsError: When there is one of that name.
        BadRequestError: When the body is no such object, or names a version or other namespace.
        InvalidError: When it has no name.
        MethodNotAllowedError: When clients cannot write this resource.
    """
    content = _content(resource, namespace, body)
    metadata = content["metadata"]
    name = metadata.get("name")
    if not name:
        raise InvalidError(
            f'{resource.kind}.{resource.group} "" is invalid: metadata.name: Required value:'
            " name or generateName is required"
        )
    if metadata.get("resourceVersion"):
        raise BadRequestError("resourceVersion should not be set on objects to be created")
    if store.get(resource, namespace, name) is not None:
        raise AlreadyExistsError(
            f'{resource.qualified} "{name}" already exists', details=resource.details(name)
        )
    return _stored(store, resource, (namespace, name), content)


def update(store: Store, resource: Resource, key: Key, body: bytes) -> Entry:
    """Replace an object and return what it is now.

    Args:
        store: Where it is.
        resource: What the URL says it is.
        key: Namespace and name in the URL.
        body: The object as JSON, with the resource version it was read at.

    Raises:
        BadRequestError: When the body is no such object, or of another name or namespace.
        ConflictError: When it has changed since, or is another object of the same name.
        InvalidError: When the body has no resource version.
        MethodNotAllowedError: When clients cannot write this resource.
        NotFoundError: When there is none.
    """
    namespace, name = key
    content = _content(resource, namespace, body)
    metadata = content["metadata"]
    if metadata.get("name") != name:
        raise BadRequestError(
            f"the name of the object ({metadata.get('name')}) does not match the name on the"
            f" URL ({name})"
        )
    old = store.get(resource, namespace, name)
    if old is None:
        raise NotFoundError(
            f'{resource.qualified} "{name}" not found', details=resource.details(name)
        )
    if not metadata.get("resourceVersion"):
        raise InvalidError(
            f'{resource.qualified} "{name}" is invalid: metadata.resourceVersion:'
            " Invalid value: 0: must be specified for an update"
        )
    present = msgspec.json.decode(old.body)["metadata"]
    if metadata["resourceVersion"] != present["resourceVersion"] or (
        metadata.get("uid", old.uid) != old.uid
    ):
        raise ConflictError(
            f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been'
            " modified; please apply your changes to the latest version and try again",
            details=resource.details(name),
        )
    return _stored(store, resource, key, content)


def patch(store: Store, resource: Resource, key: Key, media_type: str, body: bytes) -> Entry:
    """Change an object and return what it is now: `kubectl cordon`, `label`, `taint`.

    Members are merged, null removes one, and lists are replaced (RFC 7386). Of strategic merges
    that is what those commands need; lists that are merged by a key are not understood.

    Args:
        store: Where it is.
        resource: What the URL says it is.
        key: Namespace and name in the URL.
        media_type: What kind of patch it is.
        body: The patch as JSON.

    Raises:
        BadRequestError: When this is no such patch.
        MethodNotAllowedError: When clients cannot patch this resource.
        NotFoundError: When there is no such object.
    """
    if not resource.patched:
        raise MethodNotAllowedError(_NOT_ALLOWED, details={})
    if media_type not in _MERGED:
        raise BadRequestError(f"this server knows no patches of the type {media_type}")
    old = store.get(resource, *key)
    if old is None:
        raise NotFoundError(
            f'{resource.qualified} "{key[1]}" not found', details=resource.details(key[1])
        )
    try:
        wanted = msgspec.json.decode(body, type=Content)
    except msgspec.MsgspecError as error:
        raise BadRequestError(f"cannot use this body: {error}") from None
    present = msgspec.json.decode(old.body, type=Content)
    changed = _merged(present, wanted) | {"kind": resource.kind, "apiVersion": resource.api_version}
    # Whatever the patch says of them, these are the object's own.
    own = {name: present["metadata"][name] for name in ("name", "uid", "creationTimestamp")}
    changed["metadata"] = {**changed["metadata"], **own}
    return _stored(store, resource, key, changed)


def _merged(present: Content, wanted: Content) -> Content:
    merged = dict(present)
    for name, value in wanted.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            below = merged.get(name)
            merged[name] = _merged(below if isinstance(below, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _content(resource: Resource, namespace: str, body: bytes) -> Content:
    if not resource.writable:
        raise MethodNotAllowedError(_NOT_ALLOWED, details={})
    try:
        content = msgspec.json.decode(body, type=Content)
    except msgspec.MsgspecError as error:
        raise BadRequestError(f"cannot use this body: {error}") from None
    said = (content.get("apiVersion"), content.get("kind"))
    metadata = content.get("metadata")
    if said != (resource.api_version, resource.kind) or not isinstance(metadata, Mapping):
        raise BadRequestError(
            f"the object provided is unrecognized: not a {resource.kind} of {resource.api_version}"
        )
    if metadata.get("namespace", namespace) != namespace:
        raise BadRequestError(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return content | {"metadata": {**metadata, "namespace": namespace}}


def _stored(store: Store, resource: Resource, key: Key, content: Content) -> Entry:
    store.put(content)
    return cast("Entry", store.get(resource, *key))  # there, because it was put
