"""`/api/v1/clusters` lists what there is to ask about."""

from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from werkzeug.test import Client

from queryapi import app
from queryapi.access.principal import Scope
from queryapi.api import clusters
from queryapi.errors import UpstreamUnavailable
from queryapi.services.clusters import ClusterList
from queryapi.services.freshness import Freshness
from queryapi.services.wording import second
from queryapi.settings import Cluster, Settings
from tests.support.fake_prometheus import EVALUATED_AT, Clock, FakePrometheus
from tests.support.query_service import OPENED, STATUS, Service, Visitor, body, running
from tests.support.visits import visited
from tests.support.vitals import FakeExaminer

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


def test_clusters_that_hang_cost_the_others_nothing() -> None:
    """However many do: a cluster that is well is told to be so, and its clients find a seat."""
    hung, well = FakePrometheus(), FakePrometheus()
    hung.gate.clear()
    names = [*(f"hung-{number}" for number in range(20)), "c"]
    application = app.build(
        Settings(clusters=tuple(Cluster(name, "http://prometheus") for name in names)),
        clock=Clock(OPENED),
        connect=lambda cluster, _: well if cluster.name == "c" else hung,
    )
    try:
        service = Service(
            well, Clock(), Visitor(application.wsgi), application, FakeExaminer(Clock())
        )
        [*others, last] = listed(service)
        assert ("healthy", {"unhealthy"}) == (last["health"], {one["health"] for one in others})
        assert 200 == service.get(STATUS).status_code
        assert body(service.get("/readyz"))["clusters"]["c"]["ready"]
    finally:
        hung.gate.set()
        application.close()


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
