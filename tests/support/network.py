"""A network whose cable can be pulled out: clients behind it are gone without a word."""

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True, slots=True)
class Network:
    """Two ends of a cable; ours is an address of this machine.

    Args:
        host: Our address.
        name: Of the other end, where clients are.
    """

    host: str
    name: str

    def connect(self, port: int) -> socket.socket:
        """Connect to a port of our address from the other end."""
        return _in_thread(lambda: self._connected(port))

    def pull(self) -> None:
        """Pull the cable: nothing of what either end says arrives any more."""
        _ip("link", "set", _ours(self.name), "down")

    def plug(self) -> None:
        """Put it back."""
        _ip("link", "set", _ours(self.name), "up")

    def _connected(self, port: int) -> socket.socket:
        with Path(f"/run/netns/{self.name}").open() as namespace:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(namespace.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        # A socket stays where it was made, whoever uses it afterwards.
        return socket.create_connection((self.host, port), timeout=60)


@contextmanager
def network() -> Iterator[Network | None]:
    """Lay a cable; None where this process may not."""
    number = os.getpid() % 60_000
    # Addresses of this process alone: another one may have laid a cable, or left one.
    name, place = f"gpuscope-{number}", f"{number // 250}.{1 + number % 250}"
    host, beyond = f"10.213.{place}", f"10.214.{place}"
    with ExitStack() as cleanup:
        try:
            _ip("netns", "add", name)
            cleanup.callback(_ip, "netns", "delete", name)
            _ip("link", "add", _ours(name), "type", "veth", "peer", "name", "far", "netns", name)
            cleanup.callback(_ip, "link", "delete", _ours(name))
            _ip("address", "add", f"{host}/32", "peer", beyond, "dev", _ours(name))
            _ip("link", "set", _ours(name), "up")
            far = ("-netns", name)
            _ip(*far, "address", "add", f"{beyond}/32", "peer", host, "dev", "far")
            _ip(*far, "link", "set", "far", "up")
        except (OSError, subprocess.CalledProcessError):
            yield None
        else:
            yield Network(host, name)


def _ours(name: str) -> str:
    return f"gs{name.rpartition('-')[2]}"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _in_thread(work: Callable[[], T]) -> T:
    """Do it in a thread of its own, which alone is moved elsewhere."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    assert found, "the other end of the cable cannot connect"
    return found[0]
