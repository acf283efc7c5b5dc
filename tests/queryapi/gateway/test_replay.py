"""Who goes on where it was is told what was told live, however little is read at a time."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update
from websockets.sync.client import ClientConnection

from demo.processes import LOOPBACK
from queryapi.gateway.ring import Ring
from queryapi.gateway.stories import Stories
from queryapi.services.jobs.frames import Frame
from queryapi.storage.jobtables import jobs
from tests.support.jobstories import Writer, follow, say, told, upto
from tests.support.stored import prepared, stored
from tests.support.streaming import Streamed, streaming

_PATIENCE_SECONDS = 60.0


@pytest.fixture(name="gateway", scope="module")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Streamed, Writer, str]]:
    """A gateway that remembers two frames and reads few at a time, and who writes for it."""
    url = prepared(tmp_path_factory.mktemp("jobs"))
    with pytest.MonkeyPatch.context() as patch, stored(url) as store:
        patch.setattr("queryapi.gateway.jobstream._EVERY_SECONDS", 0.05)
        patch.setattr("queryapi.gateway.ring._MOST_FRAMES", 2)
        patch.setattr("queryapi.gateway.stories.KEPT", 6)
        # More than twice those of a report.
        patch.setattr("queryapi.gateway.stories._LINES", 7)
        with streaming(database_url=url) as running:
            yield running, Writer(store), url


@pytest.fixture(name="write")
def _write(gateway: tuple[Streamed, Writer, str]) -> Writer:
    return gateway[1]


@pytest.fixture(name="client")
def _client(gateway: tuple[Streamed, Writer, str]) -> Iterator[ClientConnection]:
    with gateway[0].connect(path="/ws") as client:
        told(client, "connected")
        yield client


def _next(client: ClientConnection, count: int) -> list[str | bytes]:
    return [client.recv(timeout=_PATIENCE_SECONDS) for _ in range(count)]


def test_wherever_it_was_cut_off_the_same_is_told(client: ClientConnection, write: Writer) -> None:
    """Between a report and its lines, too: no line is missing, and none is told twice."""
    write.create("job")
    follow(client, "job", since=0)
    told(client, "subscribed")
    head, live = 0, list[str | bytes]()
    for lines in (0, 3, 2, 0, 3, 1, 0, 3):
        head = write.report("job", lines=lines).seq
        live += _next(client, head - len(live))
    for since in range(head + 1):
        follow(client, "job", since=since)
        assert told(client, "subscribed")["data"]["recovered"]
        assert live[since:] == _next(client, head - since)


def test_after_unsubscribing_nothing_more_is_told(
    client: ClientConnection, write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is being read for it meanwhile is for nobody."""
    reading, go_on, read = threading.Event(), threading.Event(), Stories.page

    def slowly(*asked: Any) -> Any:
        reading.set()
        assert go_on.wait(_PATIENCE_SECONDS)
        return read(*asked)

    monkeypatch.setattr(Stories, "page", slowly)
    write.create("left")
    head = write.report("left", times=12).seq
    follow(client, "left", since=0)
    told(client, "subscribed")
    assert reading.wait(_PATIENCE_SECONDS)
    say(client, "unsubscribe", subscriptionId="left")
    told(client, "unsubscribed")
    go_on.set()
    # Read after it, by the same thread: what was read before would come first.
    follow(client, "left", since=head - 3)
    told(client, "subscribed")
    seqs = [json.loads(message)["seq"] for message in _next(client, 3)]

    assert [head - 2, head - 1, head] == seqs


def test_who_takes_slowly_waits_for_no_look(
    gateway: tuple[Streamed, Writer, str], write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a client has room for again is told it at once: the next look is minutes away."""
    monkeypatch.setattr("queryapi.gateway.jobstream._EVERY_SECONDS", 300.0)
    monkeypatch.setattr("queryapi.gateway.outbox._MOST_MESSAGES", 4)
    # More in one reading than anybody on the way takes.
    monkeypatch.setattr("queryapi.gateway.stories.KEPT", 64)
    monkeypatch.setattr("queryapi.gateway.stories._LINES", 1001)
    write.create("slow")
    head = write.report("slow", times=100, lines=1, length=8000).seq
    with (
        streaming(database_url=gateway[2]) as running,
        socket.socket() as small,
    ):
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        small.connect((LOOPBACK, running.port))
        with running.connect(path="/ws", max_queue=1, sock=small) as client:
            follow(client, "slow", since=0)
            for kind in ("connected", "subscribed"):
                told(client, kind)
            assert list(range(1, head + 1)) == upto(client, head)


def test_who_joins_while_others_catch_up_is_told_how_it_is(
    gateway: tuple[Streamed, Writer, str], client: ClientConnection, write: Writer
) -> None:
    """The newest frame is known to whoever has it, however far the gateway has read."""
    write.create("fast")
    follow(client, "fast", since=0)
    told(client, "subscribed")
    with gateway[0].connect(path="/ws") as other:
        told(other, "connected")
        head = write.report("fast", times=200).seq
        follow(other, "fast", since=head)
        acknowledged = told(other, "subscribed")["data"]

        assert (head, True) == (acknowledged["seq"], acknowledged["recovered"])
    assert list(range(1, head + 1)) == upto(client, head)


def test_a_job_of_the_same_id_begins_anew(
    gateway: tuple[Streamed, Writer, str], client: ClientConnection, write: Writer
) -> None:
    """Of the one before nothing is told again, and its numbers count no more."""
    write.create("again")
    write.report("again", times=2)
    write.create("next", created_at=2_000.0)
    head = write.report("next", times=3, lines=3).seq
    follow(client, "again", since=0)
    first = told(client, "subscribed")["data"]
    _next(client, 2)
    with write.store.writing() as session:
        for before, after in (("again", "gone"), ("next", "again")):
            session.execute(update(jobs).where(jobs.c.id == before).values(id=after))
    second = told(client, "subscribed")["data"]

    assert (head, True) == (second["seq"], first["epoch"] != second["epoch"])
    assert head == told(client, "JOB_PROGRESS")["seq"]
    with gateway[0].connect(path="/ws") as other:
        told(other, "connected")
        follow(other, "again", since=2, epoch=first["epoch"])
        assert not told(other, "subscribed")["data"]["recovered"]
        assert head == told(other, "JOB_PROGRESS")["seq"]
        follow(other, "again", since=0)
        assert told(other, "subscribed")["data"]["recovered"]
        for _ in range(3):
            told(other, "JOB_PROGRESS")
            told(other, "JOB_LOGS")


def test_frames_are_found_by_their_number_or_not_at_all() -> None:
    """A hole, or another story, empties the ring: no frame stands in another's place."""
    ring = Ring()
    for seq in (1, 3):
        ring.append(Frame(seq, "JOB_PROGRESS", 0.0, b"x"))
    found = [ring.get(seq) for seq in range(5)]

    assert [None, None, None, 3, None] == [frame and frame.seq for frame in found]
