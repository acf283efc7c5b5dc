"""Asks those who vouch for callers: JSON over HTTP, in a bounded time, by few threads."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TypeVar

import msgspec

from queryapi.errors import AuthenticatorUnavailable
from queryapi.outbound.decoding import BROKEN
from queryapi.outbound.transport import ExchangeFailed, Request, Transport

T = TypeVar("T")

PATIENCE_SECONDS = 2.0
MOST_BYTES = 1024 * 1024
# Half of a process's threads: whoever vouches may hang, the rest of the service must not.
_PLACES = 8
_FINE = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})


class Asking:
    """Sends questions to one party.

    Args:
        whom: What the log and callers are told it is, such as `the issuer`.
        transport: Carries the questions.
        clock: Monotonic seconds, as the transport's.
    """

    def __init__(
        self, whom: str, transport: Transport, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.whom = whom
        self._transport = transport
        self._clock = clock

    def ask(self, request: Request, answer: type[T]) -> T:
        """Return the answer to *request*.

        Raises:
            AuthenticatorUnavailable: When there is no usable one in time.
        """
        try:
            reply = self._transport.exchange(request, self._clock() + PATIENCE_SECONDS)
        except ExchangeFailed as error:
            raise self.failed(str(error)) from error
        if reply.status not in _FINE:
            raise self.failed(f"it answered {reply.status}")
        try:
            return msgspec.json.decode(reply.body, type=answer)
        except BROKEN:
            raise self.failed("its answer cannot be understood") from None

    def failed(self, why: str) -> AuthenticatorUnavailable:
        """Return the error that says *why* nobody can be judged."""
        return AuthenticatorUnavailable(f"tokens cannot be checked now: {self.whom}: {why}")

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class Places:
    """The threads that may wait for one party at a time; the others are turned away at once."""

    def __init__(self, whom: str, places: int = _PLACES) -> None:
        self._whom = whom
        self._free = threading.BoundedSemaphore(places)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take a place for the length of a `with` block.

        Raises:
            AuthenticatorUnavailable: When there is none.
        """
        if not self._free.acquire(blocking=False):
            raise AuthenticatorUnavailable(
                f"tokens cannot be checked now: too many wait for {self._whom}"
            )
        try:
            yield
        finally:
            self._free.release()
