"""Who may come in: known by the guard, within their rate."""

import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

from queryapi.access.policy import Permission
from queryapi.access.principal import NOBODY, Principal
from queryapi.errors import RateLimited, Unauthenticated
from queryapi.front.addresses import bucket
from queryapi.limits.allowance import Allowance, Limiter
from queryapi.settings import Api, Limits

# What a caller needs who asks for something that is not there.
TO_READ = Permission.READ

_GUESSES = "authentication"
_GUESSERS_KEPT = 4096
_TOO_MANY = "Too many requests"


class Guard(Protocol):
    """Knows callers."""

    def admit(self, authorization: str | None, api: Api | None, needs: Permission) -> Principal:
        """Return who is asking.

        Raises:
            Unauthenticated: When nobody knows them.
            NotPermitted: When they may not do what it *needs*.
            AuthenticatorUnavailable: When that cannot be told now.
        """
        ...

    def identify(self, authorization: str | None) -> Principal:
        """Return who is asking where everybody may; NOBODY when that cannot be told."""
        ...

    def asks(self, authorization: str) -> bool:
        """Tell whether judging a credential now would mean asking somebody else about it."""
        ...

    def close(self) -> None:
        """Close what is held open."""
        ...


class Turnstile:
    """Lets a client through as often as it may.

    Args:
        limiter: Counts; None = nothing is limited.
        limits: What the limiter was made from, told to clients.
        together: Counts what is limited one by one all together; None = nobody does.
    """

    def __init__(
        self, limiter: Limiter | None, limits: Limits, together: Limiter | None = None
    ) -> None:
        self._limiter = limiter
        self._together = together
        window = math.ceil(limits.burst * 60 / limits.per_minute) if limits.per_minute else 0
        # draft-ietf-httpapi-ratelimit-headers: so many in the time that an empty bucket takes
        # to fill.
        self._policy = ("RateLimit-Policy", f'"default";q={limits.burst};w={window}')

    def take(self, client: str, endpoint: str, one: str = "") -> Allowance | None:
        """Count one request; None = nothing is limited.

        Args:
            client: Whose.
            endpoint: Of what.
            one: Of which of those, where they are limited one by one; empty = they are not.
        """
        if self._limiter is None:
            return None
        if one and self._together is not None:
            # Whoever makes up ever new ones has a bucket for each.
            all_of_them = self._together.take(client, endpoint)
            if not all_of_them.allowed:
                return all_of_them
        return self._limiter.take(client, f"{endpoint} {one}" if one else endpoint)

    def headers(self, allowance: Allowance) -> list[tuple[str, str]]:
        """Return what clients are told of their rate."""
        left = f'"default";r={allowance.remaining};t={math.ceil(allowance.reset)}'
        return [self._policy, ("RateLimit", left)]


class Admission:
    """Asks the guard, and does not let anybody guess at others' cost.

    A failure is charged to the address it came from. When that has no more to spend, failures from
    there are answered as too many, and nobody else is asked about credentials from there. Those
    that are known here are good all the same: many callers may share one address, and none of them
    shuts the others out. Guessing is hopeless anyway: tokens of our own hold 256 random bits.

    Args:
        guard: Knows callers.
        turnstile: Counts the failures.
        clock: Monotonic seconds.
    """

    def __init__(
        self, guard: Guard, turnstile: Turnstile, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._guard = guard
        self._turnstile = turnstile
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_until: dict[str, float] = {}

    def admit(
        self, authorization: str | None, api: Api | None, needs: Permission, *, address: str
    ) -> Principal:
        """Return who is asking.

        Raises:
            Unauthenticated: As the guard says; NotPermitted and AuthenticatorUnavailable too.
            RateLimited: When that fails or is costly, and their address has failed too often.
        """
        self._refuse_guessers(authorization, address)
        try:
            return self._guard.admit(authorization, api, needs)
        except Unauthenticated:
            self._charge(address)
            raise

    def identify(self, authorization: str | None, *, address: str) -> Principal:
        """Return who is asking at an open door; NOBODY when that cannot be told."""
        try:
            self._refuse_guessers(authorization, address)
            found = self._guard.identify(authorization)
            if authorization is not None and found is NOBODY:
                self._charge(address)
        except RateLimited:
            return NOBODY
        return found

    def _refuse_guessers(self, authorization: str | None, address: str) -> None:
        if not self._closed_until or authorization is None:
            return
        wait = self._closed_for(bucket(address))
        if wait > 0 and self._guard.asks(authorization):
            raise RateLimited(_TOO_MANY, retry_after=wait)

    def _closed_for(self, name: str) -> float:
        return self._closed_until.get(name, 0.0) - self._clock()

    def _charge(self, address: str) -> None:
        name = bucket(address)
        wait = self._closed_for(name)
        if wait > 0:
            raise RateLimited(_TOO_MANY, retry_after=wait)
        allowance = self._turnstile.take(name, _GUESSES)
        if allowance is None or allowance.allowed:
            return
        with self._lock:
            self._closed_until.pop(name, None)
            while len(self._closed_until) >= _GUESSERS_KEPT:
                del self._closed_until[next(iter(self._closed_until))]
            self._closed_until[name] = self._clock() + allowance.retry_after
        raise RateLimited(_TOO_MANY, retry_after=allowance.retry_after)


def client_of(principal: Principal, address: str) -> str:
    """Return the name under which a caller's requests are counted."""
    return bucket(address) if principal.name == NOBODY.name else principal.name
