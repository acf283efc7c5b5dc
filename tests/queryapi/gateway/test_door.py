"""Who may open a WebSocket, and from which page: judged before there is one."""

import asyncio
import json
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.typing import Subprotocol

from demo.processes import wait_for
from queryapi.access.principal import Principal
from queryapi.gateway.judge import Judge
from queryapi.settings import Anonymous, Auth, Limits, Role, Stream
from tests.support.access import issue, revoke
from tests.support.streaming import closing_code, next_of, streaming


def _offer(*names: str) -> list[Subprotocol]:
    return [Subprotocol(name) for name in names]


def test_tokens_come_as_a_header_or_beside_a_subprotocol(tmp_path: Path) -> None:
    """A program sends the header; a browser offers `gpuscope`, which alone is answered."""
    path = tmp_path / "tokens.json"
    token = issue(path, Role.VIEWER)
    with streaming(auth=Auth(tokens_file=str(path))) as gateway:
        with gateway.connect(token=token) as client:
            assert "number" in next_of(client)
            assert client.subprotocol is None
        with gateway.connect(subprotocols=_offer(f"bearer.{token}", "gpuscope")) as client:
            assert "number" in next_of(client)
            assert "gpuscope" == client.subprotocol

    assert {f"Bearer {token}"} == {authorization for _, authorization in gateway.service.asked}


def test_nobody_comes_in_without_a_good_token(tmp_path: Path) -> None:
    """401 before there is a WebSocket, in the words of the path, with a challenge."""
    path = tmp_path / "tokens.json"
    issue(path, Role.VIEWER)
    with streaming(auth=Auth(tokens_file=str(path))) as gateway:
        absent = gateway.refusal()
        wrong = gateway.refusal(token="gpuscope_0_0")  # noqa: S106 - a wrong one
        offered = gateway.refusal(subprotocols=_offer("gpuscope", "bearer.gpuscope_0_0"))

    assert [401, 401, 401] == [each.status_code for each in (absent, wrong, offered)]
    assert 'Bearer realm="gpuscope"' == absent.headers["WWW-Authenticate"]
    assert "invalid_token" in wrong.headers["WWW-Authenticate"]
    assert {"error"} == set(json.loads(wrong.body or b""))


def test_a_role_must_allow_it(tmp_path: Path) -> None:
    """A worker's token reads nothing but jobs: 403."""
    path = tmp_path / "tokens.json"
    token = issue(path, Role.WORKER)
    with streaming(auth=Auth(tokens_file=str(path))) as gateway:
        assert 403 == gateway.refusal(token=token).status_code


def test_anonymous_roles_hold_here_too(tmp_path: Path) -> None:
    """Where the settings let everybody read, nobody needs a token; a wrong one is refused."""
    path = tmp_path / "tokens.json"
    issue(path, Role.VIEWER)
    auth = Auth(tokens_file=str(path), anonymous=Anonymous(health=Role.VIEWER))
    with streaming(auth=auth) as gateway:
        with gateway.connect() as client:
            assert "number" in next_of(client)
        assert 401 == gateway.refusal(token="wrong").status_code  # noqa: S106 - a wrong one

    assert [None] == [authorization for _, authorization in gateway.service.asked]


@pytest.mark.parametrize(
    ("expected", "query", "options"),
    [
        ("a token in a URL ends up in logs", "?token=x", {}),
        ("a token in a URL ends up in logs", "?Access_Token=", {}),
        ("offer the subprotocol gpuscope", "", {"subprotocols": _offer("bearer.x")}),
        ("send one token, once", "", {"subprotocols": _offer("bearer.x", "bearer.y", "gpuscope")}),
        ("send one token", "", {"subprotocols": _offer("gpuscope", "bearer.x"), "token": "x"}),
        ("Host is given more than once", "", {"headers": {"Host": "other"}}),
        ("interval is a number of seconds from 1 to 300", "?interval=0.5", {}),
        ("interval is a number", "?interval=301", {}),
        ("interval is a number", "?interval=nan", {}),
        ("interval is a number", "?interval=", {}),
        ("interval is a number", "?interval=1_0", {}),
        ("compare is a period such as 1h", "?compare=1h%26max_age%3D0", {}),
        ("compare is a period", "?compare=", {}),
    ],
)
def test_what_cannot_be_understood_is_refused_in_a_sentence(
    expected: str, query: str, options: dict[str, object]
) -> None:
    """400 before there is a WebSocket; nothing is asked of the service."""
    with streaming() as gateway:
        refused = gateway.refusal(query, **options)

    assert 400 == refused.status_code
    assert expected in json.loads(refused.body or b"")["error"]
    assert [] == gateway.service.asked


@pytest.mark.parametrize(
    ("welcome", "origins", "origin"),
    [
        (True, (), None),
        (True, (), "http://{host}"),
        (True, (), "http://{HOST}"),
        (False, (), "http://127.0.0.1"),
        (False, (), "https://evil.example"),
        (False, (), "null"),
        (False, (), "http://[broken"),
        (True, ("https://grafana.example",), "https://grafana.example"),
        (False, ("https://grafana.example",), "https://grafana.example.evil.example"),
        (True, ("*",), "https://evil.example"),
    ],
)
def test_pages_of_other_origins_are_kept_out(
    welcome: bool,  # noqa: FBT001 - a row of a table
    origins: tuple[str, ...],
    origin: str | None,
) -> None:
    """Only a page of this very host, or of an origin that the settings name, may connect."""
    with streaming(cors_origins=origins) as gateway:
        host = f"127.0.0.1:{gateway.port}"
        headers = {} if origin is None else {"Origin": origin.format(host=host, HOST=host.upper())}
        if welcome:
            with gateway.connect(headers=headers) as client:
                assert "number" in next_of(client)
        else:
            refused = gateway.refusal(headers=headers)
            assert 403 == refused.status_code
            assert "Pages of this origin" in json.loads(refused.body or b"")["error"]


def test_there_are_so_many_places() -> None:
    """One more client is told to come again later, and comes in when another has left."""
    with streaming(stream=Stream(connections=2)) as gateway, ExitStack() as stack:
        first = stack.enter_context(gateway.connect())
        stack.enter_context(gateway.connect())
        refused = gateway.refusal()
        assert 503 == refused.status_code
        assert int(refused.headers["Retry-After"]) > 0
        first.close()

        def comes_in() -> bool:
            with gateway.connect() as client:
                return "number" in next_of(client)

        wait_for(lambda: gateway.counted("gpuscope_stream_clients") == 1, seconds=60, what="room")
        assert comes_in()


def test_a_client_that_leaves_while_it_is_judged_holds_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its place is free as soon as it is judged, though it never came in."""
    judged, judge = threading.Semaphore(0), Judge.admit

    async def slowly(*arguments: Any, **options: Any) -> Principal:
        await asyncio.sleep(0.3)
        try:
            return await judge(*arguments, **options)
        finally:
            judged.release()

    with streaming(stream=Stream(connections=1)) as gateway:
        with monkeypatch.context() as patched:
            patched.setattr(Judge, "admit", slowly)
            with pytest.raises(TimeoutError):
                gateway.connect(open_timeout=0.1).__enter__()
            assert judged.acquire(timeout=20)
        with gateway.connect() as client:
            assert "number" in next_of(client)


def test_one_token_has_so_many_places(tmp_path: Path) -> None:
    """429 for one caller alone; another's place is not theirs to take."""
    path = tmp_path / "tokens.json"
    tokens = [issue(path, Role.VIEWER, name=name) for name in ("a", "b")]
    auth, stream = Auth(tokens_file=str(path)), Stream(per_client=1)
    with streaming(auth=auth, stream=stream) as gateway, gateway.connect(token=tokens[0]):
        refused = gateway.refusal(token=tokens[0])
        with gateway.connect(token=tokens[1]) as client:
            assert "number" in next_of(client)

    assert 429 == refused.status_code
    assert int(refused.headers["Retry-After"]) > 0


def test_one_client_asks_a_few_things(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question is an answer per interval: 429 for one more, and room when one is over."""
    monkeypatch.setattr("queryapi.gateway.places._QUESTIONS_EACH", 2)
    with streaming() as gateway, gateway.connect("?interval=2"):
        with gateway.connect("?interval=3"):
            refused = gateway.refusal("?interval=4")
            with gateway.connect("?interval=3") as same:
                assert "number" in next_of(same)
        wait_for(lambda: gateway.counted("gpuscope_stream_clients") == 1, seconds=60, what="room")
        with gateway.connect("?interval=4") as other:
            assert "number" in next_of(other)

    assert 429 == refused.status_code
    assert {"error": "Too many different questions"} == json.loads(refused.body or b"")


def test_addresses_behind_a_trusted_proxy_have_places_of_their_own() -> None:
    """Without tokens the client's address counts, as the proxy tells it."""
    limits, stream = Limits(trusted_proxies=("127.0.0.0/8",)), Stream(per_client=1)
    with streaming(limits=limits, stream=stream) as gateway, ExitStack() as stack:
        for address in ("192.0.2.1", "192.0.2.2"):
            stack.enter_context(gateway.connect(headers={"X-Forwarded-For": address}))
        refused = gateway.refusal(headers={"X-Forwarded-For": "192.0.2.1"})

    assert 429 == refused.status_code


def test_coming_again_and_again_is_limited() -> None:
    """Handshakes are counted like requests, and so are wrong tokens."""
    with streaming(limits=Limits(per_minute=1, burst=2)) as gateway:
        for _ in range(2):
            with gateway.connect() as client:
                next_of(client)
        refused = gateway.refusal()

    assert 429 == refused.status_code
    assert int(refused.headers["Retry-After"]) > 1


def test_guessing_is_limited(tmp_path: Path) -> None:
    """An address that sends wrong tokens is told that these are too many."""
    path = tmp_path / "tokens.json"
    issue(path, Role.VIEWER)
    limits = Limits(per_minute=1, burst=2)
    with streaming(auth=Auth(tokens_file=str(path)), limits=limits) as gateway:
        told = [gateway.refusal(token="wrong").status_code for _ in range(3)]  # noqa: S106

    assert [401, 401, 429] == told


def test_who_loses_their_token_is_closed(tmp_path: Path) -> None:
    """A token that is revoked ends its connections with 1008, and nobody else's."""
    path = tmp_path / "tokens.json"
    lost = issue(path, Role.VIEWER, name="lost")
    kept = issue(path, Role.VIEWER, name="kept")
    auth = Auth(tokens_file=str(path))
    with (
        streaming(auth=auth, judged_every=0.2) as gateway,
        gateway.connect("?interval=1", token=kept) as other,
        gateway.connect("?interval=300", token=lost) as client,
    ):
        revoke(path, lost)
        assert 1008 == closing_code(client)
        before = next_of(other)["number"]
        wait_for(lambda: next_of(other)["number"] > before, seconds=60, what="more for the other")
