"""Single objects: read one, write one, and what the answers mean."""

from socket import socket
from typing import Any

import msgspec
import pytest

from demo.kubernetes.access import Rule
from exporter.errors import (
    ApiServerUnavailable,
    Conflict,
    KubernetesError,
    NotFound,
    RequestRejected,
    ResourceExpired,
    ResourceRefused,
)
from tests.support.apiserver import running
from tests.support.connecting import Connect
from tests.support.objects import pod
from tests.support.raw_server import RawServer, http, read_request, saying_once

LEASE: dict[str, Any] = {
    "group": "coordination.k8s.io",
    "version": "v1",
    "namespace": "gpuscope",
    "plural": "leases",
    "name": "exporter",
}


def test_one_object(connect: Connect) -> None:
    """An object is answered as it is; its metadata alone when no more is wanted."""
    with running(pod("a")) as cluster:
        server = connect(cluster.url)
        asked: dict[str, Any] = {"name": "a", "namespace": "ml"}
        whole = server.fetch("CoreV1Api", "read_namespaced_pod", **asked)
        part = server.fetch("CoreV1Api", "read_namespaced_pod", metadata_only=True, **asked)

    assert ["Pod", "a"] == [(it := msgspec.json.decode(whole))["kind"], it["metadata"]["name"]]
    assert b"containers" in whole
    assert "PartialObjectMetadata" == msgspec.json.decode(part)["kind"]
    assert b"containers" not in part


def test_an_object_of_any_group(connect: Connect) -> None:
    """A kind is named by group, version and plural; no class of the client has to know it."""
    with running({"kind": "Deployment", "metadata": {"name": "web"}}) as cluster:
        body = connect(cluster.url).fetch(
            "CustomObjectsApi",
            "get_namespaced_custom_object",
            group="apps",
            version="v1",
            namespace="default",
            plural="deployments",
            name="web",
        )

    assert "web" == msgspec.json.decode(body)["metadata"]["name"]


@pytest.mark.parametrize(
    ("method", "line", "named"),
    [
        ("replace_namespaced_custom_object", "PUT {path}/exporter HTTP/1.1", True),
        ("create_namespaced_custom_object", "POST {path} HTTP/1.1", False),
    ],
)
def test_an_object_is_written_as_it_was_given(
    connect: Connect, method: str, line: str, *, named: bool
) -> None:
    """What is sent is the dict, to the letter: no field is lost and no time rewritten."""
    lease = {
        "metadata": {"name": "exporter", "resourceVersion": "7"},
        "spec": {"renewTime": "2026-01-01T00:00:00.000001Z", "preferredHolder": "later"},
    }
    sent: list[bytes] = []

    def manners(connection: socket) -> None:
        sent.append(read_request(connection))
        connection.sendall(http(b'{"kind":"Lease"}'))

    place = LEASE if named else {key: text for key, text in LEASE.items() if key != "name"}
    with RawServer(manners) as server:
        body = connect(server.url).fetch("CustomObjectsApi", method, **place, body=lease)

    head, _, written = sent[0].partition(b"\r\n\r\n")
    path = "/apis/coordination.k8s.io/v1/namespaces/gpuscope/leases"
    assert b'{"kind":"Lease"}' == body
    assert line.format(path=path) == head.split(b"\r\n")[0].decode()
    assert lease == msgspec.json.decode(written)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("400 Bad Request", RequestRejected),
        ("401 Unauthorized", ApiServerUnavailable),
        ("403 Forbidden", ResourceRefused),
        ("404 Not Found", NotFound),
        ("409 Conflict", Conflict),
        ("410 Gone", ResourceExpired),
        ("422 Unprocessable Entity", RequestRejected),
        ("429 Too Many Requests", ApiServerUnavailable),
        ("500 Internal Server Error", ApiServerUnavailable),
    ],
)
@pytest.mark.parametrize(
    ("body", "told"),
    [(b'{"message":"so it is"}', "so it is"), (b"<html>", ""), (b"d\xe9sol\xe9", ""), (b"", "")],
    ids=["a Status", "a page", "not UTF-8", "empty"],
)
def test_what_a_refusal_means(
    connect: Connect, status: str, error: type[KubernetesError], body: bytes, told: str
) -> None:
    """Each answer is an error of its own meaning, with or without words."""
    with RawServer(saying_once(http(body, status=status))) as server:
        client = connect(server.url)
        with pytest.raises(KubernetesError, match=told or status[:3]) as raised:
            client.fetch("CustomObjectsApi", "get_namespaced_custom_object", **LEASE)

    assert error is raised.type


def test_what_is_missing_is_named(connect: Connect) -> None:
    """Without words of the API server the message says which object was asked for."""
    with (
        RawServer(saying_once(http(b"", status="404 Not Found"))) as server,
        pytest.raises(NotFound, match=r"^leases gpuscope exporter: 404 Not Found$"),
    ):
        connect(server.url).fetch("CustomObjectsApi", "get_namespaced_custom_object", **LEASE)


@pytest.mark.parametrize(
    ("asked", "patience"),
    [("7", 7), ("0", 0), ("3600", 60), ("-1", 0), ("Fri, 31 Dec 1999 23:59:59 GMT", None)],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_server_that_asks_for_patience(
    connect: Connect, status: str, asked: str, patience: float | None
) -> None:
    """Its Retry-After goes with the error, a minute at most; a date is not read."""
    refusing = saying_once(http(b"{}", f"Retry-After: {asked}", status=status))
    with RawServer(refusing) as server, pytest.raises(ApiServerUnavailable) as raised:
        connect(server.url).fetch("CoreV1Api", "read_node", name="n1")

    assert patience == raised.value.retry_after


def test_a_permission_that_is_missing(connect: Connect) -> None:
    """The API server's own words say who may not do what."""
    with running(pod("a")) as cluster:
        cluster.forbid(Rule(verb="get", resource="pods"))

        with pytest.raises(ResourceRefused, match=r"403 pods \"a\" is forbidden: .* cannot get"):
            connect(cluster.url).fetch("CoreV1Api", "read_namespaced_pod", name="a", namespace="ml")


def test_an_argument_the_client_does_not_know(connect: Connect) -> None:
    """What the client cannot spell is rejected before anything is sent."""
    with pytest.raises(RequestRejected, match=r"the kubernetes client cannot ask this: .*colour"):
        connect("http://127.0.0.1:1").fetch("CoreV1Api", "read_node", name="n1", colour="blue")


def test_a_method_that_does_not_exist(connect: Connect) -> None:
    """A mistake of ours is no trouble of the API server's."""
    with pytest.raises(AttributeError, match="read_everything"):
        connect("http://127.0.0.1:1").fetch("CoreV1Api", "read_everything")
