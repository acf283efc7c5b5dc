"""What URLs, addresses and files that settings name must be."""

import ipaddress
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from queryapi.errors import ConfigurationError

_LAST_PORT = 65535
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")


def url_parts(url: str) -> SplitResult | None:
    """Return a URL's parts; None when it has no meaning, such as a port that is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts


def url_options(parts: SplitResult, known: Collection[str], setting: str) -> dict[str, list[str]]:
    """Return the options behind a URL's question mark, by name.

    Raises:
        ConfigurationError: When one is not *known*: what is misspelt would not be used.
    """
    options = parse_qs(parts.query, keep_blank_values=True)
    if not set(known).issuperset(options):
        raise ConfigurationError(
            f"{setting}: of options only {', '.join(sorted(known))} are known; user and"
            " password stand before the host"
        )
    return options


def split_address(address: str, setting: str = "listen") -> tuple[str, int]:
    """Return host and port of `host:port` or `[v6]:port`, as *setting* names it.

    Raises:
        ConfigurationError: When it is neither.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= _LAST_PORT:
        raise ConfigurationError(f"{setting}: {address!r} is not host:port, as in 127.0.0.1:8080")
    bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not bracketed:
        raise ConfigurationError(f"{setting}: write an IPv6 address in brackets: [{host}]:{port}")
    return host.strip("[]") if bracketed else host, int(port)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches *host*, a name or an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reads_safely(url: str) -> bool:
    """Tell whether nobody on the way can change what *url* answers: https, or this machine."""
    parts = url_parts(url)
    host = parts.hostname if parts else None
    if not parts or not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def check_file(where: str, path: str | None, advice: str = "") -> None:
    """Refuse the *path* of the setting *where* when there is no such file; None is none."""
    if path is not None and not Path(path).is_file():
        raise ConfigurationError(f"{where}: there is no file {path!r}{advice}")


def check_headers(where: str, headers: Mapping[str, str]) -> None:
    """Refuse *headers* of which one cannot be sent; values may be secret and are not repeated."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ConfigurationError(f"{where}: {name!r} cannot be sent")


def is_unicode(text: str) -> bool:
    """Tell whether *text* can be encoded at all."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
