"""The real Python client's raw calls against the stand-in, as the exporter uses them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from tests.support.apiserver import Cluster, running
from tests.support.cluster_objects import node, pod

TIMEOUT = (5, 20)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A node and three pods behind a token."""
    pods = [pod(f"p{number}") for number in range(3)]
    with running(node("n1"), *pods, tokens=["good"]) as cluster:
        yield cluster


@pytest.fixture
def api(cluster: Cluster, tmp_path: Path) -> Iterator[Any]:
    """A CoreV1Api configured from a kubeconfig."""
    settings = client.Configuration()
    path = cluster.kubeconfig(tmp_path / "config", token="good")  # noqa: S106 - a test's own token
    config.load_kube_config(str(path), client_configuration=settings)
    with client.ApiClient(settings) as connection:
        yield client.CoreV1Api(connection)
        connection.rest_client.pool_manager.clear()


def test_pages_are_read_as_bytes(api: Any) -> None:
    """`_preload_content=False` gives the body as it was sent, page after page."""
    raw = {"limit": 2, "_preload_content": False, "_request_timeout": TIMEOUT}
    first = json.loads(api.list_pod_for_all_namespaces(**raw).data)
    token = first["metadata"]["continue"]
    second = json.loads(api.list_pod_for_all_namespaces(_continue=token, **raw).data)
    items = [*first["items"], *second["items"]]

    assert ["p0", "p1", "p2"] == [item["metadata"]["name"] for item in items]
    assert "continue" not in second["metadata"]


def test_a_watch_is_read_line_by_line(api: Any, cluster: Cluster) -> None:
    """The response is a stream whose lines are events."""
    response = api.list_pod_for_all_namespaces(
        watch=True,
        resource_version=str(cluster.resource_version),
        allow_watch_bookmarks=True,
        timeout_seconds=30,
        _preload_content=False,
        _request_timeout=TIMEOUT,
    )
    try:
        cluster.put(pod("p3"))
        event = json.loads(next(response.stream()))
    finally:
        response.close()

    assert ("ADDED", "p3") == (event["type"], event["object"]["metadata"]["name"])


def test_a_refusal_raises_with_its_status(api: Any, cluster: Cluster) -> None:
    """Raw calls raise too: here after the token was rotated away."""
    cluster.rotate_tokens("other")

    with pytest.raises(client.ApiException) as refused:
        api.list_node(_preload_content=False, _request_timeout=TIMEOUT)

    assert (401, "Unauthorized") == (refused.value.status, json.loads(refused.value.body)["reason"])


def test_the_client_s_own_models_accept_what_is_served(api: Any) -> None:
    """Lists, single objects and versions parse into typed objects."""
    assert "n1" == api.list_node().items[0].metadata.name
    assert "p0" == api.read_namespaced_pod("p0", "default").metadata.name
    assert "v1.34.1" == client.VersionApi(api.api_client).get_code().git_version
