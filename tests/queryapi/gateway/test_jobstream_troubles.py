"""Clients of jobs that take late or nothing, and databases that are away, cost nobody a frame."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.processes import LOOPBACK, wait_for
from queryapi.settings import Stream
from tests.support.jobstories import Writer, follow, told, upto
from tests.support.stored import stored
from tests.support.streaming import streaming
from tests.support.whole import some

_FLOOD = some(3000, 10_000)


@pytest.fixture(name="database", scope="module")
def _database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the service stores."""
    return f"sqlite:///{tmp_path_factory.mktemp('jobs') / 'gpuscope.db'}"


@pytest.fixture(name="write", scope="module")
def _write(database: str) -> Iterator[Writer]:
    """What the service stores."""
    with stored(database) as store:
        yield Writer(store)


def test_who_takes_late_gets_all_in_order(database: str, write: Writer) -> None:
    """Thousands of frames while it does not read: a place in the story waits, not the frames."""
    write.create("flood")
    with (
        streaming(database_url=database, stream=Stream(patience=60)) as gateway,
        socket.socket() as small,
    ):
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        small.connect((LOOPBACK, gateway.port))
        with gateway.connect(path="/ws", max_queue=1, sock=small) as client:
            follow(client, "flood", since=0)
            for kind in ("connected", "subscribed"):
                told(client, kind)
            before = gateway.counted("process_resident_memory_bytes")
            for _ in range(_FLOOD // 1000):
                write.report("flood", times=1000)
            wait_for(
                lambda: gateway.counted("gpuscope_stream_behind") == 1, seconds=60, what="its place"
            )
            assert gateway.counted("process_resident_memory_bytes") - before < 40_000_000
            assert list(range(1, _FLOOD + 1)) == upto(client, _FLOOD)


def test_who_takes_nothing_is_closed(database: str, write: Writer) -> None:
    """After the patience, 1013: it may come back and say where it was."""
    write.create("untaken")
    write.report("untaken", times=150, lines=1, length=8000)
    with (
        streaming(database_url=database, stream=Stream(patience=0.5)) as gateway,
        gateway.connect(path="/ws", max_queue=1) as client,
    ):
        follow(client, "untaken", since=0)
        wait_for(
            lambda: gateway.counted('gpuscope_stream_closed_total{code="1013"}') == 1,
            seconds=60,
            what="its end",
        )
        client.socket.shutdown(socket.SHUT_RDWR)


def test_while_the_database_is_away_clients_know_it(tmp_path: Path) -> None:
    """They are told once, stay, and are told what they missed when it is back."""
    here, elsewhere = tmp_path / "gpuscope.db", tmp_path / "elsewhere"
    url = f"sqlite:///{here}"
    with pytest.MonkeyPatch.context() as patch, stored(url) as store:
        patch.setattr("queryapi.gateway.jobstream._EVERY_SECONDS", 0.1)
        write = Writer(store)
        write.create("away")
        write.report("away", times=2)
        here.rename(elsewhere)
        with streaming(database_url=url) as gateway, gateway.connect(path="/ws") as client:
            told(client, "connected")
            follow(client, "away")
            assert "database" in told(client, "error")["data"]["message"]
            # Nobody but the service makes one.
            assert not here.exists()
            elsewhere.rename(here)
            assert 2 == told(client, "subscribed")["data"]["seq"]
            assert 2 == told(client, "JOB_PROGRESS")["seq"]
            here.rename(elsewhere)
            assert "database" in told(client, "error")["data"]["message"]
            elsewhere.rename(here)
            write.report("away", times=2)
            assert [3, 4] == upto(client, 4)


def test_without_a_database_there_is_no_stream_of_jobs() -> None:
    """Nothing is offered there."""
    with streaming(database_url=None) as gateway:
        assert 404 == gateway.refusal(path="/ws").status_code


def test_who_follows_many_at_once_is_told_of_all(database: str, write: Writer) -> None:
    """Although all that they have come to is more than may wait for a client."""
    names = [f"large-{number}" for number in range(16)]
    for name in names:
        write.create(name)
        write.end(name, result="x" * 250_000)
    with (
        streaming(database_url=database) as gateway,
        gateway.connect(path="/ws", max_size=None) as client,
    ):
        for name in names:
            follow(client, name)
        ended = set[str]()
        while len(ended) < len(names):
            message = json.loads(client.recv(timeout=20))
            if message["type"] == "JOB_COMPLETED":
                ended.add(message["subscriptionId"])

    assert set(names) == ended
