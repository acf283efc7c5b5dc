"""What an operator asks the gateway over plain HTTP."""

from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import LOOPBACK
from queryapi.errors import QueryRejected
from queryapi.gateway.judge import Judge
from queryapi.settings import Auth, Role
from tests.support.access import issue
from tests.support.streaming import PATH, next_of, streaming


def test_it_tells_that_it_is_alive() -> None:
    """`/healthz` answers GET and HEAD, with a trailing slash or without."""
    with streaming() as gateway:
        url = f"http://{LOOPBACK}:{gateway.port}/healthz"
        told = requests.get(url, timeout=20), requests.get(f"{url}/", timeout=20)
        head = requests.head(url, timeout=20)

    assert [{"alive": True}] * 2 == [each.json() for each in told]
    assert (200, b"", "14") == (head.status_code, head.content, head.headers["Content-Length"])


def test_it_counts_what_it_does() -> None:
    """Clients, handshakes, messages, questions and who was let in."""
    with streaming() as gateway:
        with gateway.connect() as client:
            next_of(client)
            assert 1 == gateway.counted("gpuscope_stream_clients")
            assert 1 == gateway.counted("gpuscope_stream_messages_sent_total")
        counts = {
            'gpuscope_stream_handshakes_total{status="101"}': 1,
            'gpuscope_stream_poll_duration_seconds_count{outcome="answered"}': 1,
            'gpuscope_api_authentications_total{outcome="admitted",source="open"}': 1,
        }
        assert counts == {name: gateway.counted(name) for name in counts}


@pytest.mark.parametrize(
    ("expected", "method", "path"),
    [
        (404, "GET", "/nowhere"),
        (426, "GET", "/"),
        (426, "GET", "/ws"),
        (404, "HEAD", "/api/v1/realtime/status"),
        (426, "GET", PATH),
        (405, "POST", PATH),
        (405, "DELETE", "/healthz"),
    ],
)
def test_everything_else_is_said_to_be_nothing(expected: int, method: str, path: str) -> None:
    """In the JSON of the API that was asked for; a WebSocket says that it is one."""
    with streaming() as gateway:
        url = f"http://{LOOPBACK}:{gateway.port}{path}"
        answer = requests.request(method, url, timeout=20)

    assert expected == answer.status_code
    assert "application/json" == answer.headers["Content-Type"]
    if method == "GET":
        assert answer.json()


def test_a_broken_handshake_is_said_in_json() -> None:
    """What the protocol itself refuses is worded as everything else is."""
    with streaming() as gateway:
        answer = gateway.get(PATH, Upgrade="websocket", Connection="Upgrade")

    assert 400 == answer.status_code
    assert {"error": "The WebSocket handshake is not valid"} == answer.json()


def test_closed_metrics_take_a_token(tmp_path: Path) -> None:
    """With `auth.metrics: token` they are for a viewer who is limited to no cluster."""
    path = tmp_path / "tokens.json"
    whole, limited = issue(path, Role.VIEWER), issue(path, Role.VIEWER, clusters=("a",))
    auth = Auth(tokens_file=str(path), metrics="token")
    with streaming(auth=auth) as gateway:
        told = [
            gateway.get("/metrics", **headers).status_code
            for headers in (
                {},
                {"Authorization": f"Bearer {limited}"},
                {"Authorization": f"Bearer {whole}"},
            )
        ]

    assert [401, 403, 200] == told


def test_a_defect_is_no_secret_told_to_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expected is 500 without a word about it; the gateway goes on."""

    def broken(*_: object) -> str:
        raise RuntimeError("secret")

    with streaming() as gateway:
        with monkeypatch.context() as patched:
            patched.setattr("queryapi.gateway.door.credential_of", broken)
            refused = gateway.refusal()
        with gateway.connect() as client:
            assert "number" in next_of(client)

    assert 500 == refused.status_code
    assert b"secret" not in (refused.body or b"")


@pytest.mark.parametrize(
    "defect", [QueryRejected("nobody's to read"), KeyError("nobody's to read")]
)
def test_a_defect_of_ours_is_logged_and_not_told(
    defect: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever breaks, the client gets the API's own 500 and the log says why."""

    async def broken(*_: Any, **__: Any) -> None:
        raise defect

    with streaming() as gateway:
        monkeypatch.setattr(Judge, "admit", broken)
        refused = gateway.refusal()

    assert 500 == refused.status_code
    assert b"nobody's to read" not in (refused.body or b"")
    assert [defect] == [
        record.exc_info[1] for record in caplog.records if record.exc_info is not None
    ]
