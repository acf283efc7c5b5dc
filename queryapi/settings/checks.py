"""Refuses settings that contradict one another, the machine, or safety."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from queryapi.errors import ConfigurationError
from queryapi.settings.table import Cluster, Settings

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
_LAST_PORT = 65535


def check(settings: Settings) -> Settings:
    """Return *settings* when the service can run with them; `default_cluster` is then set.

    Raises:
        ConfigurationError: Naming the first setting that contradicts another or the machine.
    """
    for address in settings.listen:
        _check_listen(address)
    names = [cluster.name for cluster in settings.clusters]
    if len(set(names)) != len(names):
        raise ConfigurationError("clusters: two of them have the same name")
    if settings.default_cluster not in ("", *names):
        raise ConfigurationError(
            f"default_cluster: {settings.default_cluster!r} is not among the clusters"
            f" ({', '.join(names)})"
        )
    for cluster in settings.clusters:
        _check_cluster(cluster)
    if settings.cache.stale < settings.cache.ttl:
        raise ConfigurationError("cache.stale: must not be shorter than cache.ttl")
    return msgspec.structs.replace(settings, default_cluster=settings.default_cluster or names[0])


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[v6]:port`.

    Raises:
        ConfigurationError: When it is neither.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= _LAST_PORT:
        raise ConfigurationError(f"listen: {address!r} is not host:port, as in 127.0.0.1:8080")
    bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not bracketed:
        raise ConfigurationError(f"listen: write an IPv6 address in brackets: [{host}]:{port}")
    return host.strip("[]") if bracketed else host, int(port)


def _check_listen(address: str) -> None:
    host, _ = split_address(address)
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConfigurationError(
            f"listen: {address!r} can be reached from other machines, and no authentication is"
            " configured; use a loopback address such as 127.0.0.1 behind a proxy that knows"
            " who is asking"
        )


def _check_cluster(cluster: Cluster) -> None:
    where = f"clusters[{cluster.name}]"
    if not cluster.urls:
        raise ConfigurationError(f"{where}.prometheus_url: at least one URL is needed")
    for url in cluster.urls:
        _check_url(where, url)
    for label, value in cluster.labels.items():
        if not _LABEL_NAME.fullmatch(label) or not _is_unicode(value):
            raise ConfigurationError(f"{where}.matchers: {label!r} cannot be matched in PromQL")
    for name, value in cluster.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ConfigurationError(f"{where}.headers: {name!r} cannot be sent")
    _check_credentials(where, cluster)


def _check_url(where: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{where}.prometheus_url: not an http(s) base URL, as in http://127.0.0.1:9090"
        )
    if parts.username is not None:
        raise ConfigurationError(f"{where}.prometheus_url: put user and password in basic_auth")


def _check_credentials(where: str, cluster: Cluster) -> None:
    basic = cluster.basic_auth
    if basic and cluster.bearer_token_file:
        raise ConfigurationError(f"{where}: give bearer_token_file or basic_auth, not both")
    if basic and (basic.password is None) == (basic.password_file is None):
        raise ConfigurationError(f"{where}.basic_auth: give password or password_file")
    files = {
        "bearer_token_file": cluster.bearer_token_file,
        "ca_file": cluster.ca_file,
        "basic_auth.password_file": basic.password_file if basic else None,
    }
    for setting, path in files.items():
        if path is not None and not Path(path).is_file():
            raise ConfigurationError(f"{where}.{setting}: there is no file {path!r}")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
