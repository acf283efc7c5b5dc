"""The service asks whom its settings name, and nobody whom an answer or a caller names."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import LOOPBACK, wait_for
from queryapi.errors import ConfigurationError
from queryapi.settings import (
    Auth,
    Cluster,
    Grant,
    Oidc,
    Role,
    Service,
    Settings,
    TokenReview,
    Traces,
)
from queryapi.settings.checks import check
from tests.support.api_process import Api, api
from tests.support.raw_server import RawServer, http, read_request

pytestmark = [pytest.mark.attacks, pytest.mark.e2e]

_VIEWER = Grant("ops", Role.VIEWER)
_POINTING: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "prometheus": lambda url: {"clusters": (Cluster("c", url),)},
    "health": lambda url: {"services": (Service("s", health_url=url),)},
    "issuer": lambda url: {"auth": Auth(oidc=Oidc(url, "a", grants=(_VIEWER,)))},
    "keys": lambda url: {
        "auth": Auth(oidc=Oidc("https://a", "a", grants=(_VIEWER,), jwks_url=url))
    },
    "traces": lambda url: {"traces": Traces(endpoint=url)},
    "review": lambda url: {"auth": Auth(token_review=TokenReview((_VIEWER,), server=url))},
}
_KEY = "key-of-ours"


@dataclass(frozen=True, slots=True)
class Redirected:
    """A service all of whose servers answer with redirects.

    Attributes:
        asked: What its servers were sent.
        elsewhere: What the redirects' target was sent.
    """

    api: Api
    asked: list[bytes]
    elsewhere: list[bytes]


@pytest.fixture(name="redirected", scope="module")
def _redirected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redirected]:
    folder = tmp_path_factory.mktemp("redirected")
    asked: list[bytes] = []
    met: list[bytes] = []

    def meeting(connection: socket.socket) -> None:
        while said := read_request(connection):
            met.append(said)
            connection.sendall(http(b"{}"))

    def sending_on(connection: socket.socket) -> None:
        while said := read_request(connection):
            asked.append(said)
            status = ("301 M", "302 F", "303 S", "307 T", "308 P")[len(asked) % 5]
            link = f"{elsewhere.url}/x"
            answer = http(b"{}", status=status)
            connection.sendall(answer.replace(b"\r\n", f"\r\nLocation: {link}\r\n".encode(), 1))

    with (
        RawServer(meeting) as elsewhere,
        RawServer(sending_on) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"api-key={_KEY}")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        (folder / "own").write_text(_KEY)
        settings = {
            "clusters": [
                {"name": "prod-cluster", "prometheus_url": server.url, "headers": {"X-Key": _KEY}}
            ],
            "traces": {"endpoint": f"{server.url}/v1/traces"},
            "auth": {
                "oidc": {"issuer": f"{server.url}/issuer", "audience": "a", "grants": [_GRANT]},
                "token_review": {
                    "server": f"{server.url}/api", "ca_file": None,
                    "token_file": str(folder / "own"), "grants": [_GRANT],
                },
                "anonymous": dict.fromkeys(("realtime", "health"), "viewer"),
            },
            "services": [
                {"name": "s", "health_url": f"{server.url}/health", "headers": {"X-Key": _KEY}}
            ],
        }  # fmt: skip
        with api(folder, server.url, settings) as service:
            yield Redirected(service, asked, met)


_GRANT = {"value": "ops", "role": "viewer"}
_JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6Im9uZSJ9.eyJpc3MiOiIlcyJ9.AAAA"


def test_no_redirect_is_followed(redirected: Redirected) -> None:
    """Of Prometheus, a health URL, traces, an issuer and an API server: no key goes elsewhere."""
    for token in (None, "anything", _JWT):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        for path in ("/api/v1/realtime/status?cluster=prod-cluster", "/api/v1/real-time-metrics"):
            requests.get(redirected.api.urls[0] + path, headers=headers, timeout=30)
    kinds = (b"/api/v1/query", b"/health", b"/v1/traces", b"/tokenreviews")

    wait_for(
        lambda: all(any(kind in said for said in redirected.asked) for kind in kinds),
        seconds=60,
        what="a question to each",
    )
    assert any(_KEY.encode() in said for said in redirected.asked)
    # What follows a redirect does so at once.
    time.sleep(0.5)
    assert [] == redirected.elsewhere


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/realtime/status?cluster={}",
        "/api/v1/real-time-metrics?url={0}&service={0}&health_url={0}",
        "/api/v1/workers?cluster={}",
        "{}",
    ],
)
def test_no_caller_can_have_anybody_asked(redirected: Redirected, path: str) -> None:
    """By no parameter, no header and no whole URL in the place of a path."""
    with RawServer(lambda _: None) as target:
        headers = dict.fromkeys(
            ("X-Forwarded-Host", "X-Original-URL", "Forwarded", "Referer", "X-Callback"),
            f"{target.url}/",
        )
        url = f"{redirected.api.urls[0]}{path.format(f'{target.url}/')}"
        if path == "{}":
            address = redirected.api.urls[0].removeprefix("http://").split(":")
            with socket.create_connection((address[0], int(address[1])), timeout=20) as client:
                client.sendall(f"GET {target.url}/ HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                assert b" 200 " not in client.recv(100)
        else:
            requests.get(url, headers=headers, timeout=30)

        assert 0 == target.connections


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1:1/x", "ftp://a/", "//a"])
@pytest.mark.parametrize("where", _POINTING)
def test_other_schemes_are_refused_before_anything_starts(where: str, url: str) -> None:
    """Nothing is read from a file or spoken to in another language, whatever the settings name."""
    with pytest.raises(ConfigurationError):
        check(Settings(**_POINTING[where](url)))


# Less than Prometheus may answer, and more than sockets hold.
_MUCH = 32 * 1024 * 1024


@dataclass(slots=True)
class Endless:
    """A server whose answers have no end.

    Attributes:
        sent: How many bytes went out, by the first step of the path.
    """

    sent: dict[str, int]

    def __call__(self, connection: socket.socket) -> None:
        """Answer until the client has enough."""
        kind = read_request(connection).split(b" ")[1].split(b"/")[1].decode()
        self.sent.setdefault(kind, 0)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n")
        while self.sent[kind] < _MUCH:
            self.sent[kind] += connection.send(b" " * 65536)


def test_no_answer_is_read_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an issuer, an API server, a health URL and a collector; who asks gets their answer."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    (tmp_path / "own").write_text(_KEY)
    endless = Endless({})
    with RawServer(endless) as server:
        settings = {
            "traces": {"endpoint": f"{server.url}/traces"},
            "auth": {
                "oidc": {
                    "issuer": f"{server.url}/issuer", "jwks_url": f"{server.url}/keys",
                    "audience": "a", "grants": [_GRANT],
                },
                "token_review": {
                    "server": f"{server.url}/review", "ca_file": None,
                    "token_file": str(tmp_path / "own"), "grants": [_GRANT],
                },
                "anonymous": {"health": "viewer"},
            },
            "services": [{"name": "s", "health_url": f"{server.url}/health"}],
        }  # fmt: skip
        with api(tmp_path, f"http://{LOOPBACK}:1", settings) as service:
            judged = requests.get(
                f"{service.urls[0]}/api/v1/clusters",
                headers={"Authorization": "Bearer anything"}, timeout=30,
            )  # fmt: skip
            assert 503 == judged.status_code
            told = requests.get(f"{service.urls[0]}/api/v1/real-time-metrics", timeout=30)
            assert 200 == told.status_code
            kinds = {"traces", "keys", "review", "health"}
            wait_for(lambda: kinds <= endless.sent.keys(), seconds=60, what="a question to each")

    assert all(sent < _MUCH for sent in endless.sent.values()), endless.sent
