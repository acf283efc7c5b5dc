"""Which proxy stands between us and an API server.

Decided here, because the versions of the `kubernetes` package differ: 35 forgets NO_PROXY and takes
any proxy for any scheme, and only 37 reads a kubeconfig's `proxy-url`. The rules are client-go's:
a kubeconfig's `proxy-url` comes before the environment, and knows no exceptions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Args:
        url: Where it is, without name and password.
        user: "name:password"; None: it asks for none.
        exceptions: Hosts that are asked without it, as NO_PROXY spells them.
    """

    url: str
    user: str | None = None
    exceptions: str | None = None


def choose(server: str, configured: str | None, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a server; None: there is none to use.

    Args:
        server: The API server's URL.
        configured: The kubeconfig's `proxy-url`.
        environment: HTTPS_PROXY, HTTP_PROXY and NO_PROXY count, in small letters before capitals.
    """
    if configured:
        return _proxy(configured, None)
    name = f"{urlsplit(server).scheme}_proxy"
    found = _either(environment, name)
    return _proxy(found, _either(environment, "no_proxy")) if found else None


def _either(environment: Mapping[str, str], name: str) -> str | None:
    return environment.get(name) or environment.get(name.upper())


def _proxy(text: str, exceptions: str | None) -> Proxy:
    parts = urlsplit(text if "://" in text else f"http://{text}")
    user, _, place = parts.netloc.rpartition("@")
    url = f"{parts.scheme}://{place}"
    return Proxy(url, unquote(user) or None, exceptions)
