"""What an authenticator says of a credential, and a bounded memory of such things."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from queryapi.access.principal import Principal

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A credential that is good.

    Args:
        principal: Whose it is.
        until: Unix seconds at which it has to be judged again.
    """

    principal: Principal
    until: float


class Authenticator(Protocol):
    """Judges credentials of one kind."""

    def judge(self, token: str, digest: bytes) -> Verdict:
        """Tell whose *token* it is.

        Raises:
            Unauthenticated: When it is not valid.
            AuthenticatorUnavailable: When nobody can tell now.
        """
        ...

    def asks(self, digest: bytes) -> bool:
        """Tell whether judging it now would mean asking somebody else."""
        ...

    def close(self) -> None:
        """Close what is held open."""
        ...


class Recent(Generic[V]):
    """Remembers the *most* lately used values, by the digest of a token. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[bytes, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> V | None:
        """Return what is remembered; None when nothing is."""
        with self._lock:
            found = self._values.get(digest)
            if found is not None:
                self._values.move_to_end(digest)
            return found

    def put(self, digest: bytes, value: V) -> None:
        """Remember *value*; what was not used for longest is forgotten for it."""
        with self._lock:
            self._values[digest] = value
            self._values.move_to_end(digest)
            if len(self._values) > self._most:
                self._values.popitem(last=False)

    def forget(self, digest: bytes) -> None:
        """Drop what is remembered, if anything is."""
        with self._lock:
            self._values.pop(digest, None)

    def __len__(self) -> int:
        return len(self._values)
