"""One resource through the real `kubernetes` client: what its lists and watches ask for."""

import sys
from pathlib import Path
from socket import socket

import msgspec
import pytest

from demo.kubernetes.settings import Settings
from demo.processes import wait_for
from exporter.cluster.api.collection import Resource
from exporter.errors import RequestRejected
from exporter.version import __version__
from tests.support.apiserver import running
from tests.support.connecting import Connect
from tests.support.objects import pod
from tests.support.raw_server import RawServer, http, read_request, silent


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
    assert {
        "allowWatchBookmarks": "true",
        "fieldSelector": "status.phase!=Failed",
        "resourceVersion": "3",
        "timeoutSeconds": "1",
        "watch": "true",
    } == watched.query
    assert "application/json" == listed.headers["accept"]
    assert f"gpuscope-exporter/{__version__}" == listed.headers["user-agent"]


@pytest.mark.parametrize(
    ("plural", "path"),
    [
        ("nodes", "/api/v1/nodes"),
        ("pods", "/api/v1/pods"),
        ("replicasets", "/apis/apps/v1/replicasets"),
        ("statefulsets", "/apis/apps/v1/statefulsets"),
        ("jobs", "/apis/batch/v1/jobs"),
        ("cronjobs", "/apis/batch/v1/cronjobs"),
        ("deployments", "/apis/apps/v1/deployments"),
        ("daemonsets", "/apis/apps/v1/daemonsets"),
        ("events", "/api/v1/events"),
        ("resourceclaims", "/apis/resource.k8s.io/v1/resourceclaims"),
        ("resourceslices", "/apis/resource.k8s.io/v1/resourceslices"),
    ],
)
def test_every_resource_is_asked_for_in_all_namespaces(
    connect: Connect, plural: str, path: str
) -> None:
    """Each resource is where the API has it, for lists, watches and streams."""
    asked: list[str] = []

    def manners(connection: socket) -> None:
        asked.append(read_request(connection).split()[1].decode())
        connection.sendall(http(b""))

    with RawServer(manners) as server:
        resource = connect(server.url).resource(plural, field_selector="a!=b")
        resource.page(None)
        drained(resource)
        with resource.stream(seconds=1) as lines:
            assert [] == list(lines)

    assert [path] * 3 == [it.partition("?")[0] for it in asked]
    assert all("fieldSelector=a%21%3Db" in it for it in asked)


def test_a_stream(connect: Connect) -> None:
    """A stream is a watch that begins with the objects and says where they end."""
    with running(pod("a")) as cluster:
        with connect(cluster.url).resource("pods").stream(seconds=1) as lines:
            told = [msgspec.json.decode(line) for line in lines]
        (asked,) = cluster.seen()

    assert ["ADDED", "BOOKMARK"] == [event["type"] for event in told][:2]
    assert {"k8s.io/initial-events-end": "true"} == told[1]["object"]["metadata"]["annotations"]
    assert {
        "allowWatchBookmarks": "true",
        "resourceVersionMatch": "NotOlderThan",
        "sendInitialEvents": "true",
        "timeoutSeconds": "1",
        "watch": "true",
    } == asked.query


def test_a_server_that_does_not_stream(connect: Connect) -> None:
    """One whose feature is off rejects the request, with its reason."""
    with (
        running(settings=Settings(watch_list=False)) as cluster,
        pytest.raises(RequestRejected, match=r"422 .*sendInitialEvents is forbidden"),
        connect(cluster.url).resource("pods").stream(seconds=1),
    ):
        pass


def test_lists_are_compressed_and_watches_are_not(connect: Connect) -> None:
    """Long pages travel gzipped and arrive as they are; an event must not wait for a compressor."""
    with running(pod("a"), settings=Settings(gzip_above=0)) as cluster:
        pods = connect(cluster.url).resource("pods")
        body = pods.page(None)
        drained(pods)
        with pods.stream(seconds=1) as lines:
            list(lines)
        accepted = [it.headers.get("accept-encoding") for it in cluster.seen()]

    assert ["a"] == names(body)
    assert ["gzip", "identity", "identity"] == accepted


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's list of connections")
def test_connections_are_kept_alive(connect: Connect) -> None:
    """While a watch is silent the kernel asks whether the other end is still there."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    def manners(connection: socket) -> None:
        read_request(connection)
        connection.sendall(head)
        silent(connection)

    with RawServer(manners) as server:
        pods = connect(server.url).resource("pods")
        with pods.watch("1", seconds=600):
            wait_for(lambda: "02" in timers_of(server.port), seconds=60, what="a keepalive timer")


def timers_of(port: int) -> list[str]:
    """Return the active timers of connections to a port: "02" is keepalive (proc(5), net/tcp)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[5].partition(":")[0] for row in rows if int(row[2].partition(":")[2], 16) == port]


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
