"""A path has one route."""

import pytest

from queryapi.access.policy import Permission
from queryapi.api.endpoints import ENDPOINTS, Endpoint, Parameter
from queryapi.front.routes import Doors, Routes, normalised
from queryapi.settings import Api


def _endpoint(method: str, path: str, *parameters: Parameter) -> Endpoint:
    return Endpoint(method, path, Api.JOBS, Permission.READ, "", None, parameters)


ROUTES = Routes(
    [
        _endpoint("GET", "/b/{id}", Parameter("id", "", rest=True)),
        _endpoint("GET", "/b/{id}/c"),
        _endpoint("GET", "/a/{id}"),
        _endpoint("GET", "/a/fixed"),
        _endpoint("POST", "/a/{id}/done.now"),
    ]
)


@pytest.mark.parametrize(
    ("expected", "path"),
    [
        ("/a/{id}", "/a/x"),
        ("/a/{id}", "/a/%C3%BC ü"),
        ("/a/fixed", "/a/fixed"),
        ("/a/{id}/done.now", "/a/x/done.now"),
        (None, "/a/x/doneXnow"),
        (None, "/a/"),
        (None, "/a/x/y"),
        (None, "/a//done.now"),
        (None, "/A/fixed"),
        ("/b/{id}", "/b/x/y"),
        ("/b/{id}", "/b//x\r\ny//"),
        ("/b/{id}/c", "/b/x/c"),
        ("/b/{id}", "/b/x/y/c"),
        (None, "/b/"),
        (None, ""),
    ],
)
def test_a_parameter_is_one_segment(expected: str | None, path: str) -> None:
    """Fixed paths come first; only a parameter that says so takes all that is left."""
    found = ROUTES.find(path)

    assert expected == (found.template if found else None)


def test_only_get_comes_with_head() -> None:
    """A route that cannot be read has no HEAD."""
    found = ROUTES.find("/a/x/done.now")

    assert found
    assert "POST, OPTIONS" == found.allow


@pytest.mark.parametrize(
    ("expected", "path"),
    [("/", ""), ("/", "/"), ("/", "//"), ("/a", "/a/"), ("/a/", "/a//"), ("*", "*")],
)
def test_one_trailing_slash_is_forgiven(expected: str, path: str) -> None:
    """One, and nothing else."""
    assert expected == normalised(path)


def test_a_listener_serves_what_it_is_for() -> None:
    """Some APIs alone, or none, and what is for everywhere; other ports have it all."""
    doors = Doors(
        [
            _endpoint("GET", "/jobs"),
            Endpoint("GET", "/pools", Api.POOLS, Permission.READ, "", None),
            Endpoint("GET", "/open", None, Permission.READ, "", None),
            Endpoint("GET", "/healthz", None, Permission.READ, "", None, everywhere=True),
        ],
        {1: (Api.JOBS,), 2: (), 3: (Api.JOBS, Api.POOLS)},
    )
    paths = ("/jobs", "/pools", "/open", "/healthz")

    def served(port: str) -> list[str]:
        return [path for path in paths if doors.find(path, port)]

    assert ["/jobs", "/healthz"] == served("1")
    assert ["/healthz"] == served("2")
    assert ["/jobs", "/pools", "/healthz"] == served("3")
    assert list(paths) == served("4") == served("")


def test_a_listener_knows_the_websockets_of_what_it_serves_alone() -> None:
    """Where real-time metrics are not served, nothing of them is known."""
    doors = Doors(ENDPOINTS, {50062: [Api.MONITORING]})

    assert doors.is_stream("/api/v1/real-time-metrics/ws", "8080")
    assert not doors.is_stream("/api/v1/real-time-metrics/ws", "50062")
    assert not doors.is_stream("/api/v1/real-time-metrics", "8080")
