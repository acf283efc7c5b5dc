"""A word that is lost costs time only; one that is heard is right, whatever carries it."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.processes import wait_for
from queryapi.bus.bus import Bus, Changes, Ear, Silence
from queryapi.bus.choice import bus_of, ear_of, needs_pair
from queryapi.bus.hearing import SteadyEar
from queryapi.bus.pair import PairBus, PairEar, pair
from queryapi.bus.speaking import SpokenBus
from queryapi.bus.words import packed, unpacked
from queryapi.settings import Settings
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import redis_server
from tests.support.stored import NEVER_HUNG

_CHANGES = st.dictionaries(st.text(max_size=15), st.integers(0, 2**53), max_size=8)


async def _until_heard(bus: Bus, ear: Ear, wanted: dict[str, int]) -> None:
    """Announce again and again until it is heard: who begins to listen has missed the first."""
    found: dict[str, int] = {}

    async def hear() -> None:
        async for changes in ear.heard():
            found.update(changes)

    hearing = asyncio.get_running_loop().create_task(hear())
    until = time.monotonic() + NEVER_HUNG
    while not wanted.items() <= found.items() and time.monotonic() < until:
        bus.announce(wanted)
        await asyncio.sleep(0.05)
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    await ear.close()
    assert wanted == {each: found.get(each) for each in wanted}


@settings(max_examples=50)
@given(_CHANGES, st.integers(30, 120))
def test_words_are_split_and_say_the_same(changes: dict[str, int], most: int) -> None:
    """No word is longer than it may be; what fits into none is left out."""
    words = list(packed(changes, most))

    assert all(len(word) <= most for word in words)
    told = {each: seq for word in words for each, seq in unpacked(word).items()}
    assert told.items() <= changes.items()
    assert all(len(each.encode()) * 6 > most - 30 for each in changes.keys() - told.keys())


@pytest.mark.parametrize("word", [b"", b"[]", b'{"a":"b"}', b"\xff", b"{" * 5000])
def test_a_word_of_others_tells_nothing(word: bytes) -> None:
    """Whoever speaks on the same channel changes nothing."""
    assert {} == unpacked(word)


class _Carrier:
    """Carries when it is told to."""

    def __init__(self) -> None:
        self.may, self.carried = threading.Semaphore(0), list[Changes]()

    def carry(self, changes: Changes) -> None:
        self.carried.append(changes)
        assert self.may.acquire(timeout=NEVER_HUNG)

    def close(self) -> None:
        """Hold nothing."""


def test_what_comes_while_it_speaks_is_told_together() -> None:
    """Of each job the last word; whoever announces waits for nobody."""
    carrier = _Carrier()
    bus = SpokenBus(carrier)
    bus.announce({"a": 1})
    wait_for(lambda: bool(carrier.carried), seconds=NEVER_HUNG, what="the first word")
    for changes in ({"b": 1, "c": 1}, {"b": 2}, {"d": 1}):
        bus.announce(changes)
    carrier.may.release(2)
    bus.close()

    assert [{"a": 1}, {"b": 2, "c": 1, "d": 1}] == carrier.carried


def test_where_no_thread_can_be_started_words_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who announces pays for it, and the next who does has them told."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    carrier = _Carrier()
    bus = SpokenBus(carrier)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        bus.announce({"a": 1})
    carrier.may.release()
    bus.announce({"b": 1})
    bus.close()

    assert [{"a": 1, "b": 1}] == carrier.carried


def test_a_pair_carries_many_jobs() -> None:
    """More than go into one datagram."""
    speaking, hearing = pair()
    bus = PairBus(speaking)
    asyncio.run(_until_heard(bus, PairEar(hearing), {f"job-{n}": n for n in range(3000)}))
    bus.close()


def test_a_pair_that_nobody_hears_holds_up_nobody() -> None:
    """What finds no room is dropped, also after the other end is gone."""
    speaking, hearing = pair()
    bus = PairBus(speaking)
    began = time.monotonic()
    for _ in range(2000):
        bus.announce({"x" * 200: 1})
    hearing.close()
    bus.announce({"a": 1})
    assert time.monotonic() - began < 20
    bus.close()


@pytest.mark.parametrize("fails", [False, True], ids=["it goes on", "it fails"])
def test_whoever_ends_an_ear_is_not_kept(*, fails: bool) -> None:
    """A client that swallows the cancellation, or fails over it, does not keep the ear going."""

    async def deaf_to_it() -> AsyncIterator[Changes]:
        while True:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                if fails:
                    raise ConnectionError from None
            yield {}

    async def hear() -> None:
        async for _ in SteadyEar(deaf_to_it, "it").heard():
            pass

    async def ended() -> bool:
        hearing = asyncio.get_running_loop().create_task(hear())
        await asyncio.sleep(0.05)
        hearing.cancel()
        await asyncio.wait({hearing}, timeout=NEVER_HUNG)
        return hearing.cancelled()

    assert asyncio.run(ended())


@pytest.mark.e2e
def test_redis_carries_words_again_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it hangs or is gone nobody waits; what is announced later is heard."""
    # Shorter than the time between two words: it asks whether anybody is there.
    monkeypatch.setattr("queryapi.bus.redisbus._SILENCE_SECONDS", 0.02)
    # Longer than a busy machine takes: whoever waited for it would be seen.
    monkeypatch.setattr("queryapi.bus.redisbus._WAIT_SECONDS", 10)
    with redis_server(tmp_path) as server:
        settings = Settings(redis_url=server.url)
        bus, ear = bus_of(settings), ear_of(settings)
        assert ear is not None
        asyncio.run(_until_heard(bus, ear, {"a": 1}))
        server.freeze()
        assert _seconds(lambda: bus.announce({"a": 2})) < 5
        server.thaw()
        server.kill()
        assert _seconds(lambda: bus.announce({"a": 3})) < 5

        async def comes_back() -> None:
            heard = asyncio.get_running_loop().create_task(_until_heard(bus, ear, {"a": 4}))
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.start)
            await heard

        asyncio.run(comes_back())
        bus.close()


@pytest.mark.e2e
def test_postgresql_carries_words_again_after_a_connection_was_lost(
    postgresql: PostgresqlServer,
) -> None:
    """More than go into one notification; whoever was cut off connects anew."""
    settings = Settings(database_url=postgresql.fresh())
    bus, ear = bus_of(settings), ear_of(settings)
    assert ear is not None
    many = {f"job-{n}-{'x' * 150}": n for n in range(200)}

    async def cut_off() -> None:
        heard = asyncio.get_running_loop().create_task(_until_heard(bus, ear, {"later": 1}))
        await asyncio.to_thread(
            postgresql.say,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'gpuscope-bus'",
        )
        await heard

    asyncio.run(_until_heard(bus, ear, many))
    asyncio.run(cut_off())
    bus.close()


def test_the_settings_say_what_carries() -> None:
    """What all processes share; else sockets, where there is anybody to hear."""
    alone, shared = Settings(), Settings(redis_url="redis://127.0.0.1:1/0")
    speaking, hearing = pair()
    assert needs_pair(alone)
    assert not needs_pair(shared)
    assert not needs_pair(Settings(stream_listen=None))
    assert not needs_pair(Settings(database_url="postgresql+psycopg://u:p@127.0.0.1:1/x"))
    assert isinstance(bus_of(alone), Silence)
    assert isinstance(bus_of(alone, speaking), PairBus)
    assert isinstance(ear_of(alone, hearing), PairEar)
    assert ear_of(alone) is None
    for end in (speaking, hearing):
        assert isinstance(end, socket.socket)
        end.close()


def _seconds(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
