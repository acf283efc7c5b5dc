"""Many clients cost the service one question, and nobody is served an old answer as new."""

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection

from demo.processes import wait_for
from queryapi.gateway.feeds import Feeds, Question
from queryapi.gateway.service import PollResult
from queryapi.gateway.session import Caller, Session
from queryapi.settings import Auth, Limits, Role
from queryapi.telemetry.metrics import StreamMetrics
from tests.queryapi.gateway.test_session import CALLER, Wire
from tests.support.access import issue, revoke
from tests.support.streaming import Streamed, closing_code, next_of, number_of, streaming

MANY = 50


def _connected(
    stack: ExitStack, gateway: Streamed, count: int, query: str, token: str | None = None
) -> list[ClientConnection]:
    return [stack.enter_context(gateway.connect(query, token=token)) for _ in range(count)]


def test_one_question_serves_all_who_want_its_answer() -> None:
    """Fifty clients get the same messages, for one question per interval."""
    with streaming() as gateway, ExitStack() as stack:
        clients = _connected(stack, gateway, MANY, "?interval=1&compare=1h")
        wait_for(lambda: len(gateway.service.asked) >= 3, seconds=60, what="three questions")
        told = [[number_of(client.recv(timeout=20)) for _ in range(2)] for client in clients]

    assert {"/api/v1/real-time-metrics?max_age=1&compare=1h"} == {
        path for path, _ in gateway.service.asked
    }
    for first, second in told:
        assert first + 1 == second
    # Whoever came first has the first answer, and nobody has a number of their own.
    assert max(second for _, second in told) <= len(gateway.service.asked)


def test_the_first_message_comes_at_once() -> None:
    """A new client is told what the feed knows, without another question and without waiting."""
    with streaming() as gateway, ExitStack() as stack:
        [first] = _connected(stack, gateway, 1, "?interval=300")
        assert 1 == next_of(first)["number"]
        [second] = _connected(stack, gateway, 1, "?interval=300")

        assert 1 == next_of(second)["number"]
        assert 1 == len(gateway.service.asked)


def test_a_question_that_nobody_asks_is_not_asked() -> None:
    """A feed ends with its last client, and a new one begins with a new question."""
    with streaming() as gateway:
        with gateway.connect("?interval=300") as client:
            next_of(client)
            assert 1 == gateway.counted("gpuscope_stream_feeds")
        wait_for(lambda: gateway.counted("gpuscope_stream_feeds") == 0, seconds=60, what="the end")
        with gateway.connect("?interval=300") as client:
            assert 2 == next_of(client)["number"]


def test_callers_who_see_different_things_share_nothing(tmp_path: Path) -> None:
    """A token that is limited to a cluster gets what the service tells that token."""
    path = tmp_path / "tokens.json"
    whole = issue(path, Role.VIEWER, name="whole")
    limited = issue(path, Role.VIEWER, name="limited", clusters=("a",))
    with streaming(auth=Auth(tokens_file=str(path))) as gateway, ExitStack() as stack:
        clients = [
            stack.enter_context(gateway.connect("?interval=300", token=token))
            for token in (whole, limited)
        ]
        for client in clients:
            next_of(client)

    asked = {authorization for _, authorization in gateway.service.asked}
    assert {f"Bearer {whole}", f"Bearer {limited}"} == asked


def test_a_service_that_fails_is_said_and_nothing_old_is_sent() -> None:
    """Each failure is a message with `error`, once per interval; the next good answer follows."""
    with streaming() as gateway:
        gateway.service.statuses[""] = "503 Service Unavailable"
        with gateway.connect("?interval=1") as client:
            assert {"error"} == set(next_of(client))
            gateway.service.statuses[""] = "429 Too Many Requests"
            wait_for(
                lambda: "Too many requests" in next_of(client)["error"], seconds=60, what="429"
            )
            gateway.service.statuses.clear()
            wait_for(lambda: "number" in next_of(client), seconds=60, what="an answer")


def test_a_service_that_is_gone_is_said() -> None:
    """Without any answer there is a message all the same, and no path or port in it."""
    with streaming() as gateway:
        gateway.service.statuses[""] = "garbage"
        with gateway.connect("?interval=300") as client:
            told = next_of(client)

    assert "the service gave no answer; the next message may have one" == told["error"]


def test_the_log_says_when_the_service_fails_and_when_it_answers_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line each, however many questions go wrong in between; none for a wrong question."""
    caplog.set_level(logging.INFO, logger="queryapi.gateway.service")
    with streaming() as gateway, gateway.connect("?interval=1") as client:
        gateway.service.statuses[""] = "404 Not Found"
        wait_for(lambda: "no such" in next_of(client).get("error", ""), seconds=60, what="a 404")
        gateway.service.statuses[""] = "500 Internal Server Error"
        wait_for(lambda: "no answer" in next_of(client).get("error", ""), seconds=60, what="a 500")
        assert "error" in next_of(client)
        gateway.service.statuses.clear()
        wait_for(lambda: "number" in next_of(client), seconds=60, what="an answer")

    assert [
        ("WARNING", "the HTTP service gives no answer: clients are told so"),
        ("INFO", "the HTTP service answers again"),
    ] == [(line.levelname, line.message) for line in caplog.records]
    assert {"detail": "HTTP 500"} == caplog.records[0].__dict__["fields"]


def test_a_question_that_the_service_refuses_ends_in_its_words() -> None:
    """The client reads why, and is closed: asking again would be of no use."""
    with streaming() as gateway:
        gateway.service.statuses[""] = "400 Bad Request"
        with gateway.connect("?compare=9999w") as client:
            assert "no such thing" == next_of(client)["error"]
            assert 1008 == closing_code(client)
        gateway.service.refusal = b"\xff"
        gateway.service.statuses[""] = "404 Not Found"
        with gateway.connect("?interval=1") as client:
            next_of(client)
            assert "the service does not know this question" == next_of(client)["error"]


def test_a_revoked_token_costs_only_its_bearer(tmp_path: Path) -> None:
    """When the service does not accept one subscriber's token any more, others' is used."""
    path = tmp_path / "tokens.json"
    lost = issue(path, Role.VIEWER, name="lost")
    kept = issue(path, Role.VIEWER, name="kept")
    with streaming(auth=Auth(tokens_file=str(path))) as gateway, ExitStack() as stack:
        [one] = _connected(stack, gateway, 1, "?interval=1", lost)
        next_of(one)
        [other] = _connected(stack, gateway, 1, "?interval=1", kept)
        gateway.service.statuses[f"Bearer {lost}"] = "401 Unauthorized"
        revoke(path, lost)

        assert 1008 == closing_code(one)
        told = [json.loads(other.recv(timeout=20)) for _ in range(3)]

    assert "number" in told[-1]
    assert f"Bearer {kept}" == gateway.service.asked[-1][1]


def test_who_asks_too_much_costs_only_themselves(tmp_path: Path) -> None:
    """When one caller's limit is spent, another's asks: however many connections the one holds."""
    path = tmp_path / "tokens.json"
    greedy = issue(path, Role.VIEWER, name="greedy")
    modest = issue(path, Role.VIEWER, name="modest")
    with streaming(auth=Auth(tokens_file=str(path))) as gateway, ExitStack() as stack:
        gateway.service.statuses[f"Bearer {greedy}"] = "429 Too Many Requests"
        many = _connected(stack, gateway, 5, "?interval=1", greedy)
        assert "Too many requests" == next_of(many[0])["error"]
        [other] = _connected(stack, gateway, 1, "?interval=1", modest)
        # What the feed knew when it came may be the first.
        told = [next_of(other) for _ in range(4)][1:]

    assert [{"number", "padding"}] * 3 == [set(each) for each in told]


def test_each_address_has_a_limit_of_its_own() -> None:
    """Without a token the service is told who asks: another address asks when one is refused."""
    limits = Limits(trusted_proxies=("127.0.0.0/8",))
    with streaming(limits=limits) as gateway, ExitStack() as stack:
        gateway.service.statuses[""] = "429 Too Many Requests"
        for address in ("192.0.2.1", "192.0.2.2"):
            headers = {"X-Forwarded-For": address}
            client = stack.enter_context(gateway.connect("?interval=300", headers=headers))
            assert {"error"} == set(next_of(client))

        assert {"192.0.2.1", "192.0.2.2"} == set(gateway.service.addresses)


def test_nobody_waits_for_what_another_was_refused(tmp_path: Path) -> None:
    """Who comes to a feed whose only caller was refused is told at once, as themselves."""
    path = tmp_path / "tokens.json"
    greedy = issue(path, Role.VIEWER, name="greedy")
    modest = issue(path, Role.VIEWER, name="modest")
    with streaming(auth=Auth(tokens_file=str(path))) as gateway, ExitStack() as stack:
        gateway.service.statuses[f"Bearer {greedy}"] = "429 Too Many Requests"
        [one] = _connected(stack, gateway, 1, "?interval=300", greedy)
        assert {"error"} == set(next_of(one))
        [other] = _connected(stack, gateway, 1, "?interval=300", modest)

        assert "number" in next_of(other)


def test_a_token_that_only_the_service_refuses_is_said(tmp_path: Path) -> None:
    """The client stays, and reads that the service did not accept its token."""
    path = tmp_path / "tokens.json"
    token = issue(path, Role.VIEWER)
    with streaming(auth=Auth(tokens_file=str(path))) as gateway:
        gateway.service.statuses[""] = "403 Forbidden"
        with gateway.connect("?interval=300", token=token) as client:
            assert "the service did not accept the token" == next_of(client)["error"]


def _polled(ask: Callable[[int], PollResult], *, ended_by_doubt: bool = False) -> list[bytes]:
    """Return what one subscriber is sent while the service is asked a few times."""

    async def run() -> list[bytes]:
        times, wire = itertools.count(), Wire()
        wire.room.set()
        metrics = StreamMetrics("0").streaming
        session = Session(wire, CALLER, metrics=metrics, clock=time.monotonic)

        async def asked(_target: str, _caller: Caller) -> PollResult:
            return ask(next(times))

        async def doubt(doubted: Session) -> None:
            if ended_by_doubt:
                doubted.end(1008, "")

        feeds, question = Feeds(asked, doubt, metrics=metrics), Question("/", 0.01)
        feeds.join(session, question)
        await asyncio.sleep(0.1)
        feeds.leave(session, question)
        return wire.sent

    return asyncio.run(run())


def test_a_defect_costs_one_message(caplog: pytest.LogCaptureFixture) -> None:
    """A feed that fails in a way nobody expected is logged and goes on at the next turn."""

    def broken(number: int) -> PollResult:
        if number == 0:
            raise RuntimeError("broken")
        return PollResult("answered", b"good")

    assert {b"good"} == set(_polled(broken))
    assert "a feed failed" in caplog.text


def test_nothing_is_sent_when_nobody_is_left() -> None:
    """The only subscriber's token was refused by all: there is nobody to tell."""
    assert [] == _polled(lambda _: PollResult("denied", b"no"), ended_by_doubt=True)
