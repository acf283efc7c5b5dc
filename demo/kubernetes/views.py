"""The forms an answer can take: whole objects, their metadata alone, or a table for people.

A client chooses by its Accept header; `negotiate` finds the first form it names that the server
can make. Whole objects are the stored bytes; metadata is cut out of them without decoding the
rest; only tables, which people ask for, decode objects.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from demo.kubernetes import tables
from demo.kubernetes.entries import Entry, Key
from demo.kubernetes.errors import NotAcceptableError
from demo.kubernetes.resources import Resource

JSON = "application/json"
_ACCEPTED = frozenset({JSON, "application/*", "*/*"})
_META = "meta.k8s.io/v1"


class View(Protocol):
    """One form of answers about one resource.

    `content_type` is the answers' media type; bodies are encoded objects without kind and
    apiVersion, results are whole JSON documents.
    """

    content_type: str

    def listing(self, entries: Sequence[Entry], metadata: bytes) -> bytes:
        """Return a list: *entries* under an encoded ListMeta."""
        ...

    def single(self, key: Key, body: bytes) -> bytes:
        """Return one object, for a get or inside a watch's event."""
        ...

    def bookmark(self, resource_version: int, annotations: Mapping[str, str]) -> bytes:
        """Return the object of a BOOKMARK event."""
        ...


class Objects:
    """Whole objects."""

    content_type = JSON

    def __init__(self, resource: Resource) -> None:
        self._resource = resource

    def listing(self, entries: Sequence[Entry], metadata: bytes) -> bytes:
        """Join the stored bytes."""
        head = (
            f'{{"kind":"{self._resource.kind}List","apiVersion":"{self._resource.api_version}",'
        ).encode()
        return _listed(head, metadata, b"items", [entry.body for entry in entries])

    def single(self, key: Key, body: bytes) -> bytes:  # noqa: ARG002 - the protocol's signature
        """Return the stored bytes with their kind."""
        return self._resource.typed(body)

    def bookmark(self, resource_version: int, annotations: Mapping[str, str]) -> bytes:
        """Return an otherwise blank object, with the nulls Go's zero value has."""
        metadata = _bookmark_metadata(resource_version, annotations)
        blank = self._resource.blank.encode()
        rest = b"," + blank if blank else b""
        return self._resource.typed(b'{"metadata":' + metadata + rest + b"}")


class Metadata:
    """PartialObjectMetadata: names, labels and owners without spec and status."""

    _HEAD = f'{{"kind":"PartialObjectMetadata","apiVersion":"{_META}","metadata":'.encode()

    def __init__(self, kind: str) -> None:
        self.content_type = f"{JSON};as={kind};g=meta.k8s.io;v=v1"

    def listing(self, entries: Sequence[Entry], metadata: bytes) -> bytes:
        """Return a PartialObjectMetadataList."""
        head = f'{{"kind":"PartialObjectMetadataList","apiVersion":"{_META}",'.encode()
        items = [self.single(entry.key, entry.body) for entry in entries]
        return _listed(head, metadata, b"items", items)

    def single(self, key: Key, body: bytes) -> bytes:
        """Return one PartialObjectMetadata."""
        return self._HEAD + _metadata_of(key, body) + b"}"

    def bookmark(self, resource_version: int, annotations: Mapping[str, str]) -> bytes:
        """Return a bookmark's metadata."""
        return self._HEAD + _bookmark_metadata(resource_version, annotations) + b"}"


class Table:
    """A meta.k8s.io/v1 Table, which `kubectl get` prints.

    Args:
        resource: What the rows show.
        include: What rows carry beside their cells: "Metadata", "Object" or "None".
        now: Seconds since the epoch; ages count from there.
    """

    content_type = f"{JSON};as=Table;g=meta.k8s.io;v=v1"

    def __init__(self, resource: Resource, include: str, now: float) -> None:
        self._resource = resource
        self._include = include
        self._now = now
        self._whole = Objects(resource)
        self._partial = Metadata("PartialObjectMetadata")

    def listing(self, entries: Sequence[Entry], metadata: bytes) -> bytes:
        """Return a table with one row per entry."""
        return self._table(metadata, [self._row(entry.key, entry.body) for entry in entries])

    def single(self, key: Key, body: bytes) -> bytes:
        """Return a table of one row."""
        return self._table(b"{}", [self._row(key, body)])

    def bookmark(self, resource_version: int, annotations: Mapping[str, str]) -> bytes:
        """Return a table without rows."""
        return self._table(_bookmark_metadata(resource_version, annotations), [])

    def _table(self, metadata: bytes, rows: Iterable[bytes]) -> bytes:
        columns = msgspec.json.encode(tables.columns(self._resource))
        head = b'{"kind":"Table","apiVersion":"%b","columnDefinitions":%b,'
        return _listed(head % (_META.encode(), columns), metadata, b"rows", rows)

    def _row(self, key: Key, body: bytes) -> bytes:
        cells = msgspec.json.encode(tables.cells(self._resource, key, body, self._now))
        match self._include:
            case "None":
                shown = b"null"
            case "Object":
                shown = self._whole.single(key, body)
            case _:
                shown = self._partial.single(key, body)
        return b'{"cells":' + cells + b',"object":' + shown + b"}"


class _OnlyMetadata(msgspec.Struct):
    metadata: msgspec.Raw


def _metadata_of(key: Key, body: bytes) -> bytes:
    try:
        return bytes(msgspec.json.decode(body, type=_OnlyMetadata).metadata)
    except msgspec.MsgspecError:  # written raw, and no object
        return msgspec.json.encode({"namespace": key[0], "name": key[1]})


def _listed(head: bytes, metadata: bytes, member: bytes, items: Iterable[bytes]) -> bytes:
    opening = b"".join((head, b'"metadata":', metadata, b',"', member, b'":['))
    return b"".join((opening, b",".join(items), b"]}"))


def _bookmark_metadata(resource_version: int, annotations: Mapping[str, str]) -> bytes:
    metadata: dict[str, Any] = {
        "resourceVersion": str(resource_version),
        "creationTimestamp": None,
    }
    return msgspec.json.encode(metadata | ({"annotations": annotations} if annotations else {}))


def negotiate(accept: str, resource: Resource, *, listing: bool, include: str, now: float) -> View:
    """Return the first form in an Accept header that this server can make.

    Args:
        accept: The header; "" accepts whole objects.
        resource: What is asked for.
        listing: Whether a list is asked for; gets and watches show single objects.
        include: The query's `includeObject`, for tables.
        now: Seconds since the epoch.

    Raises:
        NotAcceptableError: When there is none.
    """
    partial = "PartialObjectMetadataList" if listing else "PartialObjectMetadata"
    for clause in (accept or JSON).split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        wanted = dict(parameter.partition("=")[::2] for parameter in parameters)
        if media not in _ACCEPTED:
            continue
        form = (wanted.get("as"), wanted.get("g"), wanted.get("v"))
        if form == ("Table", "meta.k8s.io", "v1"):
            return Table(resource, include, now)
        if form == (partial, "meta.k8s.io", "v1"):
            return Metadata(partial)
        if form[0] is None:
            return Objects(resource)
    raise NotAcceptableError(
        f"only the following media types are accepted: {JSON}, {Table.content_type},"
        f" {Metadata(partial).content_type}"
    )
