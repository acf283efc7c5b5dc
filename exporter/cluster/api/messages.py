"""What an API server says around objects: pages of lists, lines of watches, refusals.

The objects themselves stay undecoded, so that a bad one spoils only itself.
"""

import msgspec

from exporter.cluster.objects.wire import UNREADABLE
from exporter.errors import ApiServerUnavailable


class _Message(msgspec.Struct, gc=False, rename="camel"):
    """Base of all messages; `gc=False` because none can take part in a reference cycle."""


class ListMetadata(_Message):
    """`metadata` of a list."""

    resource_version: str = ""
    continue_token: str | None = msgspec.field(default=None, name="continue")


class ListPage(_Message):
    """One page of a list."""

    kind: str
    metadata: ListMetadata
    items: list[msgspec.Raw] | None = None


class WatchEvent(_Message):
    """One line of a watch."""

    type: str
    object: msgspec.Raw


class Bookmark(_Message):
    """The part of any watch event's object that moves the watch forward."""

    metadata: ListMetadata


class EndMetadata(_Message):
    """`metadata` of a bookmark."""

    resource_version: str = ""
    annotations: dict[str, str] | None = None


class EndBookmark(_Message):
    """A bookmark that may end the objects a watch began with (KEP-3157)."""

    metadata: EndMetadata


class Status(_Message):
    """The object of an ERROR event, or the body of a refusal."""

    code: int = 0
    reason: str = ""
    message: str = ""


_page = msgspec.json.Decoder(ListPage)
_event = msgspec.json.Decoder(WatchEvent)
_bookmark = msgspec.json.Decoder(Bookmark)
_end = msgspec.json.Decoder(EndBookmark)
_status = msgspec.json.Decoder(Status)


def decode_page(body: bytes) -> ListPage:
    """Decode one page of a list.

    Raises:
        ApiServerUnavailable: When the body is no list: a proxy's page, or half an answer.
    """
    try:
        page = _page.decode(body)
    except UNREADABLE as error:
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
    except UNREADABLE as error:
        raise ApiServerUnavailable(f"the API server's watch cannot be read: {error}") from error


def version_of(raw: msgspec.Raw) -> str:
    """Return the resource version of an event's object; empty when it has none."""
    try:
        return _bookmark.decode(raw).metadata.resource_version
    except UNREADABLE:
        return ""


def is_before(version: str, other: str) -> bool:
    """Compare two resource versions of one resource; such as are no numbers are never before.

    Numbers can be compared since 1.35 (KEP-5504); in a watch they rose before that as well.
    """
    return version.isdecimal() and other.isdecimal() and int(version) < int(other)


def end_of_objects(raw: msgspec.Raw) -> str:
    """Return the version of the bookmark that ends a watch's first objects; empty: it does not."""
    try:
        metadata = _end.decode(raw).metadata
    except UNREADABLE:
        return ""
    ends = (metadata.annotations or {}).get("k8s.io/initial-events-end") == "true"
    return metadata.resource_version if ends else ""


def decode_status(raw: bytes | msgspec.Raw) -> Status:
    """Decode a Status; an unreadable one is an empty one, because it reports a failure anyway."""
    try:
        return _status.decode(raw)
    except UNREADABLE:
        return Status()
