"""Which addresses are connected to: those that a server of one's own can have.

Whoever writes DNS for a name of the settings must not turn us against the machine that we run on:
clouds hand out credentials at link-local addresses to whoever asks from within. The address that
is judged is the one that is connected to, so that an answer that changes meanwhile is of no use.
"""

import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

# Metadata services at addresses that look like anybody's: AWS, Google, Alibaba, Azure, Oracle.
_METADATA = frozenset(
    map(
        ip_address,
        ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    )
)
_TRANSLATED = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


class Forbidden(NewConnectionError):  # noqa: N818 - a state, named as one
    """A name has no address but those that are never connected to."""


def may_be_reached(address: str) -> bool:
    """Tell whether anything is sent to *address*; loopback and private ones are fine.

    Args:
        address: Of IPv4 or IPv6, as a resolver returns it.
    """
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        found = _within(found) or found
    return not (
        found.is_link_local
        or found.is_multicast
        or found.is_unspecified
        or found in _METADATA
        or (isinstance(found, IPv4Address) and (found.is_reserved or int(found) >> 24 == 0))
    )


def _within(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that packets to *address* end at."""
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _TRANSLATED or (address in _COMPATIBLE and int(address) > 1):
        return last
    return address.ipv4_mapped or address.sixtofour


class ReachingConnection(HTTPConnection):
    """A connection to an address that may be reached, or none."""

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        failure: ConnectTimeoutError | NewConnectionError
        failure = Forbidden(self, "its address is one that nothing is sent to")
        try:
            for address in filter(may_be_reached, self._addresses(name.strip("[]"))):
                self._dns_host = address
                try:
                    return super()._new_conn()
                except (ConnectTimeoutError, NewConnectionError) as error:
                    failure = error
        finally:
            self._dns_host = name
        raise failure

    def _addresses(self, name: str) -> list[str]:
        try:
            found = socket.getaddrinfo(name, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except UnicodeError as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        return [str(address[0]) for *_, address in found]


class ReachingTlsConnection(ReachingConnection, HTTPSConnection):
    """The same, with TLS."""


class _Plain(HTTPConnectionPool):
    ConnectionCls = ReachingConnection


class _Tls(HTTPSConnectionPool):
    ConnectionCls = ReachingTlsConnection


POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _Plain, "https": _Tls}
"""What a pool manager of urllib3 makes for each scheme, so that it connects as above."""
