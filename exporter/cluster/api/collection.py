"""One resource of an API server, in all namespaces: its lists and its watches, undecoded."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from exporter.errors import NotFound, ResourceRefused

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as the `kubernetes` package spells it.

    Args:
        api_class: Such as "CoreV1Api".
        method: Such as "list_node".
        subject: What it is about, for messages: "nodes".
        arguments: Of the method; None is left out.
        metadata_only: Ask for PartialObjectMetadata instead of whole objects.
        compressed: Let the answer be gzipped. Never for a watch: a compressed stream tells late.
    """

    api_class: str
    method: str
    subject: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    metadata_only: bool = False
    compressed: bool = False


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


# What can be followed → the class and the method that list it in all namespaces. The names are
# the same in every version of the `kubernetes` package that we allow.
_METHODS = {
    "nodes": ("CoreV1Api", "list_node"),
    "pods": ("CoreV1Api", "list_pod_for_all_namespaces"),
    "events": ("CoreV1Api", "list_event_for_all_namespaces"),
    "replicasets": ("AppsV1Api", "list_replica_set_for_all_namespaces"),
    "statefulsets": ("AppsV1Api", "list_stateful_set_for_all_namespaces"),
    "deployments": ("AppsV1Api", "list_deployment_for_all_namespaces"),
    "daemonsets": ("AppsV1Api", "list_daemon_set_for_all_namespaces"),
    "jobs": ("BatchV1Api", "list_job_for_all_namespaces"),
    "cronjobs": ("BatchV1Api", "list_cron_job_for_all_namespaces"),
    "resourceclaims": ("ResourceV1Api", "list_resource_claim_for_all_namespaces"),
    "resourceslices": ("ResourceV1Api", "list_resource_slice"),
}


class Resource:
    """One resource of an API server; a `reflector.Source`.

    Args:
        server: Who is asked.
        resource: A plural name of `_METHODS`.
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
        with self._answered(compressed=True, limit=_PAGE, _continue=continue_token) as answer:
            return answer.whole()

    @contextmanager
    def watch(self, version: str, *, seconds: float) -> Iterator[Iterable[bytes]]:
        """Open a watch with bookmarks and yield its lines as they come.

        Raises:
            ApiServerUnavailable: When it cannot be opened, breaks, or falls silent.
            ResourceExpired: When *version* is too old.
        """
        with self._watched(seconds, resource_version=version) as lines:
            yield lines

    @contextmanager
    def stream(self, *, seconds: float) -> Iterator[Iterable[bytes]]:
        """Open a watch that begins with every object there is (KEP-3157, "WatchList").

        Raises:
            RequestRejected: When the API server or our client does not know such watches.
            ApiServerUnavailable: When it cannot be opened, breaks, or falls silent.
        """
        asked = {"send_initial_events": True, "resource_version_match": "NotOlderThan"}
        with self._watched(seconds, **asked) as lines:
            yield lines

    @contextmanager
    def _watched(self, seconds: float, **arguments: Any) -> Iterator[Iterable[bytes]]:
        with self._answered(
            watch=True, allow_watch_bookmarks=True, timeout_seconds=int(seconds), **arguments
        ) as answer:
            yield answer.lines()

    @contextmanager
    def _answered(self, *, compressed: bool = False, **arguments: Any) -> Iterator[Answer]:
        api_class, method = _METHODS[self.resource]
        call = Call(
            api_class,
            method,
            self.resource,
            {"field_selector": self._field_selector, **arguments},
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
