"""What a part of the cluster role needs of the API server to read or write single objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from exporter.errors import RequestRejected


@dataclass(frozen=True, slots=True)
class Place:
    """Where an API server has one object, the objects of a kind, or what a group serves.

    Args:
        group: "" = the core group.
        version: Such as "v1".
        plural: Of the kind; None: the group version itself, which tells what it serves.
        namespace: None: outside of namespaces.
        name: Of the object; None: all of its kind.
    """

    group: str
    version: str
    plural: str | None = None
    namespace: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        named = [it for it in (self.plural, self.namespace, self.name) if it is not None]
        return " ".join(named) or f"{self.group}/{self.version}".lstrip("/")

    def path(self) -> str:
        """Return the path of its URL, which no name in it leads out of its place.

        Raises:
            RequestRejected: When a name can be in no path: it is empty, "." or "..".
        """
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespace is not None:
            parts += ["namespaces", self.namespace]
        parts += [it for it in (self.plural, self.name) if it is not None]
        return "".join(map(_segment, parts))


def _segment(name: str) -> str:
    # These mean another path, quoted or not.
    if name in {"", ".", ".."}:
        raise RequestRejected(f"nothing on an API server is named {name!r}")
    return "/" + quote(name, safe="")


class Fetcher(Protocol):
    """An API server; `transport.ApiServer` is the real one."""

    def fetch(
        self,
        place: Place,
        *,
        method: str = "GET",
        body: Mapping[str, Any] | None = None,
        metadata_only: bool = False,
    ) -> bytes:
        """Send one request and return the body of its answer.

        Args:
            place: What it is about.
            method: POST to make an object in a place without a name, PUT to replace one.
            body: The object to write; it is sent as it is.
            metadata_only: Ask for PartialObjectMetadata instead of the whole object.

        Raises:
            NotFound: When there is no such object, or no such kind (404).
            Conflict: When it was changed meanwhile, or is there already (409).
            ResourceRefused: When the permission is missing (403).
            RequestRejected: When the request makes no sense.
            ApiServerUnavailable: When it is not answered with a success for any other reason.
            ResourceExpired: When it is answered with 410.
        """
