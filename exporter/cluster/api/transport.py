"""The only file that knows the `kubernetes` package: configuration, credentials, connections.

Requests are sent by path, over the connections that the package has set up. Its API classes are
never touched: to load them and their models takes a second of CPU and 25 MB (from 37 on; before,
the package loads them itself), and at 100,000 pods their objects cost a hundred times what we
decode. Its errors, and urllib3's below it, become ours here and nowhere else.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from exporter.cluster.api import proxies
from exporter.cluster.api.collection import Call, Resource
from exporter.cluster.api.fetching import Place
from exporter.cluster.api.refusals import UNAUTHORIZED, refusal
from exporter.errors import ApiServerUnavailable, ConfigurationError, KubernetesError
from exporter.version import __version__

_log = logging.getLogger(__name__)

_CONNECT_SECONDS = 5.0
# Bookmarks come about once a minute: a connection silent for longer is dead, whatever TCP says.
_SILENCE_SECONDS = 90.0
_REBUILD_SECONDS = 30.0
_SUCCESS = range(200, 300)
_CHUNK = 1 << 16
# A peer that is gone without a word is found out by the kernel within a minute, long before the
# deadline above: a watch may be silent, its connection not.
_KEEPALIVE = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)  # not everywhere by these names
    ),
]
_METADATA_ONLY = (
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
)


class ApiServer:
    """One API server, by kubeconfig or from inside a pod.

    Args:
        kubeconfig: The file; None: the service account of the pod we run in.
        clock: A monotonic clock, in seconds.
        silence: How many seconds without a byte of an answer are the end of it.

    Attributes:
        reloads: How many times the credentials were read again because they were refused.
    """

    def __init__(
        self,
        kubeconfig: Path | None,
        clock: Callable[[], float],
        *,
        silence: float = _SILENCE_SECONDS,
    ) -> None:
        self.reloads = 0
        self._kubeconfig = kubeconfig
        self._clock = clock
        self._silence = silence
        self._lock = threading.Lock()
        self._configuration: Any = None
        self._configured_at = float("-inf")

    def connect(self) -> None:
        """Read the configuration.

        Raises:
            ConfigurationError: When there is none, or it cannot be used.
        """
        import kubernetes  # noqa: PLC0415 - memory that the node role never pays

        configuration = kubernetes.client.Configuration()
        try:
            if self._kubeconfig is None:
                kubernetes.config.load_incluster_config(client_configuration=configuration)
                proxy_url = None
            else:
                kubernetes.config.load_kube_config(
                    config_file=str(self._kubeconfig), client_configuration=configuration
                )
                proxy_url = _proxy_url(self._kubeconfig)
        except Exception as error:  # the package lets its YAML parser's errors and worse through
            where = f"{self._kubeconfig}: " if self._kubeconfig else ""
            raise ConfigurationError(
                f"no way to reach a Kubernetes API server: {where}{error} "
                "(give --kubeconfig FILE, or run in a pod with a service account)"
            ) from error
        _use_proxy(configuration, proxies.choose(configuration.host, proxy_url, os.environ))
        self._configuration = configuration
        self._configured_at = self._clock()

    def resource(
        self, resource: str, *, field_selector: str | None = None, metadata_only: bool = False
    ) -> Resource:
        """Return one resource, in all namespaces; see `Resource`."""
        return Resource(self, resource, field_selector=field_selector, metadata_only=metadata_only)

    def fetch(
        self,
        place: Place,
        *,
        method: str = "GET",
        body: Mapping[str, Any] | None = None,
        metadata_only: bool = False,
    ) -> bytes:
        """Send one request and return the body of its answer; see `fetching.Fetcher`."""
        call = Call(place.path(), str(place), method=method, body=body, metadata_only=metadata_only)
        with self.answered(call) as answer:
            return answer.whole()

    @contextmanager
    def answered(self, call: Call) -> Iterator["_Answer"]:
        """Send one request; the connection is closed at the end of the block.

        Raises:
            KubernetesError: One of those that `Fetcher.fetch` raises.
        """
        response = self._send(call)
        try:
            yield _Answer(response)
        finally:
            # Closed, not returned: what is left of a broken watch must not reach the next call.
            response.close()
            response.release_conn()

    def _send(self, call: Call) -> urllib3.BaseHTTPResponse:
        from kubernetes.client.rest import RESTClientObject  # noqa: PLC0415 - as in `connect`
        from kubernetes.config import ConfigException  # noqa: PLC0415 - as in `connect`

        configuration = self._configuration
        try:
            pools: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
            # Up to 35 the configuration has no place for these.
            pools.connection_pool_kw["socket_options"] = _KEEPALIVE
            response = pools.request(
                call.method,
                configuration.host + call.target,
                body=None if call.body is None else msgspec.json.encode(call.body),
                headers=_headers(call) | _credentials(configuration),
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=self._silence),
                preload_content=False,
                retries=False,
            )
        except (ConfigException, HTTPError, OSError, ValueError) as error:
            raise _unreachable(error) from error
        if response.status in _SUCCESS:
            return response
        raise self._refused(call, response, pools)

    def _refused(
        self, call: Call, response: urllib3.BaseHTTPResponse, pools: urllib3.PoolManager
    ) -> KubernetesError:
        try:
            body = response.read()
        except (HTTPError, OSError):
            body = b""  # the status says enough
        finally:
            _hang_up(pools)
        if response.status == UNAUTHORIZED:
            self._read_credentials_again()
        return refusal(response.status, response.headers, body, subject=call.subject)

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
            else:
                self.reloads += 1


def _proxy_url(kubeconfig: Path) -> str | None:
    """Return the `proxy-url` of a kubeconfig's current cluster; up to 36 the client ignores it."""
    import kubernetes  # noqa: PLC0415 - as in `connect`

    merged = kubernetes.config.kube_config.KubeConfigMerger(str(kubeconfig)).config
    context = merged["contexts"].get_with_name(merged["current-context"])["context"]
    cluster = merged["clusters"].get_with_name(context["cluster"])["cluster"]
    found = cluster.safe_get("proxy-url")
    return None if found is None else str(found)


def _use_proxy(configuration: Any, proxy: proxies.Proxy | None) -> None:
    configuration.proxy = proxy and proxy.url
    configuration.no_proxy = proxy and proxy.exceptions
    if proxy is not None and proxy.user is not None:
        configuration.proxy_headers = urllib3.make_headers(proxy_basic_auth=proxy.user)


def _headers(call: Call) -> dict[str, str]:
    headers = {
        "User-Agent": f"gpuscope-exporter/{__version__}",
        "Accept": _METADATA_ONLY if call.metadata_only else "application/json",
    }
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    if call.compressed:
        headers["Accept-Encoding"] = "gzip"
    return headers


def _credentials(configuration: Any) -> dict[str, str]:
    """Return the header that says who we are; a token that has expired is read again first."""
    found = configuration.auth_settings().get("BearerToken")
    if found is None or found["value"] is None:
        return {}
    value = str(found["value"])
    if not (value.isascii() and value.isprintable()):
        # Found out here: the connection's own error would tell it to every log.
        raise ValueError("the token cannot be sent: it has a line break or letters beyond ASCII")
    return {found["key"]: value}


def _hang_up(manager: urllib3.PoolManager) -> None:
    # A refusal's connection is kept for the next request; of this manager there is none, and the
    # error's own traceback would keep it open until the garbage is collected.
    pools = manager.pools
    for key in pools.keys():  # noqa: SIM118 - cannot be iterated otherwise
        pools[key].close()


class _Answer:
    """A successful answer; a `collection.Answer`."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response

    def whole(self) -> bytes:
        """Return the body."""
        try:
            return bytes(self._response.read())
        except (HTTPError, OSError) as error:
            raise _unreachable(error) from error

    def lines(self) -> Iterator[bytes]:
        """Yield the body's lines as they come, empty ones left out."""
        rest = b""
        try:
            for chunk in self._response.stream(_CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from filter(None, lines)
        except (HTTPError, OSError) as error:
            raise _unreachable(error) from error
        if rest.strip():
            raise ApiServerUnavailable("the watch broke off in the middle of an event")


def _unreachable(error: Exception) -> ApiServerUnavailable:
    # urllib3 names the pool and its memory address: the last cause is what a person can use.
    reason = str(getattr(error, "reason", None) or error)
    return ApiServerUnavailable(f"the API server cannot be reached: {' '.join(reason.split())}")
