"""Processes share what one of them read; whatever happens to Redis, each gets its part."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from demo.processes import LOOPBACK, Process, free_port, wait_for
from queryapi.cache import frame
from queryapi.cache.shared import SharedFlights, elsewhere_of
from queryapi.settings import BasicAuth, Cluster, Settings
from queryapi.shared.redis import RedisStore
from queryapi.telemetry.metrics import Metrics
from queryapi.telemetry.sharing import FetchOutcome, Sharing
from tests.support.redis import RedisServer, redis_server
from tests.support.whole import some

_NEVER_HUNG = 60.0


@pytest.fixture(scope="module")
def calm_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that tests share and leave running; each uses keys of its own."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis to be cruel to."""
    with redis_server(tmp_path) as server:
        yield server


class _Process:
    """What one process has: a store and its flights, and how each fetch ended."""

    def __init__(
        self, url: str, *, hold: float = 30.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.outcomes: list[FetchOutcome] = []
        self.store = RedisStore(url, Sharing(CollectorRegistry()))
        self.flights = SharedFlights(
            self.store, self.outcomes.append, scope="", hold=hold, sleep=sleep
        )

    def fetch(self, key: str, load: Callable[[], bytes], *, patience: float = 60.0) -> bytes:
        """Fetch a part."""
        return self.flights.fetch(key, load, keep=60.0, patience=patience)


@contextmanager
def _processes(
    url: str, count: int, *, hold: float = 30.0, sleep: Callable[[float], None] = time.sleep
) -> Iterator[list[_Process]]:
    made = [_Process(url, hold=hold, sleep=sleep) for _ in range(count)]
    try:
        yield made
    finally:
        for process in made:
            process.store.close()


def _must_not_load() -> bytes:
    raise AssertionError("it was there")


def test_what_one_made_the_other_gets(calm_redis: RedisServer) -> None:
    """The second process does not load; `find` tells what is there and nothing else."""
    with _processes(calm_redis.url, 2) as (one, other):
        assert None is other.flights.find("a")
        assert b"value" == one.fetch("a", lambda: b"value")

        assert b"value" == other.fetch("a", _must_not_load)
        assert b"value" == other.flights.find("a")
        assert None is other.flights.find("b")
        assert (["loaded"], ["shared"]) == (one.outcomes, other.outcomes)


def test_who_waits_gets_what_is_being_made(calm_redis: RedisServer) -> None:
    """A process that comes while another loads waits for it and does not load."""
    waiting, value_may_come = threading.Event(), threading.Event()

    def load() -> bytes:
        assert value_may_come.wait(_NEVER_HUNG)
        return b"value" * 1000

    def sleep(seconds: float) -> None:
        waiting.set()
        assert 0.0 < seconds <= 0.05
        time.sleep(seconds)

    with _processes(calm_redis.url, 2, sleep=sleep) as (one, other):
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(one.fetch, "w", load)
            wait_for(lambda: _is_held(calm_redis), seconds=_NEVER_HUNG, what="a lock")
            second = pool.submit(other.fetch, "w", _must_not_load)
            assert waiting.wait(_NEVER_HUNG)
            value_may_come.set()

            assert b"value" * 1000 == first.result() == second.result()
        assert (["loaded"], ["shared"]) == (one.outcomes, other.outcomes)
    assert not _is_held(calm_redis)


def test_a_failure_is_the_makers_and_the_others_try_for_themselves(
    calm_redis: RedisServer,
) -> None:
    """Who waited is told at once and loads; the failure itself is nobody else's answer."""
    may_fail = threading.Event()

    def failing() -> bytes:
        assert may_fail.wait(_NEVER_HUNG)
        raise LookupError("broken")

    with _processes(calm_redis.url, 2, sleep=_after(may_fail)) as (one, other):
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(one.fetch, "f", failing)
            wait_for(lambda: _is_held(calm_redis), seconds=_NEVER_HUNG, what="a lock")
            second = pool.submit(other.fetch, "f", lambda: b"value")

            assert b"value" == second.result(_NEVER_HUNG)
            with pytest.raises(LookupError):
                first.result()
        assert b"value" == one.fetch("f", _must_not_load)


def test_an_old_failure_is_not_taken_for_a_new_one(calm_redis: RedisServer) -> None:
    """Who comes after a failure tries again at once, and those who come then wait for that."""
    with _processes(calm_redis.url, 3) as (one, two, three):
        with pytest.raises(LookupError):
            one.fetch("o", _raising(LookupError("broken")))
        may_end = threading.Event()

        def load() -> bytes:
            assert may_end.wait(_NEVER_HUNG)
            return b"value"

        with ThreadPoolExecutor(2) as pool:
            second = pool.submit(two.fetch, "o", load)
            wait_for(lambda: _is_held(calm_redis), seconds=_NEVER_HUNG, what="a lock")
            third = pool.submit(three.fetch, "o", _must_not_load)
            may_end.set()

            assert b"value" == second.result() == third.result()
        assert (["loaded"], ["loaded"], ["shared"]) == (one.outcomes, two.outcomes, three.outcomes)


def test_patience_ends(calm_redis: RedisServer) -> None:
    """Who cannot wait any longer loads alone, and what came of it is there for the others."""
    with _processes(calm_redis.url, 2) as (one, other):
        assert one.store.claim(f"lock:{_digest('p')}", "somebody", seconds=60)

        with pytest.raises(LookupError):
            one.fetch("p", _raising(LookupError("broken")), patience=0.0)
        assert b"value" == one.fetch("p", lambda: b"value", patience=0.0)
        assert b"value" == other.fetch("p", _must_not_load)
        assert (["alone"] * 2, ["shared"]) == (one.outcomes, other.outcomes)


def test_a_value_put_just_before_the_lock_was_free_is_seen(
    calm_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gets the lock looks once more: the last holder may have put the value meanwhile."""
    with _processes(calm_redis.url, 1) as [one]:
        late = frame.framed(bytes.fromhex(_digest("l")), b"value")
        assert late is not None
        looked: list[bytes | None] = [None, late]
        monkeypatch.setattr(one.store, "get", lambda _key: looked.pop(0))

        assert b"value" == one.fetch("l", _must_not_load)
        assert ["shared"] == one.outcomes
        assert one.store.claim(f"lock:{_digest('l')}", "next", seconds=1)


def test_rubbish_is_replaced(calm_redis: RedisServer) -> None:
    """A value that cannot be read is made anew."""
    with _processes(calm_redis.url, 2) as (one, other):
        one.store.put(f"part:{_digest('r')}", b"rubbish", seconds=60)

        assert None is one.flights.find("r")
        assert b"value" == one.fetch("r", lambda: b"value")
        assert b"value" == other.fetch("r", _must_not_load)


def test_what_is_too_large_is_nobodys_but_the_makers(
    calm_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not put into Redis, and the others do not wait for it."""
    monkeypatch.setattr(frame, "MAX_BYTES", 10)
    with _processes(calm_redis.url, 2) as (one, other):
        assert b"x" * 11 == one.fetch("large", lambda: b"x" * 11)
        assert b"x" * 11 == other.fetch("large", lambda: b"x" * 11)
        # Nor when patience ends before somebody else's lock.
        assert one.store.claim(f"lock:{_digest('large')}", "somebody", seconds=60)
        assert b"x" * 11 == one.fetch("large", lambda: b"x" * 11, patience=0.0)

        assert None is one.flights.find("large")
        assert ["loaded", "alone"] == one.outcomes


def test_without_redis_everybody_loads() -> None:
    """Nothing is raised and nothing is waited for; a loader's failure still passes."""
    with _processes(f"redis://{LOOPBACK}:{free_port()}", 1) as [one]:
        assert None is one.flights.find("a")
        assert [b"value"] * 3 == [one.fetch("a", lambda: b"value") for _ in range(3)]
        with pytest.raises(LookupError):
            one.fetch("a", _raising(LookupError("broken")))
        assert ["alone"] * 4 == one.outcomes


def test_a_redis_that_goes_while_a_part_is_made_does_no_harm(redis: RedisServer) -> None:
    """The maker has its value, or its own failure, although it can tell nobody."""

    def killing(end: Callable[[], bytes]) -> Callable[[], bytes]:
        def load() -> bytes:
            redis.kill()
            return end()

        return load

    with _processes(redis.url, 1) as [one]:
        assert b"value" == one.fetch("a", killing(lambda: b"value"))
    redis.start()
    with _processes(redis.url, 1) as [one], pytest.raises(LookupError):
        one.fetch("b", killing(_raising(LookupError("broken"))))


def test_processes_of_other_settings_do_not_meet(calm_redis: RedisServer) -> None:
    """Two services that ask different Prometheus servers may use one Redis."""
    store = RedisStore(calm_redis.url, Sharing(CollectorRegistry()))
    metrics = Metrics("1")
    basic = BasicAuth("reader", password="secret")  # noqa: S106 - a test's
    clusters = [
        Cluster("c", "http://one"),
        Cluster("c", "http://other"),
        Cluster("c", "http://one", basic_auth=basic),
    ]
    settings = [Settings(clusters=(cluster,)) for cluster in clusters]
    one, other, third = (elsewhere_of(each, store, metrics) for each in settings)
    again = elsewhere_of(settings[0], store, metrics)
    assert one is not None
    assert other is not None
    assert third is not None
    assert again is not None
    one.fetch("s", lambda: b"value", keep=60, patience=1)

    assert b"value" == again.find("s")
    assert [None, None] == [other.find("s"), third.find("s")]
    assert b'gpuscope_api_shared_fetches_total{outcome="loaded"} 1.0' in metrics.exposition("")[0]
    assert None is elsewhere_of(settings[0], None, metrics)
    store.close()


def test_many_processes_load_once(redis: RedisServer, tmp_path: Path) -> None:
    """Processes with five threads each want one part: one of them loads it, once."""
    count = some(2, 4)
    with _crowd(redis, tmp_path, count, "--threads", "5") as crowd:
        said = _all_said(crowd, 5 * count)

    assert 1 == len([line for line in said if line.startswith("load")])
    assert ["got loaded"] + ["got shared"] * (5 * count - 1) == sorted(_outcomes(said))
    assert 1 == len({line.split()[2] for line in said if line.startswith("got")})


def test_a_maker_that_is_killed_is_replaced(redis: RedisServer, tmp_path: Path) -> None:
    """When its lock ends one of the others loads, and the rest gets that."""
    with _crowd(redis, tmp_path, 1, "--takes", "600", "--hold", "600", name="victim") as [victim]:
        wait_for(lambda: bool(_said([victim])), seconds=_NEVER_HUNG, what="the victim's load")
        with _crowd(redis, tmp_path, some(2, 3), "--threads", "2") as crowd:
            waits = 2 * len(crowd)
            wait_for(
                lambda: ["wait"] * waits == _said(crowd), seconds=_NEVER_HUNG, what="all waits"
            )
            victim.kill()
            # As after ten minutes.
            [lock] = [it for it in redis.say("KEYS", "*").split() if ":lock:" in it]
            redis.say("PEXPIRE", lock, "1")
            said = _all_said(crowd, waits)

    assert 1 == len([line for line in said if line.startswith("load")])
    assert ["got loaded"] + ["got shared"] * (waits - 1) == sorted(_outcomes(said))


@pytest.mark.parametrize("cruelty", [RedisServer.kill, RedisServer.freeze])
def test_without_redis_midway_everybody_goes_on(
    cruelty: Callable[[RedisServer], None], redis: RedisServer, tmp_path: Path
) -> None:
    """A Redis that dies or hangs while all wait leaves each to load alone, soon."""
    with _crowd(redis, tmp_path, 1, "--takes", "600", "--hold", "600", name="maker") as [maker]:
        wait_for(lambda: bool(_said([maker])), seconds=_NEVER_HUNG, what="the maker's load")
        with _crowd(redis, tmp_path, some(1, 3), "--threads", "2") as crowd:
            waits = 2 * len(crowd)
            wait_for(
                lambda: ["wait"] * waits == _said(crowd), seconds=_NEVER_HUNG, what="all waits"
            )
            cruelty(redis)
            said = _all_said(crowd, waits)

    assert ["got alone"] * waits == _outcomes(said)


def test_sharing_resumes_when_redis_is_back(redis: RedisServer) -> None:
    """Nobody has to be restarted."""
    with _processes(redis.url, 2) as (one, other):
        one.fetch("a", lambda: b"value")
        redis.kill()
        assert b"mine" == other.fetch("a", lambda: b"mine")
        redis.start()
        wait_for(
            lambda: one.fetch("b", lambda: b"value") == one.flights.find("b"),
            seconds=_NEVER_HUNG,
            what="sharing",
        )
        wait_for(lambda: other.flights.find("b") == b"value", seconds=_NEVER_HUNG, what="the value")


def _after(event: threading.Event) -> Callable[[float], None]:
    """Return a sleep that tells *event* that somebody waits."""

    def sleep(seconds: float) -> None:
        event.set()
        time.sleep(seconds)

    return sleep


def _raising(error: Exception) -> Callable[[], bytes]:
    def load() -> bytes:
        raise error

    return load


def _digest(key: str) -> str:
    return frame.digest(f"\0{key}").hex()


def _is_held(redis: RedisServer) -> bool:
    return "gpuscope:lock:" in redis.say("KEYS", "*")


@contextmanager
def _crowd(
    redis: RedisServer, folder: Path, count: int, *options: str, name: str = "crowd"
) -> Iterator[list[Process]]:
    command = [sys.executable, "-m", "tests.support.fetching", redis.url, *options]
    with ExitStack() as stack:
        yield [
            stack.enter_context(Process(name, command, folder / f"{name}-{number}.log"))
            for number in range(count)
        ]


def _said(crowd: list[Process]) -> list[str]:
    return [line for process in crowd for line in process.log.read_text().splitlines()]


def _outcomes(said: list[str]) -> list[str]:
    return [line.rpartition(" ")[0] for line in said if line.startswith("got")]


def _all_said(crowd: list[Process], values: int) -> list[str]:
    """Return every line, once everybody has got its value."""
    wait_for(
        lambda: len(_outcomes(_said(crowd))) == values,
        seconds=_NEVER_HUNG,
        what=f"{values} values",
    )
    return _said(crowd)
