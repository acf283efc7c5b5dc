"""Where a request comes from, seen through the proxies in front of us."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

_KEPT = 1024
_LONGEST = 64
_NETWORK_BITS = 64

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Addresses:
    """Tells a client's address.

    Args:
        trusted: Networks of proxies whose X-Forwarded-For is believed.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = tuple(ipaddress.ip_network(network, strict=False) for network in trusted)

    def client(self, peer: str, forwarded_for: str | None) -> str:
        """Return the address nearest to us that is not a trusted proxy's.

        Args:
            peer: The other end of the connection.
            forwarded_for: X-Forwarded-For; each proxy has added whom it heard at the end. What
                cannot be read was not written by one of ours and ends the search.
        """
        if not forwarded_for or not self._trusted:
            return peer
        found = peer
        for text in reversed(forwarded_for.split(",")):
            if not self._is_trusted(found):
                break
            address = _read(text)
            if address is None:
                break
            found = str(address)
        return found

    def _is_trusted(self, text: str) -> bool:
        address = _read(text)
        return address is not None and any(address in network for network in self._trusted)


@lru_cache(_KEPT)
def bucket(address: str) -> str:
    """Return the name under which what *address* asks is counted.

    One IPv6 client has a whole /64 to choose its addresses from: it is counted as one.
    """
    read = _read(address)
    if isinstance(read, ipaddress.IPv6Address):
        network = ipaddress.ip_network((read, _NETWORK_BITS), strict=False)
        return f"address:{network.network_address}"
    return f"address:{read or 'unknown'}"


def _read(text: str) -> Address | None:
    """Return an address, written alone, with a port, or in brackets."""
    # Cut before it is remembered: a client may write as much as a header holds.
    return _known(text.strip()[:_LONGEST])


@lru_cache(_KEPT)
def _known(host: str) -> Address | None:
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
