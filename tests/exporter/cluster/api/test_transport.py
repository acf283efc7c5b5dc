"""The real `kubernetes` client against real sockets: what it asks, and what may go wrong."""

import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from socket import socket

import msgspec
import pytest

from demo.kubernetes.access import Rule
from demo.kubernetes.settings import Settings
from demo.processes import LOOPBACK, free_port
from exporter.cluster.api.collection import Resource
from exporter.errors import (
    ApiServerUnavailable,
    ResourceExpired,
    ResourceRefused,
)
from tests.support.apiserver import running
from tests.support.connecting import Connect
from tests.support.objects import node, pod
from tests.support.raw_server import Manners, RawServer, http, read_request, saying_once, silent
from tests.support.tls import self_signed


def names(body: bytes) -> list[str]:
    """Return the names of a list's items."""
    return [it["metadata"]["name"] for it in msgspec.json.decode(body)["items"]]


def drained(pods: Resource, version: str = "1") -> list[bytes]:
    """Return every line of a watch."""
    with pods.watch(version, seconds=1) as lines:
        return list(lines)


def test_a_token_that_expired(connect: Connect) -> None:
    """An old continue token is a version that is gone."""
    with running(*(pod(f"p{n:03}") for n in range(501))) as cluster:
        pods = connect(cluster.url).resource("pods")
        token = msgspec.json.decode(pods.page(None))["metadata"]["continue"]
        cluster.expire_tokens()

        with pytest.raises(ResourceExpired, match="continue"):
            pods.page(token)


def test_a_version_refused_with_a_status(connect: Connect) -> None:
    """A watch that is answered 410 before it begins is a version that is gone."""
    with running(pod("a"), settings=Settings(expired_as_http=True)) as cluster:
        cluster.compact()

        with pytest.raises(ResourceExpired, match="too old resource version"):
            drained(connect(cluster.url).resource("pods"))


def test_gone_without_words(connect: Connect) -> None:
    """A 410 with an unreadable body is a version that is gone all the same."""
    with (
        RawServer(saying_once(http(b"<html>", status="410 Gone"))) as server,
        pytest.raises(ResourceExpired, match="pods: 410 Gone"),
    ):
        connect(server.url).resource("pods").page(None)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failing_server(connect: Connect, status: int) -> None:
    """A refusal says which status it was."""
    with running() as cluster:
        cluster.plan("fail", status=status)

        with pytest.raises(ApiServerUnavailable, match=f"the API server answered {status}"):
            connect(cluster.url).resource("pods").page(None)


def test_a_permission_that_is_missing(connect: Connect) -> None:
    """The message says who may not do what, and what to grant."""
    with running() as cluster:
        cluster.forbid(Rule(resource="jobs"))
        expected = (
            r"the API server answered 403 jobs\.batch is forbidden: .* cannot list resource "
            r".*\(grant the verbs list and watch on jobs\)"
        )

        with pytest.raises(ResourceRefused, match=expected):
            connect(cluster.url).resource("jobs").page(None)


def test_a_resource_that_is_not_served(connect: Connect) -> None:
    """A cluster without an API group does not serve its resources; that is no missing object."""
    with (
        RawServer(saying_once(http(b"404 page not found", status="404 Not Found"))) as server,
        pytest.raises(ResourceRefused, match="the API server does not serve resourceclaims"),
    ):
        connect(server.url).resource("resourceclaims").page(None)


def test_a_refusal_leaves_no_connection(connect: Connect) -> None:
    """Who is refused hangs up at once: the server is not kept waiting."""
    hung_up = threading.Event()

    def manners(connection: socket) -> None:
        read_request(connection)
        connection.sendall(http(b"{}", status="500 Internal Server Error"))
        if not connection.recv(1):
            hung_up.set()

    with RawServer(manners) as server:
        with pytest.raises(ApiServerUnavailable, match="500") as raised:
            connect(server.url).resource("pods").page(None)

        assert hung_up.wait(20), raised


def test_nobody_listens(connect: Connect) -> None:
    """A refused connection is told by its cause."""
    with pytest.raises(ApiServerUnavailable, match=r"cannot be reached: .*[Cc]onnection refused"):
        connect(f"http://{LOOPBACK}:{free_port()}").resource("nodes").page(None)


def test_an_untrusted_certificate(connect: Connect, tmp_path: Path) -> None:
    """A failed handshake says so, in one line."""
    with (
        running(tls=self_signed(tmp_path).context()) as cluster,
        pytest.raises(ApiServerUnavailable, match="CERTIFICATE_VERIFY_FAILED") as raised,
    ):
        connect(cluster.url).resource("nodes").page(None)

    assert "\n" not in str(raised.value)


def test_a_trusted_certificate_and_a_token(connect: Connect, tmp_path: Path) -> None:
    """The kubeconfig's authority and token are used."""
    certificate = self_signed(tmp_path)
    with running(node(), tokens=["good"], tls=certificate.context()) as cluster:
        server = connect(cluster.url, token="good", authority=certificate.cert)  # noqa: S106 - a test's own token

        assert ["n1"] == names(server.resource("nodes").page(None))


def _chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> Manners:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    framed = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    return saying_once(head + b"".join(framed) + end)


def test_lines_are_put_together(connect: Connect) -> None:
    """Lines come whole however the network cuts them; empty ones do not count."""
    with RawServer(_chunked(b'{"a"', b":1}\n{", b'"b":2}\n\n', b'{"c":3}\n')) as server:
        lines = drained(connect(server.url).resource("pods"))

    assert [b'{"a":1}', b'{"b":2}', b'{"c":3}'] == lines


@pytest.mark.parametrize(
    "manners",
    [
        _chunked(b'{"a":1}\n{"b'),
        _chunked(b'{"a":1}\n{"b', end=b""),
        _chunked(b'{"a":1}\n', end=b""),
    ],
    ids=["in an event, politely", "in an event", "between events"],
)
def test_a_watch_that_breaks_off(connect: Connect, manners: Manners) -> None:
    """A cut is a failure, wherever it falls; the whole lines before it were told."""
    told: list[bytes] = []
    with RawServer(manners) as server:
        pods = connect(server.url).resource("pods")
        with (
            pytest.raises(ApiServerUnavailable),
            pods.watch("1", seconds=1) as lines,
        ):
            told.extend(lines)

    assert [b'{"a":1}'] == told


def test_half_a_page(connect: Connect) -> None:
    """A body shorter than announced is no answer."""
    with (
        RawServer(saying_once(http(b"{}" * 100)[:-50])) as server,
        pytest.raises(ApiServerUnavailable, match="cannot be reached"),
    ):
        connect(server.url).resource("pods").page(None)


def test_a_silent_server(connect: Connect) -> None:
    """A connection that stays open and says nothing is given up."""
    with running(settings=Settings(bookmark_interval=3600)) as cluster:
        pods = connect(cluster.url, silence=0.2).resource("pods")
        with (
            pytest.raises(ApiServerUnavailable, match=r"[Tt]imed out"),
            pods.watch("1", seconds=600) as lines,
        ):
            list(lines)


def test_a_page_that_never_comes(connect: Connect) -> None:
    """So is a list that is not answered."""
    with (
        RawServer(silent) as server,
        pytest.raises(ApiServerUnavailable, match=r"[Tt]imed out"),
    ):
        connect(server.url, silence=0.2).resource("pods").page(None)


@pytest.mark.skipif(int(version("kubernetes").split(".")[0]) < 37, reason="37 loads them lazily")
def test_the_client_s_models_are_never_loaded(tmp_path: Path) -> None:
    """What takes a second and 25 MB to import, for objects that nobody makes, is left alone."""
    program = (
        "import sys, time, pathlib; from exporter.cluster.api.transport import ApiServer;"
        "server = ApiServer(pathlib.Path(sys.argv[1]), time.monotonic); server.connect();"
        "server.resource('nodes').page(None);"
        "print([it for it in sys.modules if it.startswith('kubernetes.client.models.')])"
    )
    with running(node()) as cluster:
        path = cluster.kubeconfig(tmp_path / "config")
        asked = [sys.executable, "-c", program, str(path)]
        told = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=120).stdout
        paths = [it.path for it in cluster.seen()]

    assert ["/api/v1/nodes"] == paths
    assert "[]" == told.strip()
