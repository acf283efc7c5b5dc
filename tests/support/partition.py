"""A service behind a network that stops carrying: nothing is refused, nothing is answered."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

_NAME = f"gpuscope-{os.getpid()}"
_NEAR, _FAR = f"gsn{os.getpid()}", f"gsf{os.getpid()}"
# Of the block for benchmarks: nobody's.
_NET = f"198.19.{os.getpid() % 250}"
_PREFIX = 24


@dataclass(frozen=True)
class Network:
    """A network of its own, whose addresses can be cut off one by one.

    Attributes:
        addresses: Those of the service there.
        enter: What a command begins with that runs there.
    """

    addresses: tuple[str, ...]
    enter: tuple[str, ...]

    def cut(self, address: str) -> None:
        """Drop all that comes for an address, on connections that are open too."""
        _ip("-n", _NAME, "addr", "del", f"{address}/{_PREFIX}", "dev", _FAR)

    def heal(self, address: str) -> None:
        """Carry again."""
        _ip("-n", _NAME, "addr", "add", f"{address}/{_PREFIX}", "dev", _FAR)


@contextmanager
def network(addresses: int) -> Iterator[Network]:
    """Make a network with so many addresses; skips the test where that is not permitted."""
    if os.getuid() != 0 or not _may():
        pytest.skip("only root makes networks")
    names = tuple(f"{_NET}.{number + 2}" for number in range(addresses))
    made = Network(names, ("ip", "netns", "exec", _NAME))
    try:
        _ip("link", "add", _NEAR, "type", "veth", "peer", "name", _FAR, "netns", _NAME)
        _ip("addr", "add", f"{_NET}.1/{_PREFIX}", "dev", _NEAR)
        for link in (("-n", _NAME, "link", "set", "lo"), ("-n", _NAME, "link", "set", _FAR)):
            _ip(*link, "up")
        # Kept when the one before it is cut off, as the first one's others are not.
        _ip("netns", "exec", _NAME, "sysctl", "-qw", f"net.ipv4.conf.{_FAR}.promote_secondaries=1")
        _ip("link", "set", _NEAR, "up")
        hardware = _ip("netns", "exec", _NAME, "cat", f"/sys/class/net/{_FAR}/address").strip()
        for name in names:
            made.heal(name)
            # Known for good: nobody is told that an address cannot be reached.
            known = ("lladdr", hardware, "dev", _NEAR, "nud", "permanent")
            _ip("neigh", "replace", name, *known)
        yield made
    finally:
        _ip("netns", "del", _NAME)
        # The kernel takes both ends away with it, some time later.
        subprocess.run(["ip", "link", "del", _NEAR], capture_output=True, check=False)


def _may() -> bool:
    command = ["ip", "netns", "add", _NAME]
    return not subprocess.run(command, capture_output=True, check=False).returncode


def _ip(*words: str) -> str:
    command: Sequence[str] = ["ip", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
