"""No secret is in anything that any process of ours says, whoever asks and whatever breaks."""

import io
import json
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from demo.processes import LOOPBACK, free_port, wait_for
from queryapi import cli
from queryapi.settings import Role
from tests.support.access import issue
from tests.support.api_process import Api, api
from tests.support.collector import Collector
from tests.support.raw_server import RawServer, http, read_request
from tests.support.redis import redis_server

pytestmark = [pytest.mark.attacks, pytest.mark.e2e]

_SECRETS = {
    "basic password": "canary-basic",
    "header": "canary-header",
    "bearer": "canary-bearer",
    "redis": "canary-redis",
    "database": "canary-database",
    "traces": "canary-traces",
    "health": "canary-health",
    "cookie": "canary-cookie",
    "wrong": "canary-wrong",
    "query": "canary-query",
}
_CANARY = "canary-"
_PATHS = (
    "/api/v1/realtime/status?cluster=prod-cluster",
    "/api/v1/realtime/running-tasks?cluster=second",
    "/api/v1/real-time-metrics?compare=1h",
    "/api/v1/workers", "/api/pools", "/api/jobs", "/readyz", "/metrics", "/openapi.json",
    f"/api/jobs?token={_SECRETS['query']}", f"/nowhere?access_token={_SECRETS['query']}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """A service that was given a secret wherever one can be, and whatever anybody was told.

    Attributes:
        secrets: Those of the settings, and tokens.
        output: Of all processes, commands and answers, by whose it is.
        commands: Which of them are of commands.
        received: What those who are meant to have them were sent.
    """

    secrets: tuple[str, ...]
    output: dict[str, str]
    commands: tuple[str, ...]
    received: bytes


@pytest.fixture(name="told", scope="module")
def _told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("secrets")
    received: list[bytes] = []

    def failing(connection: socket) -> None:
        while said := read_request(connection):
            received.append(said)
            # Half of what it says comes back, as of a careless proxy.
            words = b'{"status":"error","errorType":"internal","error":"' + _echo(said) + b'"}'
            connection.sendall(http(words, status="500 Broken"))

    tokens = folder / "tokens.json"
    good = [issue(tokens, role) for role in Role]
    with (
        RawServer(failing) as server,
        Collector() as collector,
        redis_server(folder, "--requirepass", _SECRETS["redis"]) as redis,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"api-key={_SECRETS['traces']}")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        streams = f"{LOOPBACK}:{free_port()}"
        settings = _settings(folder, server.url, str(tokens), redis.port)
        settings |= {"stream_listen": streams, "traces": {"endpoint": f"{collector.url}/v1/traces"}}
        output: dict[str, str] = {}
        with api(folder, server.url, settings) as service:
            wait_for(lambda: _listens(streams), seconds=60, what="the gateway")
            output["command lines"] = _command_lines()
            output |= _asked(service, streams, good)
            redis.kill()
            less = _asked(service, streams, good[:1])
            output |= {f"{k} without Redis": v for k, v in less.items()}
            output["pages"] = requests.get(f"http://{streams}/metrics", timeout=20).text
            time.sleep(0.3)
            output["traces"] = collector.raw.decode("latin-1")
        output["log"] = (folder / "api.log").read_text()
        output |= (commands := _commands(folder))
        yield Told((*_SECRETS.values(), *good), output, tuple(commands), b"".join(received))


def _settings(folder: Path, url: str, tokens: str, redis_port: int) -> dict[str, Any]:
    (folder / "bearer").write_text(_SECRETS["bearer"])
    return {
        "clusters": [
            {
                "name": "prod-cluster",
                "prometheus_url": url,
                "basic_auth": {"username": "u", "password": _SECRETS["basic password"]},
                "headers": {"X-Key": _SECRETS["header"]},
            },
            {
                "name": "second",
                "prometheus_url": url,
                "bearer_token_file": str(folder / "bearer"),
            },
        ],
        "default_cluster": "prod-cluster",
        "services": [
            {"name": "s", "health_url": f"{url}/h", "headers": {"X-Key": _SECRETS["health"]}},
            {"name": "gone", "health_url": f"http://{LOOPBACK}:1/h"},
        ],
        "redis_url": f"redis://:{_SECRETS['redis']}@{LOOPBACK}:{redis_port}/0",
        "database_url": f"postgresql+psycopg://u:{_SECRETS['database']}@{LOOPBACK}:1/gpuscope",
        "auth": {"tokens_file": tokens},
        "log": {"level": "debug"},
    }


def _echo(said: bytes) -> bytes:
    """Return the path of a request, which holds no secret: what is repeated must be harmless."""
    return said.split(b" ")[1].replace(b'"', b"")


def _listens(streams: str) -> bool:
    try:
        return requests.get(f"http://{streams}/healthz", timeout=60).status_code < 500
    except requests.ConnectionError:
        return False


def _asked(service: Api, streams: str, good: list[str]) -> dict[str, str]:
    """Return every answer to every caller, over HTTP and instead of a WebSocket."""
    found: dict[str, str] = {}
    cookie = {"Cookie": f"session={_SECRETS['cookie']}"}
    wrong = _SECRETS["wrong"]
    sent = [f"Bearer {token}" for token in (*good, wrong, f"gpuscope_{wrong}", f"a.{wrong}.b")]
    for number, authorization in enumerate((*sent, f"Basic {wrong}", wrong)):
        headers = {"Authorization": authorization, **cookie}
        for path in _PATHS:
            answer = requests.get(service.urls[0] + path, headers=headers, timeout=60)
            found[f"{path} {number}"] = f"{answer.headers}{answer.text}"
    for number, token in enumerate((*good, wrong)):
        found[f"WebSocket {number}"] = _knocked(f"ws://{streams}/ws", token)
        found[f"WebSocket by query {number}"] = _knocked(f"ws://{streams}/ws?token={token}", "")
    return found


def _knocked(url: str, token: str) -> str:
    offered = [Subprotocol("gpuscope"), Subprotocol(f"bearer.{token}")] if token else None
    try:
        with connect(url, subprotocols=offered, proxy=None, open_timeout=20) as client:
            said = str(client.response.headers) if client.response else ""
            with suppress(WebSocketException, TimeoutError):
                client.send('{"type":"subscribe:job","subscriptionId":"j"}')
                said += str(client.recv(timeout=0.2))
            return said
    except InvalidStatus as refused:
        return f"{refused.response.headers}{refused.response.body!r}"


def _commands(folder: Path) -> dict[str, str]:
    """Return what the commands say that read the same settings, with everything broken."""
    told = {}
    config = ("--config", str(folder / "gpuscope.yml"))
    for words in (
        (*config, "--check-config"),
        ("doctor", *config),
        ("doctor", "--json", *config),
        ("db", "current", *config),
        ("db", "upgrade", *config),
        ("token", "list", *config),
    ):
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said), suppress(SystemExit):
            cli.main(words)
        told[" ".join(words[:2])] = said.getvalue()
    return told


def _command_lines() -> str:
    """Return the command lines of all Python processes of this machine, as `ps` shows them."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = each.read_bytes()
            if b"queryapi" in line or b"exporter" in line:
                found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(found)


def test_who_is_meant_to_have_secrets_has_them(told: Told) -> None:
    """The settings were used: what is not said below was there to be said."""
    for name in ("header", "bearer", "health"):
        assert _SECRETS[name].encode() in told.received, name
    assert "queryapi" in told.output["command lines"]
    assert "query " in told.output["traces"]
    assert all(told.output[command] for command in told.commands)


def test_no_secret_is_told(told: Told) -> None:
    """In no log down to debug, answer, metric, trace, command line or command's output."""
    found = {
        (where, secret)
        for where, text in told.output.items()
        for secret in told.secrets
        if secret in text
    }

    assert set() == found
    assert [] == [where for where, text in told.output.items() if _CANARY in text]


def test_every_line_of_the_log_is_one_object(told: Told) -> None:
    """Whatever broke: a reader of lines finds JSON in each, and no terminal obeys one."""
    lines = [line for line in told.output["log"].split("\n") if line]

    assert len(lines) > len(_PATHS)
    for line in lines:
        assert line.isprintable(), line
        assert isinstance(json.loads(line), dict), line
