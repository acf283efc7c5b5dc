"""Proxies between us and the API server: of the environment, of a kubeconfig, and exceptions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from demo.processes import LOOPBACK, free_port
from exporter.cluster.api.proxies import Proxy, choose
from exporter.cluster.api.transport import ApiServer
from exporter.errors import ApiServerUnavailable
from tests.support import proxy as support
from tests.support.apiserver import Cluster, running
from tests.support.fake_source import Clock
from tests.support.objects import node
from tests.support.tls import self_signed

SERVER = "https://api:6443"


@pytest.mark.parametrize(
    ("server", "configured", "environment", "expected"),
    [
        (SERVER, None, {}, None),
        (SERVER, None, {"HTTPS_PROXY": "http://p:1"}, Proxy("http://p:1")),
        (SERVER, None, {"https_proxy": "http://p:1"}, Proxy("http://p:1")),
        (SERVER, None, {"https_proxy": "http://a", "HTTPS_PROXY": "http://b"}, Proxy("http://a")),
        (SERVER, None, {"HTTP_PROXY": "http://p:1"}, None),
        ("http://api", None, {"HTTP_PROXY": "http://p:1"}, Proxy("http://p:1")),
        ("http://api", None, {"HTTPS_PROXY": "http://p:1"}, None),
        (SERVER, None, {"HTTPS_PROXY": ""}, None),
        (SERVER, None, {"NO_PROXY": "api"}, None),
        (SERVER, None, {"HTTPS_PROXY": "p:1", "NO_PROXY": "b"}, Proxy("http://p:1", None, "b")),
        (SERVER, "http://q:2", {"HTTPS_PROXY": "p:1", "NO_PROXY": "api"}, Proxy("http://q:2")),
        (SERVER, "http://me:a%40b@q:2/", {}, Proxy("http://q:2", "me:a@b")),
        (SERVER, "socks5://q:2", {}, Proxy("socks5://q:2")),
    ],
)
def test_which_proxy(
    server: str, configured: str | None, environment: dict[str, str], expected: Proxy | None
) -> None:
    """The kubeconfig's comes first, then the environment's for the server's scheme."""
    assert expected == choose(server, configured, environment)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[support.Proxy]:
    """A proxy, and an environment that names none."""
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with support.proxying() as proxy:
        yield proxy


def nodes(kubeconfig: Path) -> bytes:
    """Return the nodes as the exporter asks for them."""
    server = ApiServer(kubeconfig, Clock())
    server.connect()
    return server.resource("nodes").page(None)


def configure(cluster: Cluster, path: Path, url: str) -> Path:
    """Write a kubeconfig whose cluster is behind a proxy."""
    config = yaml.safe_load(cluster.kubeconfig(path).read_text())
    config["clusters"][0]["cluster"]["proxy-url"] = url
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_plain_server_behind_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: support.Proxy
) -> None:
    """HTTP_PROXY is asked for the whole URL."""
    monkeypatch.setenv("HTTP_PROXY", f"http://{LOOPBACK}:{proxy.port}")
    with running(node()) as cluster:
        body = nodes(cluster.kubeconfig(tmp_path / "config"))

    assert b'"n1"' in body
    assert [f"GET {cluster.url}/api/v1/nodes?limit=500"] == proxy.lines


def test_a_tls_server_behind_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: support.Proxy
) -> None:
    """HTTPS_PROXY is asked for a tunnel, through which nobody can look."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://{LOOPBACK}:{proxy.port}")
    certificate = self_signed(tmp_path)
    with running(node(), tokens=["good"], tls=certificate.context()) as cluster:
        path = cluster.kubeconfig(tmp_path / "config", token="good", authority=certificate.cert)  # noqa: S106 - a test's own token
        body = nodes(path)

    assert b'"n1"' in body
    assert ["CONNECT " + cluster.url.removeprefix("https://")] == proxy.lines
    assert "good" not in "".join(proxy.asked)


@pytest.mark.parametrize("exception", [LOOPBACK, f"example.org,{LOOPBACK}", "127.0.0.0/8"])
def test_a_server_that_needs_no_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: support.Proxy, exception: str
) -> None:
    """NO_PROXY names hosts and networks that are asked directly."""
    monkeypatch.setenv("HTTP_PROXY", f"http://{LOOPBACK}:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", exception)
    with running(node()) as cluster:
        body = nodes(cluster.kubeconfig(tmp_path / "config"))

    assert b'"n1"' in body
    assert [] == proxy.asked


def test_a_proxy_of_the_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: support.Proxy
) -> None:
    """`proxy-url` is used whatever the environment says, with its name and password."""
    monkeypatch.setenv("HTTP_PROXY", f"http://{LOOPBACK}:{free_port()}")
    monkeypatch.setenv("NO_PROXY", "*")
    with running(node()) as cluster:
        url = f"http://me:secret@{LOOPBACK}:{proxy.port}"
        body = nodes(configure(cluster, tmp_path / "config", url))

    assert b'"n1"' in body
    assert 1 == len(proxy.asked)
    assert "basic bwu6c2vjcmv0" in proxy.asked[0].lower()


def test_a_proxy_that_is_away(tmp_path: Path, proxy: support.Proxy) -> None:
    """It is named as out of reach, without its password."""
    with running(node()) as cluster:
        url = f"http://me:secret@{LOOPBACK}:{free_port()}"
        path = configure(cluster, tmp_path / "config", url)

        with pytest.raises(ApiServerUnavailable, match="cannot be reached") as raised:
            nodes(path)

    assert "secret" not in str(raised.value)
    assert [] == proxy.asked
