"""Single objects: read one, write one, and what the answers mean."""

from dataclasses import replace
from socket import socket

import msgspec
import pytest

from demo.kubernetes.access import Rule
from exporter.cluster.api.fetching import Place
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

LEASES = Place("coordination.k8s.io", "v1", "leases", "gpuscope")
LEASE = replace(LEASES, name="exporter")
POD = Place("", "v1", "pods", "ml", "a")


def test_one_object(connect: Connect) -> None:
    """An object is answered as it is; its metadata alone when no more is wanted."""
    with running(pod("a")) as cluster:
        server = connect(cluster.url)
        whole = server.fetch(POD)
        part = server.fetch(POD, metadata_only=True)

    assert ["Pod", "a"] == [(it := msgspec.json.decode(whole))["kind"], it["metadata"]["name"]]
    assert b"containers" in whole
    assert "PartialObjectMetadata" == msgspec.json.decode(part)["kind"]
    assert b"containers" not in part


def test_an_object_of_any_group(connect: Connect) -> None:
    """A kind is named by group, version and plural; nobody has to know it beforehand."""
    web = Place("apps", "v1", "deployments", "default", "web")
    with running({"kind": "Deployment", "metadata": {"name": "web"}}) as cluster:
        body = connect(cluster.url).fetch(web)

    assert "web" == msgspec.json.decode(body)["metadata"]["name"]


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (Place("", "v1"), "/api/v1"),
        (Place("ray.io", "v1"), "/apis/ray.io/v1"),
        (Place("", "v1", "nodes", name="n1"), "/api/v1/nodes/n1"),
        (POD, "/api/v1/namespaces/ml/pods/a"),
        (replace(POD, name="../../kube-system/pods/a"), "..%2F..%2Fkube-system%2Fpods%2Fa"),
        (replace(POD, name="a?watch=1#b"), "/api/v1/namespaces/ml/pods/a%3Fwatch%3D1%23b"),
        (replace(POD, name="%2e%2e"), "/api/v1/namespaces/ml/pods/%252e%252e"),
        (replace(POD, name="é b\r\n"), "/api/v1/namespaces/ml/pods/%C3%A9%20b%0D%0A"),
        (replace(POD, namespace="ml/pods"), "/api/v1/namespaces/ml%2Fpods/pods/a"),
        (replace(POD, version="v1/nodes"), "/api/v1%2Fnodes/namespaces/ml/pods/a"),
    ],
)
def test_no_name_leads_out_of_its_place(connect: Connect, place: Place, path: str) -> None:
    """Whatever a name has in it is part of the name, on the wire, too."""
    asked: list[str] = []

    def manners(connection: socket) -> None:
        asked.append(read_request(connection).split()[1].decode())
        connection.sendall(http(b"{}"))

    with RawServer(manners) as server:
        connect(server.url).fetch(place)

    assert [path if path[0] == "/" else f"/api/v1/namespaces/ml/pods/{path}"] == asked


@pytest.mark.parametrize("name", ["", ".", ".."])
@pytest.mark.parametrize("member", ["version", "plural", "namespace", "name"])
def test_a_name_that_is_none(connect: Connect, member: str, name: str) -> None:
    """What would be another path is not sent at all."""
    with pytest.raises(RequestRejected, match=f"nothing on an API server is named '{name}'"):
        connect("http://127.0.0.1:1").fetch(replace(POD, **{member: name}))


@pytest.mark.parametrize(
    ("method", "place", "line"),
    [
        ("PUT", LEASE, "PUT {path}/exporter HTTP/1.1"),
        ("POST", LEASES, "POST {path} HTTP/1.1"),
    ],
)
def test_an_object_is_written_as_it_was_given(
    connect: Connect, method: str, place: Place, line: str
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

    with RawServer(manners) as server:
        body = connect(server.url).fetch(place, method=method, body=lease)

    head, _, written = sent[0].partition(b"\r\n\r\n")
    path = "/apis/coordination.k8s.io/v1/namespaces/gpuscope/leases"
    assert b'{"kind":"Lease"}' == body
    assert line.format(path=path) == head.split(b"\r\n")[0].decode()
    assert b"content-type: application/json" in head.lower().split(b"\r\n")
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
            client.fetch(LEASE)

    assert error is raised.type


def test_what_is_missing_is_named(connect: Connect) -> None:
    """Without words of the API server the message says which object was asked for."""
    with (
        RawServer(saying_once(http(b"", status="404 Not Found"))) as server,
        pytest.raises(NotFound, match=r"^leases gpuscope exporter: 404 Not Found$"),
    ):
        connect(server.url).fetch(LEASE)


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
        connect(server.url).fetch(POD)

    assert patience == raised.value.retry_after


def test_a_permission_that_is_missing(connect: Connect) -> None:
    """The API server's own words say who may not do what."""
    with running(pod("a")) as cluster:
        cluster.forbid(Rule(verb="get", resource="pods"))

        with pytest.raises(ResourceRefused, match=r"403 pods \"a\" is forbidden: .* cannot get"):
            connect(cluster.url).fetch(POD)


@pytest.mark.parametrize("there", ["/k8s/clusters/c-1", "/k8s/clusters/c-1/"])
def test_a_server_below_a_path(connect: Connect, there: str) -> None:
    """As a gateway in front of several clusters has them."""
    asked: list[bytes] = []

    def manners(connection: socket) -> None:
        asked.append(read_request(connection).split()[1])
        connection.sendall(http(b"{}"))

    with RawServer(manners) as server:
        connect(f"{server.url}{there}").fetch(POD)

    assert [b"/k8s/clusters/c-1/api/v1/namespaces/ml/pods/a"] == asked


def test_a_refusal_that_breaks_off(connect: Connect) -> None:
    """Its status is heard all the same."""
    half = http(b"{}" * 100, status="503 Service Unavailable")[:-50]
    with (
        RawServer(saying_once(half)) as server,
        pytest.raises(ApiServerUnavailable, match="the API server answered 503"),
    ):
        connect(server.url).fetch(POD)


def test_nobody_is_led_elsewhere(connect: Connect) -> None:
    """An answer that sends on to another place is no success, and our token stays here."""
    with RawServer(saying_once(http(b"{}"))) as elsewhere:
        moved = http(b"", f"Location: {elsewhere.url}/", status="307 Temporary Redirect")
        with (
            RawServer(saying_once(moved)) as server,
            pytest.raises(ApiServerUnavailable, match="the API server answered 307"),
        ):
            connect(server.url, token="good").fetch(POD)  # noqa: S106 - a test's own token

        assert 0 == elsewhere.connections
