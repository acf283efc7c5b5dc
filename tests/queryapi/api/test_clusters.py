"""`/api/v1/clusters` lists what there is to ask about."""

from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from werkzeug.test import Client

from queryapi.access.principal import Scope
from queryapi.api import clusters
from queryapi.errors import UpstreamUnavailable
from queryapi.services.clusters import ClusterList
from queryapi.services.freshness import Freshness
from queryapi.services.wording import second
from tests.support.fake_prometheus import EVALUATED_AT
from tests.support.query_service import OPENED, STATUS, Service, body, running
from tests.support.visits import visited

_DOWN = UpstreamUnavailable("the connection to Prometheus failed", reason="refused")


def listed(service: Service) -> list[dict[str, object]]:
    """Return the clusters that a caller who may see all is told of."""
    answer = service.http.get("/api/v1/clusters")

    assert (200, "application/json", "no-store") == (
        answer.status_code,
        answer.content_type,
        answer.headers["Cache-Control"],
    )
    found = body(answer)["clusters"]
    assert isinstance(found, list)
    return found


def test_clusters_are_listed_with_their_health() -> None:
    """In the settings' order; the first is the default one."""
    with running(clusters=("d", "c")) as service:
        found = listed(service)

    age = round(OPENED - EVALUATED_AT, 1)
    assert [("d", True, "healthy", age), ("c", False, "healthy", age)] == [
        (one["name"], one["default"], one["health"], one["data_age_seconds"]) for one in found
    ]
    assert {second(OPENED)} == {one["checked_at"] for one in found}


def test_the_list_says_what_the_status_would_say() -> None:
    """A cluster whose status is an error stands there with the same words."""
    with running() as service:
        service.prometheus.broken["totals"] = _DOWN
        [one] = listed(service)
        said = body(service.get(STATUS))["meta"]["message"]

    assert ("unhealthy", said, None) == (one["health"], one["reason"], one["data_age_seconds"])


def test_a_hidden_cluster_is_not_listed() -> None:
    """A caller limited to clusters sees no other name."""
    fresh = Freshness(at=990, age=1, lifetime=30, stale=False)
    flask = Flask("test")
    with ThreadPoolExecutor(1) as executor:
        known = ClusterList({"c": lambda: fresh, "d": lambda: fresh}, "c", executor)
        flask.register_blueprint(clusters.blueprint(known))
        scope = Scope(frozenset({"d"}))
        answer = Client(visited(flask, scope)).get("/api/v1/clusters")

    assert ["d"] == [one["name"] for one in body(answer)["clusters"]]


def test_listing_asks_prometheus_what_a_window_asks_anyway() -> None:
    """However many look at the list, each part is read once per window."""
    with running() as service:
        for _ in range(10):
            listed(service)

        assert 1 == service.prometheus.count("totals")
