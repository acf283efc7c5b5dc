"""Redis is a convenience: whatever happens to it is told in one way, soon, and once."""

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from demo.processes import LOOPBACK, free_port
from queryapi.errors import SharedUnavailable
from queryapi.settings import Settings
from queryapi.shared.choice import store_of
from queryapi.shared.redis import RedisStore
from queryapi.telemetry.metrics import Metrics
from queryapi.telemetry.sharing import Sharing
from tests.support import raw_server
from tests.support.raw_server import RawServer
from tests.support.redis import RedisServer, redis_server
from tests.support.scripted_redis import answering
from tests.support.tls import self_signed

_SUM = "return {redis.call('INCRBY', KEYS[1], ARGV[1]), 7}"
_NEVER_HUNG = 10.0


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class _Watched:
    """A store, the time it takes it to be, and its metrics."""

    def __init__(self, url: str) -> None:
        self.clock = _Clock()
        self._registry = CollectorRegistry()
        self.store = RedisStore(url, Sharing(self._registry), clock=self.clock)

    @property
    def up(self) -> float | None:
        """The gauge."""
        return self._registry.get_sample_value("gpuscope_api_shared_up")

    @property
    def errors(self) -> float | None:
        """The counter."""
        return self._registry.get_sample_value("gpuscope_api_shared_errors_total")


@contextmanager
def _watching(url: str) -> Iterator[_Watched]:
    watched = _Watched(url)
    try:
        yield watched
    finally:
        watched.store.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A real Redis."""
    with redis_server(tmp_path) as server:
        yield server


def _fails(watched: _Watched) -> str:
    with pytest.raises(SharedUnavailable) as failure:
        watched.store.get("key")
    # Its words may hold a password, so neither they nor their traceback come along.
    assert failure.value.__cause__ is None
    assert failure.value.__context__ is None
    return str(failure.value)


def test_values_are_kept_for_a_time(redis: RedisServer) -> None:
    """What one process puts another gets, byte for byte, until it ends."""
    with _watching(redis.url) as one, _watching(redis.url) as other:
        assert None is one.store.get("key")
        one.store.put("key", b"\x00\xff\r\n", seconds=60)
        one.store.put("brief", b"x", seconds=0)

        assert b"\x00\xff\r\n" == other.store.get("key")
        assert redis.say("PTTL", "gpuscope:key") in {f":{ms}\r\n" for ms in range(30_000, 60_001)}
        time.sleep(0.01)
        assert None is other.store.get("brief")


def test_one_holds_and_only_the_holder_lets_go(redis: RedisServer) -> None:
    """A claim stands until its holder releases it or its time is over."""
    with _watching(redis.url) as watched:
        store = watched.store
        claimed = [store.claim("lock", who, seconds=60) for who in ("a", "b")]
        store.release("lock", "b")
        still = store.claim("lock", "b", seconds=60)
        store.release("lock", "a")

        assert [True, False] == claimed
        assert not still
        assert store.claim("lock", "b", seconds=60)


def test_a_script_survives_a_flush_of_scripts(redis: RedisServer) -> None:
    """A script that Redis forgot, as after a restart, is given to it again."""
    with _watching(redis.url) as watched:
        assert [2, 7] == watched.store.run(_SUM, ["sum"], ["2"])
        redis.say("SCRIPT", "FLUSH")
        redis.say("FLUSHALL")
        assert [3, 7] == watched.store.run(_SUM, ["sum"], ["3"])


def test_nobody_there_costs_one_try_a_second(caplog: pytest.LogCaptureFixture) -> None:
    """While Redis is away one caller a second finds out; the log says it once, then once more."""
    caplog.set_level(logging.INFO)
    with _watching(f"redis://:secret@{LOOPBACK}:{free_port()}/0") as watched:
        said = [_fails(watched) for _ in range(3)]
        watched.clock.now += 1.0
        said += [_fails(watched) for _ in range(3)]

        tried = "Redis failed: ConnectionError"
        spared = "Redis is left alone for a moment after a failure"
        assert [tried, spared, spared] * 2 == said
        assert (0.0, 2.0) == (watched.up, watched.errors)
    assert ["Redis does not answer: this process goes on alone"] == caplog.messages
    assert "secret" not in caplog.text


def test_a_redis_that_ends_and_returns_is_used_again(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Its end and its return are a line each, and the connections are made anew."""
    caplog.set_level(logging.INFO)
    with _watching(redis.url) as watched:
        watched.store.put("key", b"x", seconds=60)
        redis.kill()
        _fails(watched)
        assert 0.0 == watched.up
        redis.start()
        watched.clock.now += 1.0

        assert None is watched.store.get("key")
        assert 1.0 == watched.up
    assert [
        "Redis answers: cache and limits are shared",
        "Redis does not answer: this process goes on alone",
        "Redis answers: cache and limits are shared",
    ] == caplog.messages


def test_a_restart_between_two_questions_is_not_noticed(redis: RedisServer) -> None:
    """A kept connection that died while nobody used it is replaced without a failure."""
    with _watching(redis.url) as watched:
        watched.store.get("key")
        redis.kill()
        redis.start()

        assert None is watched.store.get("key")
        assert 0.0 == watched.errors


def test_a_hung_redis_is_waited_for_once(redis: RedisServer) -> None:
    """One short wait, and none for those who come in the same second."""
    with _watching(redis.url) as watched:
        watched.store.get("key")
        redis.freeze()
        begun = time.monotonic()
        first = _fails(watched)
        others = {_fails(watched) for _ in range(200)}

        assert "Redis failed: TimeoutError" == first
        assert {"Redis is left alone for a moment after a failure"} == others
        assert time.monotonic() - begun < _NEVER_HUNG
        redis.thaw()
        watched.clock.now += 1.0
        assert None is watched.store.get("key")


def test_a_redis_that_was_hung_from_the_start_is_given_up() -> None:
    """A connection that is accepted and never answered costs a short wait as well."""
    with RawServer(raw_server.silent) as server, _watching(_url(server)) as watched:
        assert "Redis failed: TimeoutError" == _fails(watched)


def test_a_redis_that_cannot_write_is_not_shared(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A replica or a full Redis, which still reads, is away as a whole: no coming and going."""
    caplog.set_level(logging.INFO)
    with _watching(redis.url) as watched:
        watched.store.put("key", b"x", seconds=60)
        redis.say("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(SharedUnavailable, match="OutOfMemoryError"):
            watched.store.put("key", b"x", seconds=60)
        for _ in range(3):
            watched.clock.now += 1.0
            assert "Redis failed: OutOfMemoryError" == _fails(watched)
        redis.say("CONFIG", "SET", "maxmemory", "0")
        redis.say("REPLICAOF", LOOPBACK, "1")
        watched.clock.now += 1.0
        assert "Redis failed: ReadOnlyError" == _fails(watched)
    assert 2 == len(caplog.messages)


def test_a_key_of_another_kind_is_a_fault_of_that_key(redis: RedisServer) -> None:
    """Somebody else's list under our name does not end sharing for the other keys."""
    redis.say("RPUSH", "gpuscope:key", "x")
    with _watching(redis.url) as watched:
        watched.store.put("other", b"x", seconds=60)
        assert "Redis failed: ResponseError" == _fails(watched)

        assert b"x" == watched.store.get("other")
        assert (1.0, 1.0) == (watched.up, watched.errors)


@pytest.mark.parametrize(
    ("answer", "stays"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
        (b":abc\r\n", False),
        (b":7\r\n", False),
        (b"*1\r\n:7\r\n", False),
        (b"$abc\r\n", False),
        (b"-\xff\xfe\r\n", False),
        (b"-LOADING Redis is loading\r\n", False),
        (b"-MISCONF cannot save\r\n", False),
        (b"-MOVED 1 192.0.2.1:1\r\n", True),
        (b"-CROSSSLOT not here\r\n", True),
    ],
)
def test_rubbish_is_no_value(answer: bytes, *, stays: bool) -> None:
    """What is no answer of Redis to this question is only ever 'not shared'."""
    with RawServer(answering(answer)) as server, _watching(_url(server)) as watched:
        assert "Redis failed: " in _fails(watched)
        assert watched.up == (1.0 if stays else 0.0)


@pytest.mark.parametrize("answer", [b"$1\r\nx\r\n", b"*2\r\n:1\r\n$1\r\nx\r\n"])
def test_a_script_answers_with_integers(answer: bytes) -> None:
    """Anything else is not taken for numbers."""
    with (
        RawServer(answering(b"+OK\r\n", probe=answer)) as server,
        _watching(_url(server)) as watched,
        pytest.raises(SharedUnavailable),
    ):
        watched.store.run(_SUM, ["sum"], ["1"])


def test_a_password_is_sent_and_never_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The right one is let in; a wrong one is refused without repeating it."""
    with redis_server(tmp_path, "--requirepass", "pass word") as server:
        for password, right in (("pass%20word", True), ("wr%6Fng", False)):
            with _watching(server.url.replace("//", f"//:{password}@")) as watched:
                if right:
                    assert None is watched.store.get("key")
                else:
                    assert "Redis failed: AuthenticationError" == _fails(watched)
    assert "wrong" not in caplog.text


def test_a_server_that_repeats_the_password_does_not_get_it_into_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An answer that quotes what it was sent stays where it came from."""
    quoting = b"-ERR unknown command 'AUTH', with args beginning with: 'secret'\r\n"

    with (
        RawServer(_saying_always(quoting)) as server,
        _watching(_url(server).replace("//", "//:secret@")) as watched,
    ):
        assert "Redis failed: ResponseError" == _fails(watched)
    assert 1 == len(caplog.records)
    assert "secret" not in caplog.text + str(vars(caplog.records[0]))


def _saying_always(answer: bytes) -> raw_server.Manners:
    """Return manners that answer whatever comes with *answer*."""

    def manners(connection: socket.socket) -> None:
        while connection.recv(65536):
            connection.sendall(answer)

    return manners


def test_unix_sockets_are_spoken_to(tmp_path: Path) -> None:
    """A Redis on the same machine needs no port."""
    with (
        redis_server(tmp_path, "--unixsocket", str(tmp_path / "r.sock")),
        _watching(f"unix://{tmp_path}/r.sock?db=1") as watched,
    ):
        watched.store.put("key", b"x", seconds=60)

        assert b"x" == watched.store.get("key")


def test_tls_is_held_to_the_authorities_given(tmp_path: Path) -> None:
    """A server is believed when the given authority vouches for it, and not otherwise."""
    certificate = self_signed(tmp_path)
    tls = certificate.context()
    with RawServer(answering(b"$1\r\nx\r\n"), tls=tls) as server:
        url = _url(server).replace("redis:", "rediss:")
        with _watching(f"{url}?ssl_ca_certs={certificate.cert}") as watched:
            assert b"x" == watched.store.get("key")
        with _watching(url) as watched:
            assert "Redis failed: ConnectionError" == _fails(watched)


def test_a_url_cannot_undo_short_waits() -> None:
    """Options of the URL that would lengthen waits or decode values do not count."""
    options = "?socket_timeout=3600&decode_responses=yes&max_connections=1"
    with RawServer(raw_server.silent) as server, _watching(_url(server) + options) as watched:
        begun = time.monotonic()
        _fails(watched)

        assert time.monotonic() - begun < _NEVER_HUNG


def test_there_is_a_store_where_one_is_configured(redis: RedisServer) -> None:
    """Without redis_url nothing is shared or even imported, and no metric speaks of Redis."""
    code = "import sys, queryapi.app; sys.exit('redis' in sys.modules)"
    alone, sharing = Metrics("1"), Metrics("1")

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
    assert None is store_of(Settings(), alone)
    assert b"gpuscope_api_shared" not in alone.exposition("")[0]
    store = store_of(Settings(redis_url=redis.url), sharing)
    assert store is not None
    store.put("key", b"x", seconds=60)
    store.close()
    assert b"gpuscope_api_shared_up 1.0" in sharing.exposition("")[0]


def _url(server: RawServer) -> str:
    return f"redis://{LOOPBACK}:{server.port}"
