"""One resource of an API server, in all namespaces: its lists and its watches, undecoded."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from exporter.errors import NotFound, ResourceRefused

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Args:
        path: Such as "/api/v1/nodes", its names quoted.
        subject: What it is about, for messages: "nodes".
        query: The parameters behind the path; None is left out.
        method: Such as "GET".
        body: An object to write.
        metadata_only: Ask for PartialObjectMetadata instead of whole objects.
        compressed: Let the answer be gzipped. Never for a watch: a compressed stream tells late.
    """

    path: str
    subject: str
    query: Mapping[str, str | None] = field(default_factory=dict)
    method: str = "GET"
    body: Mapping[str, Any] | None = None
    metadata_only: bool = False
    compressed: bool = False

    @property
    def target(self) -> str:
        """The path with its query."""
        asked = {name: text for name, text in self.query.items() if text is not None}
        return f"{self.path}?{urlencode(asked)}" if asked else self.path


class Answer(Protocol):
    """A successful answer, its body not read yet."""

    def whole(self) -> bytes:
        """Return the body.

        Raises:
            ApiServerUnavailable: When it breaks off or does not come.
        """

    def lines(self) -> Iterator[bytes]:
        """Yield the body's lines as they come; raises as `whole` does."""


class Server(Protocol):
    """Who is asked: `transport.ApiServer`."""

    def answered(self, call: Call) -> AbstractContextManager[Answer]:
        """Send one request; the connection is closed at the end of the block."""


# What can be followed → where it is listed in all namespaces.
_PATHS = {
    "nodes": "/api/v1/nodes",
    "pods": "/api/v1/pods",
    "events": "/api/v1/events",
    "replicasets": "/apis/apps/v1/replicasets",
    "statefulsets": "/apis/apps/v1/statefulsets",
    "deployments": "/apis/apps/v1/deployments",
    "daemonsets": "/apis/apps/v1/daemonsets",
    "jobs": "/apis/batch/v1/jobs",
    "cronjobs": "/apis/batch/v1/cronjobs",
    "resourceclaims": "/apis/resource.k8s.io/v1/resourceclaims",
    "resourceslices": "/apis/resource.k8s.io/v1/resourceslices",
}


class Resource:
    """One resource of an API server; a `reflector.Source`.

    Args:
        server: Who is asked.
        resource: A plural name of `_PATHS`.
        field_selector: What the API server filters by.
        metadata_only: Ask for PartialObjectMetadata instead of whole objects.
    """

    def __init__(
        self, server: Server, resource: str, *, field_selector: str | None, metadata_only: bool
    ) -> None:
        self.resource = resource
        self._server = server
        self._field_selector = field_selector
        self._metadata_only = metadata_only

    def page(self, continue_token: str | None) -> bytes:
        """Return one page of a consistent list.

        Raises:
            ApiServerUnavailable: When there is no complete answer.
            ResourceExpired: When the token is too old.
        """
        asked = {"limit": str(_PAGE), "continue": continue_token}
        with self._answered(asked, compressed=True) as answer:
            return answer.whole()

    @contextmanager
    def watch(self, version: str, *, seconds: float) -> Iterator[Iterable[bytes]]:
        """Open a watch with bookmarks and yield its lines as they come.

        Raises:
            ApiServerUnavailable: When it cannot be opened, breaks, or falls silent.
            ResourceExpired: When *version* is too old.
        """
        with self._watched(seconds, {"resourceVersion": version}) as lines:
            yield lines

    @contextmanager
    def stream(self, *, seconds: float) -> Iterator[Iterable[bytes]]:
        """Open a watch that begins with every object there is (KEP-3157, "WatchList").

        Raises:
            RequestRejected: When the API server does not know such watches.
            ApiServerUnavailable: When it cannot be opened, breaks, or falls silent.
        """
        asked = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        with self._watched(seconds, asked) as lines:
            yield lines

    @contextmanager
    def _watched(self, seconds: float, asked: Mapping[str, str]) -> Iterator[Iterable[bytes]]:
        watching = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(seconds)),
        }
        with self._answered({**watching, **asked}) as answer:
            yield answer.lines()

    @contextmanager
    def _answered(
        self, asked: Mapping[str, str | None], *, compressed: bool = False
    ) -> Iterator[Answer]:
        call = Call(
            _PATHS[self.resource],
            self.resource,
            {"fieldSelector": self._field_selector, **asked},
            metadata_only=self._metadata_only,
            compressed=compressed,
        )
        try:
            with self._server.answered(call) as answer:
                yield answer
        except NotFound as error:
            raise ResourceRefused(f"the API server does not serve {self.resource}") from error
        except ResourceRefused as error:
            grant = f"grant the verbs list and watch on {self.resource}"
            raise ResourceRefused(f"{error} ({grant})") from error
