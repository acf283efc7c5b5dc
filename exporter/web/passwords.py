"""Basic authentication by bcrypt, which is slow on purpose: each password is checked once."""

import base64
import binascii
import hashlib
import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import bcrypt

_MOST_REMEMBERED = 100
# A check keeps a core busy for 50 ms and more: two at a time leave the exporter its own work.
_MOST_CHECKS = 2
_WAIT_SECONDS = 2.0
# Who tries out passwords must take neither the threads that serve nor the places of other clients.
_MOST_PENDING = 12
_MOST_PENDING_OF_ONE = 4
# bcrypt looks no further; its binding raises, where htpasswd and Go's cut off.
_BCRYPT_BYTES = 72


class BusyError(Exception):
    """Too many passwords are being checked."""


class Passwords:
    """Checks credentials, and remembers which were right.

    What is remembered is a digest under a key that only this process has, so that neither its
    memory nor its time tells more of a password than bcrypt does. Wrong ones are not remembered:
    they would push out right ones.
    """

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._lock = threading.Lock()
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._places = threading.Semaphore(_MOST_CHECKS)
        self._pending: Counter[str] = Counter()

    def admits(self, users: Mapping[str, str], header: str, client: str = "") -> bool:
        """Tell whether an Authorization header holds the name and the password of a user.

        Args:
            users: bcrypt hashes by name.
            header: The header's value; empty when there is none.
            client: The address that it came from.

        Raises:
            BusyError: When others' checks would have to be waited for too long.
        """
        credentials = _credentials(header)
        if credentials is None:
            return False
        name, password = credentials
        digest = users.get(name)
        # As much work for a user who does not exist: time must not tell who does.
        return self._matches(digest or _nobody(users), password, client) and digest is not None

    def _matches(self, digest: str, password: bytes, client: str) -> bool:
        remembered = hashlib.blake2b(
            digest.encode() + b"\0" + password, key=self._key, digest_size=32
        ).digest()
        with self._lock:
            if remembered in self._right:
                self._right.move_to_end(remembered)
                return True
        with self._pending_of(client):
            right = self._checked(digest, password)
        if right:
            with self._lock:
                self._right[remembered] = None
                if len(self._right) > _MOST_REMEMBERED:
                    self._right.popitem(last=False)
        return right

    @contextmanager
    def _pending_of(self, client: str) -> Iterator[None]:
        with self._lock:
            if (
                self._pending.total() >= _MOST_PENDING
                or self._pending[client] >= _MOST_PENDING_OF_ONE
            ):
                raise BusyError
            self._pending[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._pending[client] -= 1
                self._pending += Counter()  # without those that have none

    def _checked(self, digest: str, password: bytes) -> bool:
        if not self._places.acquire(timeout=_WAIT_SECONDS):
            raise BusyError
        try:
            return bcrypt.checkpw(password[:_BCRYPT_BYTES], digest.encode())
        except ValueError:
            return False
        finally:
            self._places.release()


def _nobody(users: Mapping[str, str]) -> str:
    """Return a hash that no password has, as costly as the costliest of *users*."""
    cost = max((digest[4:6] for digest in users.values()), default="10")
    return f"$2b${cost}${'.' * 53}"


def _credentials(header: str) -> tuple[str, bytes] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (name.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None
