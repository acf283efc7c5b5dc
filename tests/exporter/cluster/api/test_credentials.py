"""Who we are to the API server: kubeconfig, service account, and tokens that are rotated."""

import datetime as dt
import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import yaml

from demo.processes import LOOPBACK
from exporter.cluster.api.fetching import Place
from exporter.cluster.api.transport import ApiServer
from exporter.errors import ApiServerUnavailable, ConfigurationError
from tests.support.apiserver import Cluster, running
from tests.support.connecting import Connect
from tests.support.fake_source import Clock
from tests.support.objects import node
from tests.support.tls import self_signed

_PLUGIN = """#!{python}
import json, pathlib
print(json.dumps({{
    "apiVersion": "client.authentication.k8s.io/v1",
    "kind": "ExecCredential",
    "status": {{"token": pathlib.Path("{token}").read_text()}},
}}))
"""


def names(body: bytes) -> list[str]:
    """Return the names of a list's items."""
    return [it["metadata"]["name"] for it in msgspec.json.decode(body)["items"]]


def test_inside_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a kubeconfig the pod's service account says where the server is and who we are."""
    certificate = self_signed(tmp_path)
    token = tmp_path / "token"
    token.write_text("good")
    mounted = "kubernetes.config.incluster_config.SERVICE"
    monkeypatch.setattr(f"{mounted}_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(f"{mounted}_CERT_FILENAME", str(certificate.cert))
    with running(node(), tokens=["good"], tls=certificate.context()) as cluster:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", LOOPBACK)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", cluster.url.rpartition(":")[2])
        server = ApiServer(None, Clock())
        server.connect()

        assert ["n1"] == names(server.resource("nodes").page(None))


def test_a_token_of_a_pod_that_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service account's token is read again when the old one is refused, and that is counted."""
    clock = Clock()
    certificate = self_signed(tmp_path)
    token = tmp_path / "token"
    token.write_text("old")
    mounted = "kubernetes.config.incluster_config.SERVICE"
    monkeypatch.setattr(f"{mounted}_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(f"{mounted}_CERT_FILENAME", str(certificate.cert))
    with running(node(), tokens=["old"], tls=certificate.context()) as cluster:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", LOOPBACK)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", cluster.url.rpartition(":")[2])
        server = ApiServer(None, clock)
        server.connect()
        cluster.rotate_tokens("new")
        token.write_text("new")
        clock.now += 31
        with pytest.raises(ApiServerUnavailable, match="401"):
            server.resource("nodes").page(None)

        assert ["n1"] == names(server.resource("nodes").page(None))
        assert 1 == server.reloads


def test_a_token_is_read_again_before_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service account's is after a minute; one that cannot be read then is a passing trouble."""
    certificate = self_signed(tmp_path)
    token = tmp_path / "token"
    token.write_text("old")
    inside = "kubernetes.config.incluster_config"
    monkeypatch.setattr(f"{inside}.SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(f"{inside}.SERVICE_CERT_FILENAME", str(certificate.cert))
    with running(node(), tokens=["old"], tls=certificate.context()) as cluster:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", LOOPBACK)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", cluster.url.rpartition(":")[2])
        server = ApiServer(None, Clock())
        server.connect()
        cluster.rotate_tokens("new")
        token.write_text("new")
        _let_pass(minutes=2, monkeypatch=monkeypatch)

        assert ["n1"] == names(server.resource("nodes").page(None))

        token.write_text("")
        _let_pass(minutes=4, monkeypatch=monkeypatch)
        with pytest.raises(ApiServerUnavailable, match="Token file exists but empty"):
            server.resource("nodes").page(None)

        assert 0 == server.reloads


def _let_pass(minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    later = dt.timedelta(minutes=minutes)
    now = SimpleNamespace(now=lambda: dt.datetime.now() + later)  # noqa: DTZ005 - as theirs
    clock = SimpleNamespace(datetime=now, timedelta=dt.timedelta)
    monkeypatch.setattr("kubernetes.config.incluster_config.datetime", clock)


def test_every_request_says_who_we_are(tmp_path: Path) -> None:
    """Lists, streams, watches and single objects all carry the token."""
    with running(node(), tokens=["good"]) as cluster:
        server = ApiServer(cluster.kubeconfig(tmp_path / "config", token="good"), Clock())  # noqa: S106 - a test's own token
        server.connect()
        nodes = server.resource("nodes")
        nodes.page(None)
        for opened in (nodes.watch("1", seconds=1), nodes.stream(seconds=1)):
            with opened as lines:
                list(lines)
        server.fetch(Place("", "v1", "nodes", name="n1"))

        assert ["Bearer good"] * 4 == [it.headers.get("authorization") for it in cluster.seen()]


@pytest.mark.parametrize("token", ["sec\nret", "sécret", "secret\x7f"])
def test_a_token_that_cannot_be_sent(connect: Connect, token: str) -> None:
    """It is said that it cannot, without telling it to whoever reads the log."""
    server = connect("http://127.0.0.1:1", token=token)

    with pytest.raises(ApiServerUnavailable, match="the token cannot be sent: it has") as raised:
        server.resource("nodes").page(None)

    assert "cret" not in str(raised.value)


def test_a_plugin_is_asked_again(tmp_path: Path) -> None:
    """A kubeconfig's exec plugin gives a new token once its last one is refused."""
    token, plugin = tmp_path / "token", tmp_path / "plugin"
    token.write_text("old")
    plugin.write_text(_PLUGIN.format(python=sys.executable, token=token))
    plugin.chmod(0o755)
    clock = Clock()
    with running(node(), tokens=["old"]) as cluster:
        path = cluster.kubeconfig(tmp_path / "config")
        config = yaml.safe_load(path.read_text())
        config["users"][0]["user"] = {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": str(plugin),
                "interactiveMode": "Never",
            }
        }
        path.write_text(yaml.safe_dump(config))
        server = ApiServer(path, clock)
        server.connect()

        assert ["n1"] == names(server.resource("nodes").page(None))

        token.write_text("new")
        cluster.rotate_tokens("new")
        clock.now += 31
        with pytest.raises(ApiServerUnavailable, match="401"):
            server.resource("nodes").page(None)

        assert ["n1"] == names(server.resource("nodes").page(None))
        assert 1 == server.reloads


class Rotation:
    """A cluster whose token is rotated while somebody is connected."""

    def __init__(self, cluster: Cluster, path: Path) -> None:
        self.clock = Clock()
        self.cluster = cluster
        self.path = cluster.kubeconfig(path, token="old")  # noqa: S106 - a test's own token
        self.server = ApiServer(self.path, self.clock)
        self.server.connect()
        cluster.rotate_tokens("new")

    def refused(self) -> bool:
        """Tell whether a request is refused."""
        try:
            self.server.resource("nodes").page(None)
        except ApiServerUnavailable as error:
            return "401" in str(error)
        return False


def test_a_rotated_token_is_read_again(tmp_path: Path) -> None:
    """After a 401 the kubeconfig is read again, at most every 30 seconds."""
    with running(tokens=["old"]) as cluster:
        rotation = Rotation(cluster, tmp_path / "config")
        cluster.kubeconfig(rotation.path, token="new")  # noqa: S106 - a test's own token

        assert rotation.refused()
        assert rotation.refused()

        rotation.clock.now += 31

        assert rotation.refused()
        assert not rotation.refused()
        assert 1 == rotation.server.reloads


def test_a_kubeconfig_that_went_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """If it cannot be read again the old one stays in use, and that is said."""
    with running(tokens=["old"]) as cluster:
        rotation = Rotation(cluster, tmp_path / "config")
        rotation.path.unlink()
        rotation.clock.now += 31

        assert rotation.refused()
        assert "credentials were refused and cannot be read again" in caplog.text
        assert 0 == rotation.server.reloads

        cluster.rotate_tokens("old")

        assert not rotation.refused()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "a: b", "\0", "users: 3", "current-context: x\ncontexts: 3"]
)
def test_a_kubeconfig_that_cannot_be_used(tmp_path: Path, content: str) -> None:
    """Whatever is wrong with the file, it is one sentence that says what to give."""
    path = tmp_path / "config"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match="give --kubeconfig FILE, or run in a pod"):
        ApiServer(path, Clock()).connect()


def test_no_kubeconfig_and_no_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a cluster and without a file there is no way to an API server."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    for path in (None, tmp_path / "missing"):
        with pytest.raises(ConfigurationError, match="no way to reach a Kubernetes API server"):
            ApiServer(path, Clock()).connect()
