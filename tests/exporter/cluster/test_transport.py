"""The real `kubernetes` client against real sockets: what it asks, and what may go wrong."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from demo.kubernetes.access import Rule
from demo.kubernetes.cli import write_kubeconfig
from demo.kubernetes.settings import Settings
from demo.processes import LOOPBACK, free_port
from exporter.cluster.transport import ApiServer, Resource
from exporter.errors import ApiServerUnavailable, ResourceExpired
from exporter.version import __version__
from tests.support.apiserver import running
from tests.support.fake_source import Clock
from tests.support.objects import node, pod
from tests.support.raw_server import Manners, RawServer, http, saying_once, silent
from tests.support.tls import self_signed

Connect = Callable[..., ApiServer]


@pytest.fixture
def connect(tmp_path: Path) -> Connect:
    """Return a function that connects to a URL by a kubeconfig."""

    def connected(url: str, *, token: str = "", authority: Path | None = None) -> ApiServer:
        path = tmp_path / "config"
        write_kubeconfig(path, url, tokens=[token] if token else [], authority=authority)
        server = ApiServer(path, Clock())
        server.connect()
        return server

    return connected


def names(body: bytes) -> list[str]:
    """Return the names of a list's items."""
    return [it["metadata"]["name"] for it in msgspec.json.decode(body)["items"]]


def drained(pods: Resource, version: str = "1") -> list[bytes]:
    """Return every line of a watch."""
    with pods.watch(version, seconds=1) as lines:
        return list(lines)


def test_what_is_asked(connect: Connect) -> None:
    """Lists come in pages and watches with bookmarks; a selector goes with both."""
    with running(pod("a"), pod("b", phase="Failed")) as cluster:
        pods = connect(cluster.url).resource("pods", field_selector="status.phase!=Failed")
        body = pods.page(None)
        drained(pods, "3")
        listed, watched = cluster.seen()

    assert ["a"] == names(body)
    assert {"limit": "500", "fieldSelector": "status.phase!=Failed"} == listed.query
    assert watched.query.pop("watch").lower() == "true"
    assert {
        "allowWatchBookmarks": "true",
        "fieldSelector": "status.phase!=Failed",
        "resourceVersion": "3",
        "timeoutSeconds": "1",
    } == {name: text.replace("True", "true") for name, text in watched.query.items()}
    assert f"gpuscope-exporter/{__version__}" == listed.headers["user-agent"]


@pytest.mark.parametrize(
    ("plural", "path"),
    [
        ("nodes", "/api/v1/nodes"),
        ("pods", "/api/v1/pods"),
        ("replicasets", "/apis/apps/v1/replicasets"),
        ("statefulsets", "/apis/apps/v1/statefulsets"),
        ("jobs", "/apis/batch/v1/jobs"),
    ],
)
def test_every_resource_is_asked_for_in_all_namespaces(
    connect: Connect, plural: str, path: str
) -> None:
    """Each resource is where the API has it."""
    with running() as cluster:
        connect(cluster.url).resource(plural).page(None)
        (listed,) = cluster.seen()

    assert path == listed.path


def test_metadata_only(connect: Connect) -> None:
    """Of owners only the metadata is asked for, and only that is sent."""
    with running(pod("a")) as cluster:
        body = connect(cluster.url).resource("pods", metadata_only=True).page(None)

    assert b"PartialObjectMetadataList" in body
    assert ["a"] == names(body)
    assert b"containers" not in body


def test_pages_follow_one_another(connect: Connect) -> None:
    """The token of one page asks for the next."""
    with running(*(pod(f"p{n:03}") for n in range(501))) as cluster:
        pods = connect(cluster.url).resource("pods")
        first = pods.page(None)
        token = msgspec.json.decode(first)["metadata"]["continue"]
        second = pods.page(token)

    assert 500 == len(names(first))
    assert ["p500"] == names(second)


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
            r"the API server answered 403 jobs is forbidden: .* cannot list resource "
            r".*\(grant the verbs list and watch on jobs\)"
        )

        with pytest.raises(ApiServerUnavailable, match=expected):
            connect(cluster.url).resource("jobs").page(None)


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


def test_a_silent_server(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that stays open and says nothing is given up."""
    monkeypatch.setattr("exporter.cluster.transport._SILENCE_SECONDS", 0.2)
    with running(settings=Settings(bookmark_interval=3600)) as cluster:
        pods = connect(cluster.url).resource("pods")
        with (
            pytest.raises(ApiServerUnavailable, match=r"[Tt]imed out"),
            pods.watch("1", seconds=600) as lines,
        ):
            list(lines)


def test_a_page_that_never_comes(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a list that is not answered."""
    monkeypatch.setattr("exporter.cluster.transport._SILENCE_SECONDS", 0.2)

    with (
        RawServer(silent) as server,
        pytest.raises(ApiServerUnavailable, match=r"[Tt]imed out"),
    ):
        connect(server.url).resource("pods").page(None)
