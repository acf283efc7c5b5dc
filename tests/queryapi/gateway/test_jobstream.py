"""Who follows a job is told its story: each frame once and in order, whatever happens."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from demo.processes import wait_for
from queryapi.settings import Auth, Role
from queryapi.storage import jobkeeping
from queryapi.storage.engine import Store
from queryapi.storage.jobrecords import JobStatus
from queryapi.storage.jobtables import jobs
from tests.support.access import issue
from tests.support.jobstories import SAMPLE, Writer, follow, say, told, upto
from tests.support.stored import stored
from tests.support.streaming import Streamed, closing_code, streaming
from tests.support.whole import some

_FRAMES = 160


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A database that the service has made."""
    with stored(f"sqlite:///{tmp_path_factory.mktemp('jobs') / 'gpuscope.db'}") as store:
        store.prepare()
        yield store


@pytest.fixture(name="write", scope="module")
def _write(store: Store) -> Writer:
    """What the service stores."""
    writer = Writer(store)
    writer.create("long")
    writer.report("long", times=_FRAMES // 2, lines=2)
    return writer


@pytest.fixture(name="gateway", scope="module")
def _gateway(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streamed]:
    """A gateway that looks by itself alone, quickly, with callers of some namespaces."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens.json"
    issue(tokens, Role.VIEWER)
    url = str(store._backend.file)  # type: ignore[union-attr]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("queryapi.gateway.jobstream._EVERY_SECONDS", 0.05)
        with streaming(database_url=f"sqlite:///{url}") as running:
            yield running


@pytest.fixture(name="client")
def _client(gateway: Streamed) -> Iterator[ClientConnection]:
    """A client that knows that it is connected."""
    with gateway.connect(path="/ws", max_size=None) as client:
        told(client, "connected")
        yield client


@pytest.mark.parametrize("path", ["/ws", "/", "/ws/"])
def test_a_client_is_told_first_that_it_is_connected(gateway: Streamed, path: str) -> None:
    """At the paths of the document's clients, with a name of its own."""
    with gateway.connect(path=path) as client, gateway.connect(path=path) as other:
        names = {told(each, "connected")["data"]["clientId"] for each in (client, other)}
    assert 2 == len(names)


def test_who_follows_is_told_how_it_is_and_how_it_goes_on(
    client: ClientConnection, write: Writer
) -> None:
    """The acknowledgement, the state with the last frame's number, then every frame."""
    job = write.create("plain")
    write.report("plain", sample=SAMPLE)
    follow(client, "plain")

    acknowledged = told(client, "subscribed")["data"]
    assert {
        "subscription": "job:plain",
        "seq": 1,
        "recovered": False,
        "epoch": f"{job.number}-1000500",
    } == acknowledged
    now = told(client, "JOB_PROGRESS")
    assert (1, "plain", 1.0) == (now["seq"], now["subscriptionId"], now["data"]["progress"])
    assert 87.0 == now["data"]["metrics"]["gpuUtilization"]
    write.report("plain", lines=2)
    write.end("plain")
    assert 2 == told(client, "JOB_PROGRESS")["seq"]
    logs = told(client, "JOB_LOGS")
    assert (3, ["3000", "3001"]) == (logs["seq"], [each["id"] for each in logs["data"]["logs"]])
    ended = told(client, "JOB_COMPLETED")
    assert (4, "COMPLETED") == (ended["seq"], ended["data"]["status"])
    assert {"loss": 0.5} == ended["data"]["result"]["result"]


def test_of_a_job_that_has_ended_the_end_is_told(client: ClientConnection, write: Writer) -> None:
    """Whoever comes late learns how it ended, beside how far it came."""
    write.create("ended")
    write.report("ended")
    write.end("ended", JobStatus.FAILED)
    follow(client, "ended")

    told(client, "subscribed")
    assert 2 == told(client, "JOB_PROGRESS")["seq"]
    assert "FAILED" == told(client, "JOB_COMPLETED")["data"]["status"]


def test_a_job_that_appears_later_is_told_from_its_beginning(
    client: ClientConnection, write: Writer
) -> None:
    """It need not exist: whoever waits for it misses nothing, and learns its epoch."""
    follow(client, "later")
    assert {"subscription": "job:later", "seq": 0, "recovered": False} == told(
        client, "subscribed"
    )["data"]
    write.create("later")
    write.report("later", times=3)

    acknowledged = told(client, "subscribed")["data"]
    assert acknowledged["epoch"]
    assert acknowledged["recovered"]
    assert [1, 2, 3] == upto(client, 3)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(since=st.integers(0, _FRAMES), more=st.integers(0, 3))
def test_who_comes_back_is_told_every_frame_once(
    client: ClientConnection, write: Writer, since: int, more: int
) -> None:
    """Wherever it was cut off, and whatever is written meanwhile."""
    head = write.job("long").seq
    follow(client, "long", since=since)
    if more:
        head = write.report("long", times=more).seq

    assert told(client, "subscribed")["data"]["recovered"]
    if since < head:
        assert list(range(since + 1, head + 1)) == upto(client, head)
    say(client, "unsubscribe", subscriptionId="job:long")
    assert "job:long" == told(client, "unsubscribed")["data"]["subscription"]


def test_live_and_told_again_are_the_same_bytes(gateway: Streamed, write: Writer) -> None:
    """A client cannot tell one from the other."""
    write.create("twice")
    with gateway.connect(path="/") as live, gateway.connect(path="/") as later:
        follow(live, "twice")
        for kind in ("connected", "subscribed", "JOB_PROGRESS"):
            told(live, kind)
        write.report("twice", lines=1, sample=SAMPLE)
        write.end("twice")
        seen = [live.recv(timeout=20) for _ in range(3)]
        follow(later, "twice", since=0)
        for kind in ("connected", "subscribed"):
            told(later, kind)
        assert seen == [later.recv(timeout=20) for _ in range(3)]


@pytest.mark.parametrize("wish", [{"since": 10**9}, {"since": 1, "epoch": "0-0"}])
def test_who_asks_for_another_story_is_told_the_state(
    client: ClientConnection, write: Writer, wish: dict[str, Any]
) -> None:
    """Not recovered: frames of a job that had this id before are not continued."""
    head = write.job("long").seq
    follow(client, "long", **wish)

    assert not told(client, "subscribed")["data"]["recovered"]
    assert head == told(client, "JOB_PROGRESS")["seq"]


def test_frames_that_were_forgotten_are_not_passed_over(
    client: ClientConnection, write: Writer, store: Store
) -> None:
    """Where something is missing the client is told that it is, and the state."""
    job = write.create("old")
    write.report("old", times=5)
    with store.writing() as session:
        jobkeeping.drop_events(session, {job.number: [3]})
    for since, recovered in ((1, False), (3, True)):
        follow(client, "old", since=since)
        assert recovered is told(client, "subscribed")["data"]["recovered"]
        assert 5 == upto(client, 5)[-1]


def test_nothing_else_is_told_of_hidden_jobs(store: Store, write: Writer, tmp_path: Path) -> None:
    """As of jobs that do not exist; once a job is theirs they are told how it is."""
    tokens = tmp_path / "tokens.json"
    token = issue(tokens, Role.VIEWER, namespaces=("mine",))
    write.create("hidden", namespace="theirs")
    write.report("hidden")
    file = store._backend.file  # type: ignore[union-attr]
    with (
        streaming(database_url=f"sqlite:///{file}", auth=Auth(tokens_file=str(tokens))) as gateway,
        gateway.connect(path="/ws", token=token) as client,
    ):
        told(client, "connected")
        follow(client, "hidden", since=0)
        blank = told(client, "subscribed")["data"]
        follow(client, "nowhere", since=0)
        assert blank | {"subscription": "job:nowhere"} == told(client, "subscribed")["data"]
        write.create("nowhere", namespace="theirs")
        write.report("nowhere")
        write.report("hidden")
        write.report("hidden", namespace="mine")
        assert 3 == told(client, "subscribed")["data"]["seq"]
        assert 3 == told(client, "JOB_PROGRESS")["seq"]
        write.create("mine", namespace="mine")
        follow(client, "mine", since=0)
        told(client, "subscribed")
        # Looked at together: what is told next would be of the first of them.
        write.report("hidden", namespace="theirs")
        write.report("mine")
        assert "mine" == told(client, "JOB_PROGRESS")["subscriptionId"]
        say(client, "ping")
        assert {"type": "pong"} == json.loads(client.recv(timeout=20))


def test_a_page_may_follow_many_jobs_at_once(client: ClientConnection, write: Writer) -> None:
    """Fifty when it opens; of a hundred and first it is told that it is too many."""
    for number in range(50):
        follow(client, f"many-{number}")
    assert {f"job:many-{number}" for number in range(50)} == {
        told(client, "subscribed")["data"]["subscription"] for _ in range(50)
    }
    write.create("many-7")
    assert "job:many-7" == told(client, "subscribed")["data"]["subscription"]
    # A hundred at once, ten a second: the burst is half spent.
    for number in range(50, 98):
        follow(client, f"many-{number}")
        told(client, "subscribed")


def test_too_many_subscriptions_are_an_error(
    client: ClientConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others go on; to follow one again is not one more."""
    monkeypatch.setattr("queryapi.gateway.jobstream._JOBS_EACH", 2)
    for name in ("a", "b", "a"):
        follow(client, name)
        told(client, "subscribed")
    follow(client, "c")
    assert "Too many subscriptions" in told(client, "error")["data"]["message"]
    say(client, "unsubscribe", subscriptionId="b")
    told(client, "unsubscribed")
    follow(client, "c")
    told(client, "subscribed")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("no JSON", "Invalid message format"),
        ("[" * 16_000, "Invalid message"),
        (b"\xff\xfe", "Invalid message format"),
        ("[]", "Invalid message"),
        ("{}", "Invalid message"),
        ('{"type":"dance"}', "Unknown message type"),
        ('{"type":"subscribe:job"}', "subscriptionId"),
        ('{"type":"subscribe:job","subscriptionId":7}', "Invalid message"),
        ('{"type":"subscribe:job","subscriptionId":""}', "subscriptionId"),
        (json.dumps({"type": "subscribe:job", "subscriptionId": "x" * 201}), "subscriptionId"),
        ('{"type":"subscribe:job","subscriptionId":"a","since":-1}', "since"),
        ('{"type":"subscribe:job","subscriptionId":"a","since":"b"}', "since"),
        ('{"type":"subscribe:job","subscriptionId":"a","since":' + "9" * 18 + "}", "since"),
        ('{"type":"subscribe:job","subscriptionId":"\\ud800"}', "Invalid message"),
        ('{"type":"unsubscribe"}', "subscriptionId"),
    ],
)
def test_what_cannot_be_understood_is_an_error(
    client: ClientConnection, said: str | bytes, answer: str
) -> None:
    """In the words of the protocol, and the connection stays."""
    client.send(said)
    assert answer in told(client, "error")["data"]["message"]
    say(client, "ping")
    told(client, "pong")


def test_other_topics_of_the_protocol_are_acknowledged(client: ClientConnection) -> None:
    """Nothing is told of them here; clients that ask for them are not refused."""
    say(client, "subscribe:marketplace")
    assert "marketplace" == told(client, "subscribed")["data"]["subscription"]
    say(client, "subscribe:provider", subscriptionId="p")
    assert "provider:p" == told(client, "subscribed")["data"]["subscription"]
    say(client, "unsubscribe", subscriptionId="provider:p")
    assert "provider:p" == told(client, "unsubscribed")["data"]["subscription"]


def test_an_id_that_no_database_takes_is_no_job(client: ClientConnection) -> None:
    """It is acknowledged like any other that does not exist."""
    follow(client, "a\0b", since=1)
    assert 0 == told(client, "subscribed")["data"]["seq"]


def test_a_job_that_cannot_be_read_holds_up_no_other(
    client: ClientConnection, write: Writer, store: Store
) -> None:
    """Whatever is wrong with what is stored of it."""
    job = write.create("broken")
    with store.writing() as session:
        session.execute(update(jobs).where(jobs.c.number == job.number).values(tariffs="no"))
    write.create("sound")
    for name in ("broken", "sound"):
        follow(client, name)
    assert "job:sound" == told(client, "subscribed")["data"]["subscription"]


def test_a_flood_is_refused(gateway: Streamed) -> None:
    """More than a hundred messages at once, ten a second later on: 1008."""
    with gateway.connect(path="/ws") as client:
        with suppress(ConnectionClosed):
            for _ in range(200):
                say(client, "ping")
        assert 1008 == closing_code(client)


def test_who_comes_and_goes_leaves_nothing(gateway: Streamed, write: Writer) -> None:
    """Crowds follow a job and vanish: nobody is counted any more."""
    for _ in range(some(60, 300)):
        with gateway.connect(path="/ws") as client:
            follow(client, "long", since=0)
            client.socket.shutdown(socket.SHUT_RDWR)
    wait_for(
        lambda: (
            gateway.counted("gpuscope_stream_clients") == 0
            and gateway.counted("gpuscope_stream_subscriptions") == 0
        ),
        seconds=60,
        what="their end",
    )
