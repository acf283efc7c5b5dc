"""The store over Redis: short waits, and one line in the log when it goes or is back.

This is the only file that knows the redis package; all that can go wrong leaves it as
SharedUnavailable. Whatever Redis does, the process goes on with what is its own.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import BlockingConnectionPool, SSLConnection, parse_url
from redis.exceptions import AskError, ClusterCrossSlotError
from redis.retry import Retry

from queryapi.errors import SharedUnavailable
from queryapi.outbound.breaker import Breaker
from queryapi.telemetry.logs import fields
from queryapi.telemetry.sharing import Sharing

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

_PREFIX = "gpuscope:"
_WAIT_SECONDS = 0.25
_PAUSE_SECONDS = 1.0
# More than there are threads that ask: opened when needed, and nobody queues.
_CONNECTIONS = 64

# A replica still reads, a full Redis too: only one that writes and runs scripts is shared.
_PROBE = "return redis.call('SET', KEYS[1], '1', 'PX', 1000) and 1"
_RELEASE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"


class RedisStore:
    """Keys and values in Redis, under a prefix; see Store.

    Args:
        url: `redis://`, `rediss://` or `unix://`, as the settings' checks let it pass.
        sharing: Counts failures.
        clock: Monotonic seconds.
    """

    def __init__(
        self, url: str, sharing: Sharing, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = _pool(url)
        self._client = Redis(connection_pool=self._pool)
        self._scripts: dict[str, Callable[..., object]] = {}
        self._breaker = Breaker(failures=1, pause=_PAUSE_SECONDS)
        self._clock = clock
        self._lock = threading.Lock()
        # None until the first answer or failure: then every caller finds out, and it is news.
        self._up: bool | None = None
        self._sharing = sharing

    def get(self, key: str) -> bytes | None:
        """Return a key's value."""
        return self._ask(lambda: _bytes_or_none(self._client.get(_PREFIX + key)))

    def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep a value for a time."""
        self._ask(lambda: self._client.set(_PREFIX + key, value, px=_milliseconds(seconds)))

    def claim(self, key: str, holder: str, *, seconds: float) -> bool:
        """Hold *key* for a time, unless somebody does."""
        milliseconds = _milliseconds(seconds)
        return self._ask(
            lambda: bool(self._client.set(_PREFIX + key, holder, nx=True, px=milliseconds))
        )

    def release(self, key: str, holder: str) -> None:
        """Let go of *key*, if *holder* holds it."""
        self.run(_RELEASE, [key], [holder])

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[str]) -> Sequence[int]:
        """Run a Lua script as one step; returns its integers."""
        return self._ask(lambda: self._run(script, keys, arguments))

    def close(self) -> None:
        """Close connections."""
        self._pool.disconnect()

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[str]) -> Sequence[int]:
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self._client.register_script(script)
        return _integers(known(keys=[_PREFIX + key for key in keys], args=list(arguments)))

    def _ask(self, command: Callable[[], T]) -> T:
        if not self._up:
            self._try_again()
        try:
            return command()
        except Exception as error:  # noqa: BLE001 - no fault of Redis or its client is a request's
            failure = self._failure(error)
        # Not chained: a server may quote what it was sent, the password included.
        raise failure

    def _try_again(self) -> None:
        if not self._breaker.admits(self._clock()):
            raise SharedUnavailable("Redis is left alone for a moment after a failure")
        try:
            self._run(_PROBE, ["up"], [])
        except Exception as error:  # noqa: BLE001 - as above
            failure = self._failure(error)
        else:
            self._breaker.succeeded()
            if self._is_news(up=True):
                _LOG.info("Redis answers: cache and limits are shared")
            self._sharing.up(1)
            return
        raise failure

    def _failure(self, error: Exception) -> SharedUnavailable:
        self._sharing.error()
        kind = type(error).__name__
        if not _is_of_one_key(error):
            self._breaker.failed(self._clock())
            if self._is_news(up=False):
                _LOG.warning(
                    "Redis does not answer: this process goes on alone", extra=fields(error=kind)
                )
            self._sharing.up(0)
        return SharedUnavailable(f"Redis failed: {kind}")

    def _is_news(self, *, up: bool) -> bool:
        """Note whether it answers; tell whether that was not known."""
        with self._lock:
            was, self._up = self._up, up
            return was is not up


def _pool(url: str) -> BlockingConnectionPool:
    options: Mapping[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    ours: dict[str, Any] = {
        "max_connections": _CONNECTIONS,
        "timeout": _WAIT_SECONDS,
        "socket_connect_timeout": _WAIT_SECONDS,
        "socket_timeout": _WAIT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": False,
        # The third version adds notices between answers, of which none is needed here.
        "protocol": 2,
    }
    if options.get("connection_class") is SSLConnection:
        ours |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    return BlockingConnectionPool(**{**options, **ours})  # type: ignore[no-untyped-call]


def _is_of_one_key(error: Exception) -> bool:
    """Tell what is wrong with one key, or with where it is kept: the next may be well."""
    return isinstance(error, (AskError, ClusterCrossSlotError)) or "WRONGTYPE" in str(error)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _bytes_or_none(answer: object) -> bytes | None:
    if answer is None or isinstance(answer, bytes):
        return answer
    raise TypeError("the answer to GET is no string")


def _integers(answer: object) -> Sequence[int]:
    items = answer if isinstance(answer, list) else [answer]
    numbers = [item for item in items if isinstance(item, int)]
    if len(numbers) != len(items):
        raise TypeError("a script's answer is no integer")
    return numbers
