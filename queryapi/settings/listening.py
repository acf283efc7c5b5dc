"""Where the service listens: what is refused, and where its own parts reach one another."""

import ipaddress

from queryapi.errors import ConfigurationError
from queryapi.settings.access import Api
from queryapi.settings.table import LISTEN_APIS, Settings
from queryapi.settings.values import is_loopback, split_address

# What the stream gateway asks of the HTTP service.
_STREAMED = Api.HEALTH


def check_listeners(settings: Settings) -> None:
    """Refuse addresses that are none, contradict one another or would open the service to all.

    A port that `listen_apis` limits must be listened on.

    Raises:
        ConfigurationError: Naming the first such address.
    """
    guarded = settings.auth.configured
    for address in settings.listen:
        _check("listen", address, guarded=guarded)
    ports = {split_address(address)[1] for address in settings.listen}
    _check_limited(settings, ports)
    if settings.stream_listen is None:
        return
    _check("stream_listen", settings.stream_listen, guarded=guarded)
    if split_address(settings.stream_listen, "stream_listen")[1] in ports:
        raise ConfigurationError("stream_listen: needs a port that is not in listen")
    service_url(settings)


def service_url(settings: Settings) -> str:
    """Return the URL at which the HTTP service answers what the stream gateway asks.

    Raises:
        ConfigurationError: When no listener serves it.
    """
    for address in settings.listen:
        host, port = split_address(address)
        if _STREAMED in settings.listen_apis.get(port, Api):
            return f"http://{_reachable(host)}:{port}"
    raise ConfigurationError(
        "listen_apis: no listener serves health, which WebSockets tell of: let one serve it or"
        " set stream_listen to null"
    )


def _check_limited(settings: Settings, ports: set[int]) -> None:
    # The default limits a port of the default `listen`: who listens elsewhere need not undo it.
    if dict(settings.listen_apis) == LISTEN_APIS:
        return
    for port in settings.listen_apis:
        if port not in ports:
            raise ConfigurationError(
                f"listen_apis: nothing listens on port {port}, so that it would limit nothing;"
                f" listen has {', '.join(map(str, sorted(ports)))}"
            )


def _check(setting: str, address: str, *, guarded: bool) -> None:
    host, _ = split_address(address, setting)
    if not guarded and not is_loopback(host):
        raise ConfigurationError(
            f"{setting}: {address!r} can be reached from other machines, and no authentication is"
            " configured: set auth.tokens_file, auth.oidc or auth.token_review, or use a loopback"
            " address such as 127.0.0.1 behind a proxy that knows who is asking"
        )


def _reachable(host: str) -> str:
    """Return the host of a URL for a listener's *host*, which may stand for all addresses."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"  # noqa: PLR2004 - IPv4
    return host if address.version == 4 else f"[{host}]"  # noqa: PLR2004 - IPv4
