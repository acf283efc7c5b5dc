"""What is said on a WebSocket is data too: in the URL that opens it, and in every message."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.hostile import CORPUS
from tests.support.jobstories import told
from tests.support.stored import prepared
from tests.support.streaming import Streamed, streaming

pytestmark = pytest.mark.attacks


@pytest.fixture(name="gateway", scope="module")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streamed]:
    with streaming(database_url=prepared(tmp_path_factory.mktemp("streams"))) as running:
        yield running


def test_names_come_back_as_they_were_sent(gateway: Streamed) -> None:
    """Whatever a job or a provider is said to be called; or it is refused, and the client stays."""
    for value in CORPUS:
        with gateway.connect(path="/ws", max_size=None) as client:
            told(client, "connected")
            for kind, prefix in (("subscribe:provider", "provider:"), ("unsubscribe", "")):
                client.send(json.dumps({"type": kind, "subscriptionId": value}))
                said = json.loads(client.recv(timeout=20))
                if said["type"] != "error":
                    assert said["data"]["subscription"] in (prefix + value, f"job:{value}")
            client.send(json.dumps({"type": "subscribe:job", "subscriptionId": value}))
            said = json.loads(client.recv(timeout=20))
            assert said["type"] in ("subscribed", "error")
            client.send(json.dumps({"type": "unsubscribe", "subscriptionId": f"job:{value}"}))
            client.recv(timeout=20)
            client.send(json.dumps({"type": value}))
            assert "error" == json.loads(client.recv(timeout=20))["type"]


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"ping","type":"unsubscribe"}', '{"type":"subscribe:job","subscriptionId":NaN}',
        '{"type":"subscribe:job","subscriptionId":"a","since":1e999}', "[" * 5000, "", "null",
        '{"type":"subscribe:job","subscriptionId":"a","since":' + "9" * 5000 + "}",
        '{"type":"subscribe:job","subscriptionId":"\\ud800"}', '{"__proto__":{"type":"ping"}}',
        b"\xff\xfe", b'{"type":"ping"}\0',
    ],
)  # fmt: skip
def test_odd_messages_are_answered(gateway: Streamed, message: str | bytes) -> None:
    """With an error, and the connection goes on."""
    with gateway.connect(path="/ws") as client:
        told(client, "connected")
        client.send(message)
        assert "error" == json.loads(client.recv(timeout=20))["type"]
        client.send('{"type":"ping"}')
        assert {"type": "pong"} == json.loads(client.recv(timeout=20))


@pytest.mark.parametrize("name", ["compare", "interval", "cluster", "max_age"])
def test_no_address_becomes_another_request(gateway: Streamed, name: str) -> None:
    """What the gateway asks the service is what the client's own page would: one path, encoded."""
    refusals = set()
    for value in CORPUS:
        if len(value) > 1000:
            continue
        try:
            with gateway.connect(f"?{name}={quote(value, safe='')}"):
                pass
        except InvalidStatus as refused:
            refusals.add(refused.response.status_code)
    assert refusals <= {400, 404}
    for path, _ in gateway.service.asked:
        assert path.isprintable()
        assert " " not in path
        asked = urlsplit(path)
        assert "/api/v1/real-time-metrics" == asked.path
        assert set(parse_qs(asked.query)) <= {"compare", "max_age"}
