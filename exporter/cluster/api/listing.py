"""The two ways to learn every object of a resource: a list in pages, or a watch that begins so.

Either hands its objects to the sink as they come, in one `replace`: the sink makes its small
records of them one by one, and takes none in before the last is there.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from exporter.cluster.api import messages
from exporter.errors import ApiServerUnavailable, RequestRejected, ResourceExpired

_GONE = 410
# Servers of before 1.27 do not know the parameter: they tell the objects, then only changes.
_END_SECONDS = 60.0


class Source(Protocol):
    """One resource of the API server."""

    resource: str

    def page(self, continue_token: str | None) -> bytes:
        """Return one page of a consistent list, undecoded."""

    def watch(self, version: str, *, seconds: float) -> AbstractContextManager[Iterable[bytes]]:
        """Open a watch from *version* that the server ends after *seconds*; yields its lines."""

    def stream(self, *, seconds: float) -> AbstractContextManager[Iterable[bytes]]:
        """Open a watch that begins with every object there is, else as `watch`."""


class Sink(Protocol):
    """Where objects go."""

    def replace(self, pages: Iterable[Iterable[msgspec.Raw]]) -> None:
        """Take in a complete list."""

    def upsert(self, raw: msgspec.Raw) -> None:
        """Take in one new or changed object."""

    def remove(self, raw: msgspec.Raw) -> None:
        """Forget one object."""


def take_pages(source: Source, sink: Sink) -> str:
    """Take in a list, page after page; return its version.

    Raises:
        ApiServerUnavailable: When a page does not come or cannot be read.
        ResourceExpired: When the version all pages are cut from is gone.
    """
    version = ""

    def pages() -> Iterator[list[msgspec.Raw]]:
        nonlocal version
        token: str | None = None
        while True:
            page = messages.decode_page(source.page(token))
            # The first page's version is the snapshot that all pages are cut from.
            version = version or page.metadata.resource_version
            yield page.items or []
            token = page.metadata.continue_token
            if not token:
                return

    sink.replace(pages())
    return version


def take_stream(
    events: Iterator[messages.WatchEvent], sink: Sink, clock: Callable[[], float]
) -> tuple[str, list[messages.WatchEvent]]:
    """Take in the objects a watch begins with, up to the bookmark that ends them (KEP-3157).

    The versions of these objects are in no order: only the bookmark's can be continued from.

    Args:
        events: The watch's; what follows the bookmark is left in it.
        sink: Where the objects go.
        clock: A monotonic clock, in seconds.

    Returns:
        The version reached, and the changes that were told among the objects, still to be made.

    Raises:
        RequestRejected: When the API server does not say where its objects end.
        ApiServerUnavailable: When the watch ends or fails before.
        ResourceExpired: When it fails so.
    """
    version = ""
    changes: list[messages.WatchEvent] = []

    def objects() -> Iterator[msgspec.Raw]:
        nonlocal version
        patience = clock() + _END_SECONDS
        for event in events:
            refuse(event)
            if event.type == "ADDED" and not changes:
                patience = clock() + _END_SECONDS
                yield event.object
                continue
            if event.type == "BOOKMARK" and (version := messages.end_of_objects(event.object)):
                return
            if event.type == "BOOKMARK" or clock() > patience:
                raise RequestRejected("the API server does not say where its objects end")
            changes.append(event)
        raise ApiServerUnavailable("the watch ended before it had told every object")

    sink.replace((objects(),))
    return version, changes


def refuse(event: messages.WatchEvent) -> None:
    """Raise what an ERROR event means; let every other pass.

    Raises:
        ResourceExpired: When the version asked for is gone.
        ApiServerUnavailable: For every other failure.
    """
    if event.type != "ERROR":
        return
    status = messages.decode_status(event.object)
    if status.code == _GONE:
        raise ResourceExpired(status.message or "resource version is too old")
    raise ApiServerUnavailable(f"the watch failed: {status.code} {status.message}")
