"""Refuses settings that contradict one another, the machine, or safety."""

import re
from collections.abc import Iterator

import msgspec

from queryapi.errors import ConfigurationError
from queryapi.settings.accesschecks import check_auth
from queryapi.settings.databasechecks import check_database
from queryapi.settings.jobschecks import check_providers
from queryapi.settings.listening import check_listeners
from queryapi.settings.monitoringchecks import check_monitoring
from queryapi.settings.servicechecks import check_service
from queryapi.settings.table import Cluster, Settings
from queryapi.settings.values import check_file, check_headers, is_unicode, url_parts
from queryapi.settings.watchedchecks import check_services

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def check(settings: Settings) -> Settings:
    """Return *settings* when the service can run with them.

    Raises:
        ConfigurationError: Naming the first setting that contradicts another or the machine.
    """
    check_listeners(settings)
    names = [cluster.name for cluster in settings.clusters]
    if len(set(names)) != len(names):
        raise ConfigurationError("clusters: two of them have the same name")
    if settings.default_cluster not in names:
        raise ConfigurationError(
            f"default_cluster: {settings.default_cluster!r} is not among the clusters"
            f" ({', '.join(names)})"
        )
    for cluster in settings.clusters:
        _check_cluster(cluster)
    check_auth(settings.auth, names)
    check_services(settings.services, names)
    if settings.cache.stale < settings.cache.ttl:
        raise ConfigurationError("cache.stale: must not be shorter than cache.ttl")
    check_monitoring(settings)
    check_service(settings)
    check_database(settings)
    check_providers(settings.providers)
    # They travel to other processes as JSON, and names to clients.
    broken = next(_broken(msgspec.to_builtins(settings, str_keys=True), ""), None)
    if broken is not None:
        raise ConfigurationError(f"{broken}: is not valid Unicode")
    return settings


def _broken(value: object, where: str) -> Iterator[str]:
    """Yield the settings whose text cannot be encoded; never the text, which may be a secret."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _broken(name, where)
            yield from _broken(item, f"{where}.{name}" if where else name)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _broken(item, f"{where}[{index}]")
    elif isinstance(value, str) and not is_unicode(value):
        yield where


def _check_cluster(cluster: Cluster) -> None:
    where = f"clusters[{cluster.name}]"
    if not cluster.urls:
        raise ConfigurationError(f"{where}.prometheus_url: at least one URL is needed")
    for url in cluster.urls:
        _check_url(where, url)
    for label, value in cluster.labels.items():
        if not _LABEL_NAME.fullmatch(label) or not is_unicode(value):
            raise ConfigurationError(f"{where}.matchers: {label!r} cannot be matched in PromQL")
    check_headers(f"{where}.headers", cluster.headers)
    _check_credentials(where, cluster)


def _check_url(where: str, url: str) -> None:
    parts = url_parts(url)
    based = parts and parts.scheme in ("http", "https") and not parts.query and not parts.fragment
    if not parts or not based or not parts.hostname:
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
    if (cluster.cert_file is None) != (cluster.key_file is None):
        raise ConfigurationError(f"{where}: give both cert_file and key_file, or neither")
    files = {
        "bearer_token_file": cluster.bearer_token_file,
        "ca_file": cluster.ca_file,
        "cert_file": cluster.cert_file,
        "key_file": cluster.key_file,
        "basic_auth.password_file": basic.password_file if basic else None,
    }
    for setting, path in files.items():
        check_file(f"{where}.{setting}", path)
