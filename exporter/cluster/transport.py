"""The only file that knows the `kubernetes` package: configuration, authentication, raw bytes.

No model of that package is ever built: at 100,000 pods its objects cost a hundred times what we
decode. Its errors, and urllib3's below it, become ours here and nowhere else.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from exporter.cluster import wire
from exporter.errors import ApiServerUnavailable, ConfigurationError, ResourceExpired
from exporter.version import __version__

_log = logging.getLogger(__name__)

_PAGE = 500
_CONNECT_SECONDS = 5.0
# Bookmarks come about once a minute: a connection silent for longer is dead, whatever TCP says.
_SILENCE_SECONDS = 90.0
_REBUILD_SECONDS = 30.0
_CHUNK = 1 << 16
_GONE, _UNAUTHORIZED, _FORBIDDEN = 410, 401, 403
_METADATA_ONLY = (
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
)


class ApiServer:
    """One API server, by kubeconfig or from inside a pod.

    Args:
        kubeconfig: The file; None: the service account of the pod we run in.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, kubeconfig: Path | None, clock: Callable[[], float]) -> None:
        self._kubeconfig = kubeconfig
        self._clock = clock
        self._lock = threading.Lock()
        self._configuration: Any = None
        self._configured_at = float("-inf")

    def connect(self) -> None:
        """Read the configuration.

        Raises:
            ConfigurationError: When there is none, or it cannot be used.
        """
        import kubernetes  # noqa: PLC0415 - 60 MB that the node role never pays

        configuration = kubernetes.client.Configuration()
        try:
            if self._kubeconfig is None:
                kubernetes.config.load_incluster_config(client_configuration=configuration)
            else:
                kubernetes.config.load_kube_config(
                    config_file=str(self._kubeconfig), client_configuration=configuration
                )
        except Exception as error:  # the package lets its YAML parser's errors and worse through
            where = f"{self._kubeconfig}: " if self._kubeconfig else ""
            raise ConfigurationError(
                f"no way to reach a Kubernetes API server: {where}{error} "
                "(give --kubeconfig FILE, or run in a pod with a service account)"
            ) from error
        configuration.retries = False
        self._configuration = configuration
        self._configured_at = self._clock()

    def resource(
        self, resource: str, *, field_selector: str | None = None, metadata_only: bool = False
    ) -> "Resource":
        """Return one resource, in all namespaces.

        Args:
            resource: A plural name of `_RESOURCES`.
            field_selector: What the API server filters by.
            metadata_only: Ask for PartialObjectMetadata instead of whole objects.
        """
        return Resource(self, resource, field_selector=field_selector, metadata_only=metadata_only)

    def call(self, resource: str, *, metadata_only: bool, **arguments: Any) -> Any:
        """Send one list or watch request; the response's body is not read yet.

        Raises:
            ApiServerUnavailable: When it is not answered with a success.
            ResourceExpired: When it is answered with 410.
        """
        import kubernetes  # noqa: PLC0415 - as in `connect`

        api_class, method = _RESOURCES[resource]
        client = kubernetes.client.ApiClient(self._configuration)
        client.user_agent = f"gpuscope-exporter/{__version__}"
        if metadata_only:
            client.set_default_header("Accept", _METADATA_ONLY)
        api = getattr(kubernetes.client, api_class)(client)
        try:
            return getattr(api, method)(
                _preload_content=False,
                _request_timeout=(_CONNECT_SECONDS, _SILENCE_SECONDS),
                **{name: value for name, value in arguments.items() if value is not None},
            )
        except kubernetes.client.ApiException as error:
            if not error.status:  # no answer: how the package passes on a failed TLS handshake
                raise _unreachable(error) from error
            raise self._refusal(resource, error.status, error.body) from error
        except (HTTPError, OSError) as error:
            raise _unreachable(error) from error

    def _refusal(self, resource: str, status: int, body: str | bytes | None) -> Exception:
        raw = body.encode() if isinstance(body, str) else body or b""
        message = wire.decode_status(raw).message
        if status == _GONE:
            return ResourceExpired(message or f"{resource}: 410 Gone")
        if status == _UNAUTHORIZED:
            self._read_credentials_again()
        if status == _FORBIDDEN:
            message = f"{message or 'no permission'} (grant the verbs list and watch on {resource})"
        return ApiServerUnavailable(f"the API server answered {status} {message}".rstrip())

    def _read_credentials_again(self) -> None:
        # A kubeconfig's token is read once by the client; a rotated one needs a new configuration.
        with self._lock:
            if self._clock() - self._configured_at < _REBUILD_SECONDS:
                return
            self._configured_at = self._clock()
            try:
                self.connect()
            except ConfigurationError as error:
                _log.warning("credentials were refused and cannot be read again: %s", error)


_RESOURCES = {
    "nodes": ("CoreV1Api", "list_node"),
    "pods": ("CoreV1Api", "list_pod_for_all_namespaces"),
    "replicasets": ("AppsV1Api", "list_replica_set_for_all_namespaces"),
    "statefulsets": ("AppsV1Api", "list_stateful_set_for_all_namespaces"),
    "jobs": ("BatchV1Api", "list_job_for_all_namespaces"),
}


class Resource:
    """One resource of an API server; a `reflector.Source`."""

    def __init__(
        self,
        server: ApiServer,
        resource: str,
        *,
        field_selector: str | None,
        metadata_only: bool,
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
        response = self._server.call(
            self.resource,
            metadata_only=self._metadata_only,
            field_selector=self._field_selector,
            limit=_PAGE,
            _continue=continue_token,
        )
        with _releasing(response):
            return bytes(response.read())

    @contextmanager
    def watch(self, version: str, *, seconds: float) -> Iterator[Iterable[bytes]]:
        """Open a watch with bookmarks and yield its lines as they come.

        Raises:
            ApiServerUnavailable: When it cannot be opened, breaks, or falls silent.
            ResourceExpired: When *version* is too old.
        """
        response = self._server.call(
            self.resource,
            metadata_only=self._metadata_only,
            field_selector=self._field_selector,
            resource_version=version,
            watch=True,
            allow_watch_bookmarks=True,
            timeout_seconds=int(seconds),
        )
        with _releasing(response):
            yield _lines(response)


@contextmanager
def _releasing(response: urllib3.HTTPResponse) -> Iterator[None]:
    try:
        yield
    except (HTTPError, OSError) as error:
        raise _unreachable(error) from error
    finally:
        # Closed rather than returned: what is left of a broken watch must not reach the next call.
        response.close()
        response.release_conn()


def _lines(response: urllib3.HTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)
    if rest.strip():
        raise ApiServerUnavailable("the watch broke off in the middle of an event")


def _unreachable(error: Exception) -> ApiServerUnavailable:
    # urllib3 names the pool and its memory address: the last cause is what a person can use.
    reason = str(getattr(error, "reason", None) or error)
    return ApiServerUnavailable(f"the API server cannot be reached: {' '.join(reason.split())}")
