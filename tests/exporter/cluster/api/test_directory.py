"""Single objects found by what an owner reference says of them, on the real client."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.kubernetes.access import Rule
from demo.kubernetes.resources import RESOURCES, Resource, named
from exporter.cluster.api.directory import Directory
from exporter.cluster.api.fetching import Place
from exporter.cluster.api.transport import ApiServer
from exporter.cluster.objects.wire import ObjectWire, OwnerReference
from exporter.errors import (
    ApiServerUnavailable,
    KubernetesError,
    MalformedObject,
    NotFound,
    ResourceRefused,
)
from tests.support.apiserver import Cluster, running
from tests.support.fake_source import Clock
from tests.support.objects import metadata, owned, reference


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """An API server without objects."""
    with running() as cluster:
        yield cluster


class Finder:
    """A directory and the clock it goes by."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.clock = Clock()
        server = ApiServer(cluster.kubeconfig(folder / "config"), self.clock)
        server.connect()
        self.directory = Directory(server, self.clock)

    def find(self, api_version: str, kind: str, name: str = "o") -> ObjectWire:
        """Return the metadata of an object in the namespace ml, or of none."""
        return self.directory.find("ml", OwnerReference(kind, name, "uid", api_version))


@pytest.fixture
def finder(cluster: Cluster, tmp_path: Path) -> Finder:
    """Return a directory of the API server."""
    return Finder(cluster, tmp_path)


def an(resource: Resource, name: str = "o") -> dict[str, Any]:
    """Return an object of a resource, with an owner and something that must not be sent."""
    where = {"namespace": "ml"} if resource.namespaced else {}
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": metadata(name, **owned(reference("Workflow", "w")), **where),
        "spec": {"template": "of no interest"},
    }


KINDS = [row for row in RESOURCES if row.stored and (row.group or row.kind == "Pod")]


@pytest.mark.parametrize("row", KINDS, ids=lambda row: row.qualified)
def test_any_kind_is_found(cluster: Cluster, finder: Finder, row: Resource) -> None:
    """Kubernetes' own and custom ones, in namespaces and outside: of the core group only pods."""
    cluster.put(an(row))
    found = finder.find(row.api_version, row.kind).metadata

    assert ("o", "uid-o") == (found.name, found.uid)
    assert ["w"] == [owner.name for owner in found.owner_references or ()]
    (read,) = cluster.seen("get", row.plural)
    assert "PartialObjectMetadata" in read.headers["accept"]


@pytest.mark.parametrize(
    ("api_version", "kind", "name"),
    [
        ("ray.io/v1", "RayCluster", "another"),
        ("ray.io/v1", "RayPlane", "o"),
        ("ray.io/v9", "RayCluster", "o"),
        ("rain.io/v1", "RayCluster", "o"),
        ("v1", "Node", "o"),
        ("v1", "Pod", "another"),
        ("", "Pod", "o"),
        ("ray.io/v1", "RayCluster", ""),
        ("ray.io/v1", "RayCluster", ".."),
        ("ray.io/v1", "RayCluster", "../../pods/o"),
        ("ray.io/v1/namespaces", "RayCluster", "o"),
        ("../v1", "RayCluster", "o"),
        ("ray.io/", "RayCluster", "o"),
        ("ray.io/v1", "RayCluster", "%2e%2e"),
    ],
)
def test_what_is_not_there(finder: Finder, api_version: str, kind: str, name: str) -> None:
    """No such object, kind, version or group; or a reference that names none and is not sent."""
    with pytest.raises(NotFound):
        finder.find(api_version, kind, name)


def test_from_outside_of_namespaces(cluster: Cluster, finder: Finder) -> None:
    """What lives in none can only be owned by something that lives in none, too."""
    cluster.put(an(named("DeviceClass")), an(named("RayCluster")), an(named("Pod")))
    outside = OwnerReference("DeviceClass", "o", "uid", "resource.k8s.io/v1")

    assert "uid-o" == finder.directory.find("", outside).metadata.uid
    for api_version, kind in (("ray.io/v1", "RayCluster"), ("v1", "Pod")):
        with pytest.raises(NotFound):
            finder.directory.find("", OwnerReference(kind, "o", "uid", api_version))


def test_a_reference_never_leads_elsewhere(cluster: Cluster, finder: Finder) -> None:
    """Whoever makes a pod writes its references: they choose no path on the API server."""
    for api_version, name in (("../../api/v1", "o"), ("ray.io/..", "o"), ("ray.io/v1", "../x")):
        with pytest.raises(NotFound):
            finder.find(api_version, "RayCluster", name)

    assert [] == cluster.seen()


def test_discovery_is_asked_once_for_a_version(cluster: Cluster, finder: Finder) -> None:
    """Also for a version that is not served, and for all kinds of one that is."""
    cluster.put(*(an(named(kind)) for kind in ("RayCluster", "RayJob")))
    for kind in ("RayCluster", "RayJob", "RayCluster"):
        finder.find("ray.io/v1", kind)
    for _ in range(2):
        with pytest.raises(NotFound):
            finder.find("rain.io/v1", "Cloud")

    assert ["/apis/rain.io/v1", "/apis/ray.io/v1"] == sorted(
        seen.path.rstrip("/") for seen in cluster.seen("get") if seen.resource == seen.path
    )


def test_a_kind_that_was_not_there_is_looked_for_again_after_ten_minutes(
    cluster: Cluster, finder: Finder
) -> None:
    """Its operator may have come since; a kind that was there is never asked for again."""
    cluster.put(an(named("RayCluster")))
    moments = []
    for _ in range(25):
        finder.find("ray.io/v1", "RayCluster")
        with pytest.raises(NotFound):
            finder.find("ray.io/v1", "RayPlane")
        asked = len(
            cluster.seen("get", "/apis/ray.io/v1/") + cluster.seen("get", "/apis/ray.io/v1")
        )
        moments.append(asked)
        finder.clock.now += 60.0

    assert [1] * 10 + [2] * 10 + [3] * 5 == moments


def test_discovery_is_kept_for_so_many_versions_only(cluster: Cluster, tmp_path: Path) -> None:
    """Whoever makes pods can write any number of versions: the least used are forgotten."""
    asked = []

    class NothingServed:
        def fetch(self, place: Place, **_: object) -> bytes:
            asked.append(place.group)
            raise NotFound("no such group")

    directory = Directory(NothingServed(), Clock())
    for number in [*range(256), 0, 256, 0, 1]:
        with pytest.raises(NotFound):
            directory.find("ml", OwnerReference("K", "o", "uid", f"g{number}.io/v1"))

    assert [*(f"g{number}.io" for number in range(256)), "g256.io", "g1.io"] == asked


def test_a_missing_permission(cluster: Cluster, finder: Finder) -> None:
    """Told apart from an object that is missing."""
    cluster.put(an(named("RayCluster")))
    cluster.forbid(Rule("get", "rayclusters"))
    with pytest.raises(ResourceRefused, match="cannot get resource"):
        finder.find("ray.io/v1", "RayCluster")


def test_a_failing_discovery_is_not_kept(cluster: Cluster, finder: Finder) -> None:
    """The next look-up asks again."""
    cluster.put(an(named("RayCluster")))
    cluster.plan("fail", status=503)
    with pytest.raises(ApiServerUnavailable):
        finder.find("ray.io/v1", "RayCluster")

    assert "o" == finder.find("ray.io/v1", "RayCluster").metadata.name


class Says:
    """An API server that answers every request with the same bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def fetch(self, *_: object, **__: object) -> bytes:
        """Answer."""
        return self._body


@pytest.mark.parametrize(
    ("api_version", "body", "error"),
    [
        ("ray.io/v1", b"<html>", ApiServerUnavailable),
        ("ray.io/v1", b'{"resources":null}', ApiServerUnavailable),
        ("ray.io/v1", b'{"resources":[]}', NotFound),
        ("ray.io/v1", b'{"resources":[{"name":"pods/status","kind":"Pod"}]}', NotFound),
        ("v1", b"<html>", MalformedObject),
        ("v1", b'{"metadata":{"name":"o"}}', MalformedObject),
    ],
)
def test_answers_that_are_none(api_version: str, body: bytes, error: type[KubernetesError]) -> None:
    """A proxy's page, half a discovery, a sub-resource under its kind's name, half an object."""
    with pytest.raises(error):
        Directory(Says(body), Clock()).find("ml", OwnerReference("Pod", "o", "u", api_version))
