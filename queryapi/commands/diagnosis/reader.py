"""Reads a Prometheus through prometheus-api-client, not through the service's own client.

A fault of ours must not hide itself. This is the only file that knows that library, and requests,
on which it stands; both are imported when somebody asks, for they are an extra.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from queryapi.errors import ConfigurationError, QueryApiError
from queryapi.outbound.decoding import BROKEN
from queryapi.promql.credentials import Credentials
from queryapi.settings import Cluster, Settings

T = TypeVar("T")

_STATUS = re.compile(r"HTTP Status Code ([0-9]{3})")
_REFUSED = frozenset({"401", "403"})
_MISSING = "doctor needs a package that is not installed: run `pip install 'gpuscope[doctor]'`"


class ReadFailed(QueryApiError):  # noqa: N818 - a state, named as one
    """Prometheus could not be read; the message names neither URL nor credentials."""


class Rule(msgspec.Struct, frozen=True):
    """One rule that Prometheus evaluates."""

    name: str
    type: str
    health: str = ""
    error: str = msgspec.field(name="lastError", default="")


class _Group(msgspec.Struct, frozen=True):
    rules: tuple[Rule, ...]


class _Groups(msgspec.Struct, frozen=True):
    groups: tuple[_Group, ...]


class _Rules(msgspec.Struct, frozen=True):
    data: _Groups


class _Build(msgspec.Struct, frozen=True):
    version: str


class _BuildInfo(msgspec.Struct, frozen=True):
    data: _Build


@dataclass(frozen=True, slots=True)
class Measured:
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float


class Reader:
    """One Prometheus; every call ends by a deadline and raises ReadFailed.

    Args:
        url: Its base URL.
        cluster: Whose credentials and authorities are used.
        settings: How long anything may take.

    Raises:
        ConfigurationError: When the library is not installed.
    """

    def __init__(self, url: str, cluster: Cluster, settings: Settings) -> None:
        try:
            import requests  # noqa: PLC0415 - an extra, needed by this command alone
            from prometheus_api_client import (  # noqa: PLC0415 - the same
                PrometheusApiClientException,
                PrometheusConnect,
            )
        except ImportError as error:
            raise ConfigurationError(_MISSING) from error
        self._requests = requests
        self._refusal = PrometheusApiClientException
        self._url = url
        self._timeout = (settings.timeouts.connect, settings.timeouts.query)
        self._headers = dict(Credentials(cluster).headers())
        self._session = requests.Session()
        # Neither a proxy nor a password from the environment: the service takes neither.
        self._session.trust_env = False
        self._session.max_redirects = 0
        self._session.verify = cluster.ca_file or True
        if cluster.cert_file and cluster.key_file:
            self._session.cert = (cluster.cert_file, cluster.key_file)
        # Without these two it would wait forever, and try again behind our back.
        self._client = PrometheusConnect(
            url, headers=self._headers, session=self._session, timeout=self._timeout, retry=0
        )

    def vector(self, query: str) -> list[Measured]:
        """Return the instant vector that *query* has now."""

        def read() -> list[Measured]:
            result = self._client.custom_query(query)
            return [Measured(found["metric"], float(found["value"][1])) for found in result]

        return self._guarded(read)

    def value(self, query: str) -> float | None:
        """Return the first value of *query*, None when it has none."""
        return next((found.value for found in self.vector(query)), None)

    def version(self) -> str | None:
        """Return which version it is; None when it does not tell."""
        build = self._told("/api/v1/status/buildinfo", _BuildInfo)
        return build.data.version if build else None

    def rules(self) -> tuple[Rule, ...] | None:
        """Return the rules that it evaluates itself; None when it does not tell."""
        told = self._told("/api/v1/rules", _Rules)
        return tuple(rule for group in told.data.groups for rule in group.rules) if told else None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _told(self, path: str, kind: type[T]) -> T | None:
        """Return what the library has no call for; not every store of metrics tells it."""
        answer = self._guarded(
            lambda: self._session.get(
                self._url + path, headers=self._headers, timeout=self._timeout
            )
        )
        try:
            return msgspec.json.decode(answer.content, type=kind) if answer.ok else None
        except BROKEN:
            return None

    def _guarded(self, call: Callable[[], T]) -> T:
        broken = self._requests.exceptions
        try:
            return call()
        except broken.Timeout as error:
            raise ReadFailed(
                "it did not answer in time: is it overloaded, or a packet filter in between?"
            ) from error
        except broken.SSLError as error:
            raise ReadFailed(
                "its certificate is not trusted: set ca_file to the authority that signed it"
            ) from error
        except broken.TooManyRedirects as error:
            raise ReadFailed("it redirects: write the final URL into prometheus_url") from error
        except broken.ConnectionError as error:
            raise ReadFailed(
                "no connection: is it running, and is prometheus_url its address?"
            ) from error
        except self._refusal as error:
            raise ReadFailed(_refused(str(error))) from error
        except (broken.RequestException, KeyError, IndexError, TypeError, ValueError) as error:
            raise ReadFailed(
                "what answers there is no Prometheus: is prometheus_url its base URL?"
            ) from error


def _refused(words: str) -> str:
    found = _STATUS.search(words)
    status = found[1] if found else "an error"
    if status in _REFUSED:
        return f"it answers HTTP {status}: check the credentials and headers of this cluster"
    return f"it answers HTTP {status}: is prometheus_url its base URL, and is it healthy?"
